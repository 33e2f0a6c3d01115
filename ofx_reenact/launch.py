"""How a process of ofx-reenact is started, so that it never imports modules from the folder that it is started in.

``python -m`` puts the working directory first on the path of modules. That is a shot's folder, often, where anybody may
have put a ``safetensors.py``.
"""

from __future__ import annotations

import os
import sys

# For an interpreter of any version: -P and PYTHONSAFEPATH came with 3.11, and -I would hide a studio's PYTHONPATH.
# No double quote, dollar sign or backslash is in it, so that it can stand in a shell's double quotes.
CODE = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; "
    "import runpy; runpy.run_module('ofx_reenact', run_name='__main__', alter_sys=True)"
)


def command(*arguments: str) -> list[str]:
    """Return the command that runs ``ofx-reenact`` with arguments, in a process of this interpreter."""
    return [sys.executable, "-c", CODE, *arguments]


def leave_working_directory() -> None:
    """Take the working directory off the path of modules, where ``python -m`` has put it; for ``__main__`` modules.

    A checkout in which the package itself lies stays. Written without pathlib, which would import a dozen modules from
    there.
    """
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:
        # It was removed; nothing can be imported from it.
        return
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    is_safe = getattr(sys.flags, "safe_path", False)
    if not is_safe and sys.path and sys.path[0] in ("", here) and os.path.realpath(package) != os.path.realpath(here):
        del sys.path[0]
