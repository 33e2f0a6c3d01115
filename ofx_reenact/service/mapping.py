"""Memory that two processes share, for pixels that are too many to be sent.

Where there are files in memory (``/dev/shm``) or temporary ones it is such a file, of mode 0600; on Windows a mapping
with a name. Whoever made it removes it; of one that was killed, the engine does.

The file is read and written, not mapped: a file that the other process cuts short meanwhile is an error then, where
mapped memory would end this process. Both cost one copy of the pixels.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Protocol

import numpy as np

from ofx_reenact.errors import OutputError, ReenactError
from ofx_reenact.service.session import open_own
from ofx_reenact.temporary import remove_leftovers_once, temporary_beside

# The stage that a benchmark times: what it costs that pixels come and go.
HAND = "hand over"
_NAME = "ofx-reenact"
# How such files are called: those of this module, and those of the OpenFX plug-in.
_NAMES = (f"{_NAME}.", "reenact-")
_MEMORY = Path("/dev/shm")


class Mapping(Protocol):
    """Shared memory of some size.

    Attributes:
        name: by which another process opens it.
    """

    name: str

    def read(self, offset: int, stride: int, rows: np.ndarray) -> None:
        """Fill ``rows`` (H, N), uint8 in one piece, from where rows begin every ``stride`` bytes after an offset.

        Raises:
            ReenactError: it has become smaller.
        """

    def write(self, offset: int, stride: int, rows: np.ndarray) -> None:
        """Write ``rows`` (H, N), uint8 in one piece, to where rows begin every ``stride`` bytes after an offset.

        Raises:
            ReenactError: it has become smaller.
        """

    def close(self) -> None:
        """Let go of it; who made it removes it, too."""


def open_mapping(name: str, size: int) -> Mapping:
    """Open what another process of this user has made.

    Args:
        name: absolute path of its file; on Windows the mapping's name.
        size: bytes that it must have at least.

    Raises:
        ReenactError: there is none, it is smaller, or it is not this user's alone.
    """
    return _open_file(name, size) if os.name == "posix" else _open_named(name, size)


def make_mapping(size: int) -> Mapping:
    """Make shared memory of so many bytes.

    Raises:
        OutputError: there is no room for it.
    """
    try:
        if os.name != "posix":
            return _Named(SharedMemory(f"Local\\{_NAME}-{secrets.token_hex(8)}", create=True, size=size), made=True)
        folder = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        # Of a client that was killed, what is left is removed by the next.
        remove_leftovers_once(folder)
        path = temporary_beside(folder / _NAME)
        made = _File(str(path), os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), made=True)
        try:
            os.truncate(path, size)
        except OSError:
            made.close()
            raise
        return made
    except OSError as error:
        raise OutputError(f"{size >> 20} MiB of shared memory cannot be made ({error.strerror or error})") from error


def remove_left_behind(names: Iterable[str]) -> None:
    """Remove files of a client that has gone, as far as they are still there, this user's, and named as such are."""
    for name in names:
        path = Path(name)
        if os.name == "posix" and path.name.startswith(_NAMES):
            with contextlib.suppress(OSError, ReenactError):
                os.close(open_own(path, os.O_RDONLY))
                path.unlink()


class _File:
    """A file that is read and written where the other process may have it mapped."""

    def __init__(self, name: str, number: int, *, made: bool = False) -> None:
        self.name = name
        self._file, self._made = os.fdopen(number, "r+b", buffering=0), made

    def read(self, offset: int, stride: int, rows: np.ndarray) -> None:
        for at, part in self._pieces(offset, stride, rows):
            self._file.seek(at)
            left = part
            while left:
                # Less than was asked for comes at a file's end, and of more than 2 GB.
                count = self._file.readinto(left)
                if not count:
                    raise ReenactError(f"{self.name}: the shared memory has become smaller; ask for the frame again")
                left = left[count:]

    def write(self, offset: int, stride: int, rows: np.ndarray) -> None:
        try:
            for at, part in self._pieces(offset, stride, rows):
                # A file that was cut short must not grow again.
                if os.fstat(self._file.fileno()).st_size < at + len(part):
                    raise ReenactError(f"{self.name}: the shared memory has become smaller; ask for the frame again")
                self._file.seek(at)
                left = part
                while left:
                    left = left[self._file.write(left) :]
        except OSError as error:
            raise OutputError(f"{self.name}: cannot be written ({error.strerror or error})") from error

    def close(self) -> None:
        self._file.close()
        if self._made:
            with contextlib.suppress(OSError):
                Path(self.name).unlink()

    @staticmethod
    def _pieces(offset: int, stride: int, rows: np.ndarray) -> list[tuple[int, memoryview]]:
        """Return rows that lie in one piece, each with its place in the file."""
        if stride == rows.shape[1]:
            return [(offset, rows.reshape(-1).data)]
        return [(offset + index * stride, row.data) for index, row in enumerate(rows)]


class _Named:
    """A named mapping of Windows, which keeps its size."""

    def __init__(self, memory: SharedMemory, *, made: bool = False) -> None:
        self.name = memory.name
        self._memory, self._made = memory, made

    def read(self, offset: int, stride: int, rows: np.ndarray) -> None:
        rows[:] = self._rows(offset, stride, rows.shape)

    def write(self, offset: int, stride: int, rows: np.ndarray) -> None:
        self._rows(offset, stride, rows.shape)[:] = rows

    def close(self) -> None:
        self._memory.close()
        if self._made:
            self._memory.unlink()

    def _rows(self, offset: int, stride: int, shape: tuple[int, ...]) -> np.ndarray:
        return np.ndarray(shape, np.uint8, self._memory.buf, offset, (stride, 1))


def _open_file(name: str, size: int) -> Mapping:
    path = Path(name)
    if not path.is_absolute():
        raise ReenactError(f"{name}: shared memory is named by a whole path")
    try:
        number = open_own(path, os.O_RDWR)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ReenactError(f"{name}: the shared memory cannot be opened ({reason})") from error
    made = _File(name, number)
    found = os.fstat(number)
    reason = ""
    if stat.S_IMODE(found.st_mode) != 0o600:
        reason = f"has the mode {stat.S_IMODE(found.st_mode):04o}; give it 0600, so that it is this user's alone"
    elif found.st_size < size:
        reason = f"has {found.st_size} bytes, not the {size} that were named"
    if reason:
        made.close()
        raise ReenactError(f"{name}: the shared memory {reason}")
    return made


def _open_named(name: str, size: int) -> Mapping:
    try:
        memory = SharedMemory(name)
    except (OSError, ValueError) as error:
        raise ReenactError(f"{name}: the shared memory cannot be opened ({error})") from error
    if memory.size < size:
        memory.close()
        raise ReenactError(f"{name}: the shared memory has {memory.size} bytes, not the {size} that were named")
    return _Named(memory)
