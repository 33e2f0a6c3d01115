"""How processes of the engine's Python are started: the same for the engine and for publishing."""

from __future__ import annotations

import os
import subprocess
from typing import Dict, List

# Of Nuke's environment, what would make another Python load Nuke's libraries.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
FOREIGN_PREFIXES = ("DYLD_", "QT_")
# A console window would flash up on Windows.
FLAGS: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
# Not -m: that would import modules from Nuke's working directory, where a shot's folder may hold any.
_CODE = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; "
    "import runpy; runpy.run_module('{}', run_name='__main__', alter_sys=True)"
)


def command(python: str, module: str, *arguments: str) -> List[str]:
    """The command that runs a module of the engine's Python."""
    return [python, "-c", _CODE.format(module), *arguments]


def environment(ocio: str = "") -> Dict[str, str]:
    """Nuke's environment without what is Nuke's own, and with the script's colour config."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in FOREIGN and not name.upper().startswith(FOREIGN_PREFIXES)
    }
    kept["PYTHONUTF8"] = "1"
    if ocio:
        kept["OCIO"] = ocio
    return kept
