"""What ``init.py`` and ``menu.py`` do. Errors go to stderr and the log; Nuke starts in any case."""

from __future__ import annotations

import sys
from typing import Any, Callable

from reenact_nuke import engine_python, log

_CREATE = "import reenact_nuke.node; reenact_nuke.node.create()"
_PYTHON = "import reenact_nuke.startup; reenact_nuke.startup.ask_python()"


def begin() -> None:
    """Begin the log of this session, with or without a window; the engine starts when it is first needed."""
    _report_errors("init.py", lambda: log.write("reenact_nuke is on NUKE_PATH"))


def add_menus() -> None:
    """Add the node to the Nodes menu, and *Engine's Python...* to Nuke's menu bar."""
    _report_errors("menu.py", _add_commands)


def ask_python() -> None:
    """Let the artist choose the engine's Python; saved in ``~/.nuke/reenact.json``."""
    import nuke

    python = nuke.getFilename("Python that ofx-reenact is installed in")
    if python:
        nuke.message(f"Saved in {engine_python.save_python(python)}")


def _add_commands() -> None:
    import nuke

    nuke.menu("Nodes").addCommand("Reenact", _CREATE, icon="reenact.png")
    nuke.menu("Nuke").addCommand("Reenact/Engine's Python...", _PYTHON)


def _report_errors(what: str, call: Callable[[], Any]) -> None:
    try:
        call()
    except Exception as error:
        log.write_traceback()
        print(f"reenact_nuke: {what} failed ({error!r}); log: {log.path()}", file=sys.stderr)
