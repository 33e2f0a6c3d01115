"""What ``init.py`` and ``menu.py`` do; whatever fails is said on stderr and in the log, and Nuke starts."""

from __future__ import annotations

import sys
from typing import Any, Callable

from reenact_nuke import log

_CREATE = "import reenact_nuke.node; reenact_nuke.node.create()"
_PYTHON = "import reenact_nuke.start; reenact_nuke.start.ask_python()"


def begin() -> None:
    """Prepare this session, with or without a window; the engine starts when it is first needed."""
    _guarded("init.py", lambda: log.write("reenact_nuke is on NUKE_PATH"))


def menus() -> None:
    """Add the node to the Nodes menu, and the choice of the engine's Python to Nuke's."""
    _guarded("menu.py", _add_menus)


def ask_python() -> None:
    """Let the artist name the engine's Python; kept in ``~/.nuke/reenact.json``."""
    import nuke
    from reenact_nuke import paths

    python = nuke.getFilename("Python that ofx-reenact is installed in")
    if python:
        nuke.message(f"Kept in {paths.remember_python(python)}")


def _add_menus() -> None:
    import nuke

    nuke.menu("Nodes").addCommand("Reenact", _CREATE, icon="reenact.png")
    nuke.menu("Nuke").addCommand("Reenact/Engine's Python...", _PYTHON)


def _guarded(what: str, call: Callable[[], Any]) -> None:
    try:
        call()
    except Exception as error:
        log.write_traceback()
        print(f"reenact_nuke: {what} failed ({error!r}); log: {log.path()}", file=sys.stderr)
