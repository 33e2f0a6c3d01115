"""What a command prints, and a disk, a terminal or a program that does not take it: that never ends the work."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
from collections.abc import Iterable
from typing import Any, cast

from ofx_reenact.errors import Exit

# Commands whose result is what they print; that of the others is in files, or in their exit code.
PRINTING = (
    "", "bench", "consent", "doctor", "evaluate", "nuke-path", "ofx-path", "provenance", "pyblish-path", "settings",
)  # fmt: skip


class Tolerant:
    """A text stream that keeps the first failure in ``lost`` instead of raising it, and takes everything from then on.

    ``lost`` is None as long as all went well.
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
        """Hand on what was written."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lose(self, error: OSError) -> None:
        # Not the error itself, which keeps all alive that was being worked on.
        self.lost = self.lost or OSError(error.errno, error.strerror)
        # What the stream still holds, and what Python flushes at its end, goes nowhere.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def hold() -> Tolerant:
    """Make the process's standard streams such that printing cannot fail; returns standard output.

    A stream that was closed is open from now on, to nowhere: else the next file that is opened would get its number,
    and with it whatever a library prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        # One that another program left so would be taken for a broken one as soon as that reads slowly.
        with contextlib.suppress(OSError):
            os.set_blocking(number, True)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8")
    output, errors = (_tolerant(number, stream) for number, stream in ((1, sys.stdout), (2, sys.stderr)))
    sys.stdout, sys.stderr = cast("Any", output), cast("Any", errors)
    return output


def settle(output: Tolerant, arguments: list[str], code: int) -> int:
    """Say if standard output did not take all, and return the exit code that follows from it.

    Whoever reads a pipe may stop when it has enough. If a disk is full, a command is not done whose result is what it
    prints; any other is.
    """
    output.flush()
    if output.lost is None or output.lost.errno == errno.EPIPE:
        return code
    print(f"error: standard output cannot be written ({output.lost.strerror}); what it holds is not whole",
          file=sys.stderr, flush=True)  # fmt: skip
    command = "" if "--help" in arguments else next((word for word in arguments if not word.startswith("-")), "")
    return Exit.FAILED if code == Exit.DONE and command in PRINTING else code


def _tolerant(number: int, stream: Any) -> Tolerant:
    stream = stream or os.fdopen(number, "w", encoding="utf-8")
    with contextlib.suppress(AttributeError):
        # Names of files may have characters that no encoding knows; ASCII is not what anybody chose.
        chosen = "utf-8" if codecs.lookup(stream.encoding).name == "ascii" else stream.encoding
        stream.reconfigure(encoding=chosen, errors="backslashreplace")
    return Tolerant(stream)
