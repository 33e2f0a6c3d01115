"""Standard streams on which printing cannot fail: a full disk or a closed pipe never ends the work."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
from collections.abc import Iterable
from typing import Any, cast

from ofx_reenact.errors import Exit

# Commands whose result is what they print; other commands write files, or have only an exit code.
PRINTING = (
    "", "bench", "consent", "doctor", "evaluate", "nuke-path", "ofx-path", "provenance", "pyblish-path", "settings",
)  # fmt: skip


class Tolerant:
    """A text stream that never raises: the first failure is kept in ``lost``, and later output is discarded.

    ``lost`` is None while everything could be written.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return int(self._stream.write(text))
        except OSError as error:
            self._lose(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lose(self, error: OSError) -> None:
        # Not the error itself: its traceback would keep the frames in memory.
        self.lost = self.lost or OSError(error.errno, error.strerror)
        # The stream's buffer, and what Python flushes when it exits, goes to the null device.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def make_tolerant() -> Tolerant:
    """Replace the process's standard streams by tolerant ones; returns standard output.

    A closed stream is opened to the null device: otherwise the next file that is opened would get its number, and with
    it whatever a library prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        # A pipe that another program made non-blocking would look broken as soon as its reader is slow.
        with contextlib.suppress(OSError):
            os.set_blocking(number, True)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8")
    output, errors = (_tolerant(number, stream) for number, stream in ((1, sys.stdout), (2, sys.stderr)))
    sys.stdout, sys.stderr = cast("Any", output), cast("Any", errors)
    return output


def finish(output: Tolerant, arguments: list[str], code: int) -> int:
    """Print a line if output was lost, and return the exit code.

    A closed pipe is no failure: its reader may have read enough. A full disk is a failure of commands whose result is
    their output (:data:`PRINTING`).
    """
    output.flush()
    if output.lost is None or output.lost.errno == errno.EPIPE:
        return code
    print(f"error: standard output cannot be written ({output.lost.strerror}); output is incomplete",
          file=sys.stderr, flush=True)  # fmt: skip
    command = "" if "--help" in arguments else next((word for word in arguments if not word.startswith("-")), "")
    return Exit.FAILED if code == Exit.DONE and command in PRINTING else code


def _tolerant(number: int, stream: Any) -> Tolerant:
    stream = stream or os.fdopen(number, "w", encoding="utf-8")
    with contextlib.suppress(AttributeError):
        # File names may have characters that the encoding lacks. ASCII is only what an empty locale falls back to.
        chosen = "utf-8" if codecs.lookup(stream.encoding).name == "ascii" else stream.encoding
        stream.reconfigure(encoding=chosen, errors="backslashreplace")
    return Tolerant(stream)
