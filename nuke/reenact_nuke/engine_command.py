"""How a process of the engine's Python is started: its command and its environment."""

from __future__ import annotations

import os
import subprocess
from typing import Dict, List

# Variables of Nuke's that would make another Python load Nuke's libraries.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
FOREIGN_PREFIXES = ("DYLD_", "QT_")
# Without it Windows opens a console window.
FLAGS: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
# Not -m: that would also import modules from Nuke's working directory, which may be a shot's folder.
_CODE = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; "
    "import runpy; runpy.run_module('{}', run_name='__main__', alter_sys=True)"
)


def module_command(python: str, module: str, *arguments: str) -> List[str]:
    """Give the command that runs a module in the engine's Python."""
    return [python, "-c", _CODE.format(module), *arguments]


def environment(ocio: str = "") -> Dict[str, str]:
    """Copy Nuke's environment without the variables of Nuke's own libraries.

    Args:
        ocio: the script's OCIO config, for ``OCIO``; empty to leave that variable as it is.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in FOREIGN and not name.upper().startswith(FOREIGN_PREFIXES)
    }
    kept["PYTHONUTF8"] = "1"
    if ocio:
        kept["OCIO"] = ocio
    return kept
