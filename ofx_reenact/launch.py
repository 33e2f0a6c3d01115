"""Start processes of ofx-reenact so that they never import modules from the working directory.

``python -m`` puts the working directory first on the module path. It is often a shot's folder, into which anybody may
have put a ``safetensors.py``.
"""

from __future__ import annotations

import os
import sys

# Works in every version: -P and PYTHONSAFEPATH exist only from 3.11 on, and -I would hide a studio's PYTHONPATH.
# It has no double quote, dollar sign or backslash, so it can be written in double quotes in a shell.
CODE = (
    "import sys; sys.path[:] = [p for p in sys.path if p]; "
    "import runpy; runpy.run_module('ofx_reenact', run_name='__main__', alter_sys=True)"
)


def command(*arguments: str) -> list[str]:
    """Return the command line that runs ``ofx-reenact`` with these arguments in this Python interpreter."""
    return [sys.executable, "-c", CODE, *arguments]


def leave_working_directory() -> None:
    """Remove the working directory from the module path if ``python -m`` put it there; for ``__main__`` modules.

    It stays if the package itself lies in it, as in a checkout. This does without pathlib, which would import a dozen
    modules from there.
    """
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:
        # The directory was deleted, so nothing can be imported from it.
        return
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    is_safe = getattr(sys.flags, "safe_path", False)
    if not is_safe and sys.path and sys.path[0] in ("", here) and os.path.realpath(package) != os.path.realpath(here):
        del sys.path[0]
