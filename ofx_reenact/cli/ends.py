"""How a command ends that does not end well: in one line, said as ``--progress`` asks, and an exit code."""

from __future__ import annotations

import os
import tempfile
import traceback

from ofx_reenact.cli import progress
from ofx_reenact.errors import Exit, ReenactError


def end(error: BaseException, way: str) -> Exit:
    """Say why a command ended, for people, and for the program or queue that asked for its own way of progress.

    Args:
        error: what ended it: KeyboardInterrupt, a ReenactError, or any other Exception, which is a defect.
        way: to show progress, as the command line asked for it; empty if it did not.

    Raises:
        Exception: the defect itself, where OFX_REENACT_DEBUG asks to see it.
    """
    if isinstance(error, KeyboardInterrupt):
        return _failed(way, "interrupted; frames that were finished are whole", Exit.INTERRUPTED)
    if isinstance(error, ReenactError):
        return _failed(way, str(error), error.exit)
    if lacking := _lacking(error):
        return _failed(way, lacking, Exit.FAILED)
    if os.environ.get("OFX_REENACT_DEBUG"):
        raise error
    return _failed(way, _defect(error), Exit.DEFECT)


def _failed(way: str, message: str, code: Exit) -> Exit:
    progress.fail(way, message)
    return code


def _lacking(error: BaseException) -> str:
    """Say what this machine lacks, if an error is of that; else nothing."""
    if isinstance(error, MemoryError):
        return f"not enough memory ({error or 'no more is said'}); give it more, or smaller pictures"
    if isinstance(error, FileNotFoundError) and "usable temporary directory" in str(error):
        return f"{error.strerror}; set TMPDIR to a folder that can be written to"
    return ""


def _defect(error: BaseException) -> str:
    """Say that a command failed by no fault of its input; where, is written to a file that is nobody else's."""
    said = f"a defect of ofx-reenact, not of your input: {error!r}. Please report it"
    try:
        handle, log = tempfile.mkstemp(prefix="ofx-reenact-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{said}; OFX_REENACT_DEBUG=1 shows where, since there is no place for a log"
    return f"{said} with {log}"
