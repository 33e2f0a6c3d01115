"""The log of this Nuke session: what was asked of the engine, what it said, and tracebacks."""

from __future__ import annotations

import getpass
import os
import tempfile
import time
import traceback

TAIL = 40


def path() -> str:
    """The log file: in ``OFX_REENACT_LOG_DIR`` if set, else in Nuke's or the system's folder for temporary files."""
    folder = os.environ.get("OFX_REENACT_LOG_DIR") or os.environ.get("NUKE_TEMP_DIR") or tempfile.gettempdir()
    return os.path.join(folder, f"reenact-nuke-{_user()}-{os.getpid()}.log")


def write(text: str) -> None:
    """Add a line with the time; a log that cannot be written stops nobody."""
    try:
        folder = os.path.dirname(path())
        if not os.path.isdir(folder):
            os.makedirs(folder)
        with open(path(), "a", encoding="utf-8", errors="replace") as file:
            file.write("{} {}\n".format(time.strftime("%Y-%m-%d %H:%M:%S"), text))
    except OSError:
        pass


def write_traceback() -> None:
    """Add the traceback of the exception that is being handled."""
    write(traceback.format_exc())


def tail(lines: int = TAIL) -> str:
    """The last lines, oldest first; empty if there is no log yet."""
    try:
        with open(path(), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError:
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except Exception:
        # On Windows without a user name in the environment.
        return "user"
