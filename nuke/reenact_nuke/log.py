"""The log of this Nuke session: requests to the engine, its answers and messages, and tracebacks.

It is made once, under a name that nobody can guess, and stays open. So a file or link that somebody else puts into the
shared folder for temporary files is never written to.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import subprocess
import tempfile
import threading
import time
import traceback
from typing import Any, Iterator, List, Tuple

TAIL = 40
_making = threading.Lock()
_made: List[Tuple[str, int]] = []


def path() -> str:
    """Give the log file; in ``OFX_REENACT_LOG_DIR``, else in Nuke's or the system's folder for temporary files."""
    return _file()[0]


def write(text: str) -> None:
    """Add a line with the time; if the log cannot be written, do nothing."""
    number = _file()[1]
    if number >= 0:
        line = "{} {}\n".format(time.strftime("%Y-%m-%d %H:%M:%S"), text)
        with contextlib.suppress(OSError):
            os.write(number, line.encode("utf-8", "replace"))


def write_traceback() -> None:
    """Add the traceback of the exception that is being handled."""
    write(traceback.format_exc())


def tail(lines: int = TAIL) -> str:
    """Read the last lines, oldest first; empty if there is no log yet."""
    try:
        with open(path(), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError:
        return ""


@contextlib.contextmanager
def sink() -> Iterator[Any]:
    """Open the log for a process to write to; yields what ``subprocess`` takes as ``stderr``."""
    number = _file()[1]
    if number < 0:
        yield subprocess.DEVNULL
        return
    with os.fdopen(os.dup(number), "ab") as file:
        yield file


def _file() -> Tuple[str, int]:
    """Give the log's path and file descriptor; the descriptor is -1 if no log can be written."""
    with _making:
        if not _made:
            _made.append(_make())
        return _made[0]


def _make() -> Tuple[str, int]:
    studio = os.environ.get("OFX_REENACT_LOG_DIR")
    folder = studio or os.environ.get("NUKE_TEMP_DIR") or tempfile.gettempdir()
    start = f"reenact-nuke-{_user()}-{os.getpid()}-"
    try:
        if not os.path.isdir(folder):
            os.makedirs(folder)
        number, name = tempfile.mkstemp(".log", start, folder)
    except OSError:
        return os.path.join(folder, start + "(cannot be written).log"), -1
    if studio and hasattr(os, "fchmod"):
        # So that the studio's support can read it.
        os.fchmod(number, 0o644)
    return name, number


def _user() -> str:
    try:
        return re.sub(r"[^\w.-]", "_", getpass.getuser())
    except Exception:
        # Windows, without a user name in the environment.
        return "user"
