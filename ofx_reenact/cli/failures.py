"""End a command that fails: print one line, in the form that ``--progress`` sets, and return an exit code."""

from __future__ import annotations

import os
import tempfile
import traceback

from ofx_reenact.cli import progress
from ofx_reenact.errors import Exit, ReenactError


def end(error: BaseException, way: str) -> Exit:
    """Print why a command ended, for people and in the form that ``--progress`` sets; return the exit code.

    Args:
        error: what ended it: KeyboardInterrupt, a ReenactError, or any other Exception, which is a defect.
        way: the value of ``--progress``; empty if it was not given.

    Raises:
        Exception: the defect itself, if OFX_REENACT_DEBUG is set.
    """
    if isinstance(error, KeyboardInterrupt):
        return _failed(way, "interrupted; frames that were finished are whole", Exit.INTERRUPTED)
    if isinstance(error, ReenactError):
        return _failed(way, str(error), error.exit)
    if missing := _missing(error):
        return _failed(way, missing, Exit.FAILED)
    if os.environ.get("OFX_REENACT_DEBUG"):
        raise error
    return _failed(way, _defect(error), Exit.DEFECT)


def _failed(way: str, message: str, code: Exit) -> Exit:
    progress.fail(way, message)
    return code


def _missing(error: BaseException) -> str:
    """Return what the machine lacks (memory, a temporary folder), if that caused the error; else an empty text."""
    if isinstance(error, MemoryError):
        return f"not enough memory ({error or 'no details'}); use a machine with more, or smaller pictures"
    if isinstance(error, FileNotFoundError) and "usable temporary directory" in str(error):
        return f"{error.strerror}; set TMPDIR to a folder that can be written to"
    return ""


def _defect(error: BaseException) -> str:
    """Return the message of a defect; the traceback goes to a log that only this user can read."""
    message = f"a defect of ofx-reenact, not of your input: {error!r}. Please report it"
    try:
        handle, log = tempfile.mkstemp(prefix="ofx-reenact-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{message}; no log could be written: set OFX_REENACT_DEBUG=1 to see the traceback"
    return f"{message} with {log}"
