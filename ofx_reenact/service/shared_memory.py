"""Shared memory of two processes, for pixels, which are too many to send over the connection.

On Linux and macOS it is a file of mode 0600, in ``/dev/shm`` if that exists, else in the folder for temporary files;
on Windows it is a named mapping. The client makes it and removes it; if the client was killed, the engine removes it.

The engine reads and writes the file instead of mapping it. If the other process truncates the file meanwhile, that is
an error; with mapped memory it would kill the engine. Both ways copy the pixels once.
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

# Name of the stage that a benchmark times: copying and converting pixels between host and engine.
HAND_OVER_STAGE = "hand over"
_NAME = "ofx-reenact"
# What the names of such files begin with: those of this module, and those of the OpenFX plug-in.
_NAMES = (f"{_NAME}.", "reenact-")
_MEMORY = Path("/dev/shm")


class Mapping(Protocol):
    """A block of shared memory.

    Attributes:
        name: another process opens the block by it.
    """

    name: str

    def read(self, offset: int, stride: int, rows: np.ndarray) -> None:
        """Fill ``rows``, (H, N) uint8 C-contiguous, from rows that begin every ``stride`` bytes from ``offset`` on.

        Raises:
            ReenactError: the block has become smaller.
        """

    def write(self, offset: int, stride: int, rows: np.ndarray) -> None:
        """Write ``rows``, (H, N) uint8 C-contiguous, to rows that begin every ``stride`` bytes from ``offset`` on.

        Raises:
            ReenactError: the block has become smaller.
        """

    def close(self) -> None:
        """Close the block; the process that made it also removes it."""


def open_mapping(name: str, size: int) -> Mapping:
    """Open shared memory that another process of this user has made.

    Args:
        name: absolute path of its file; on Windows the mapping's name.
        size: bytes that it must have at least.

    Raises:
        ReenactError: it does not exist, is smaller, or is not accessible to this user alone.
    """
    return _open_file(name, size) if os.name == "posix" else _open_named(name, size)


def make_mapping(size: int) -> Mapping:
    """Make shared memory of ``size`` bytes.

    Raises:
        OutputError: there is no space for it.
    """
    try:
        if os.name != "posix":
            return _Named(SharedMemory(f"Local\\{_NAME}-{secrets.token_hex(8)}", create=True, size=size), made=True)
        folder = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        # Files that a killed client has left are removed by the next client.
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
    """Remove shared memory files that a disconnected client has left, if owner and name show that they are ours."""
    for name in names:
        path = Path(name)
        if os.name == "posix" and path.name.startswith(_NAMES):
            with contextlib.suppress(OSError, ReenactError):
                os.close(open_own(path, os.O_RDONLY))
                path.unlink()


class _File:
    """Shared memory in a file, which the other process may have mapped."""

    def __init__(self, name: str, number: int, *, made: bool = False) -> None:
        self.name = name
        self._file, self._made = os.fdopen(number, "r+b", buffering=0), made

    def read(self, offset: int, stride: int, rows: np.ndarray) -> None:
        for at, part in self._pieces(offset, stride, rows):
            self._file.seek(at)
            left = part
            while left:
                # A read may return less: at the end of the file, and if it is longer than 2 GB.
                count = self._file.readinto(left)
                if not count:
                    raise ReenactError(f"{self.name}: the shared memory has become smaller; request the frame again")
                left = left[count:]

    def write(self, offset: int, stride: int, rows: np.ndarray) -> None:
        try:
            for at, part in self._pieces(offset, stride, rows):
                # Writing must not make a truncated file longer again.
                if os.fstat(self._file.fileno()).st_size < at + len(part):
                    raise ReenactError(f"{self.name}: the shared memory has become smaller; request the frame again")
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
        """Return (position in the file, bytes) of each row, or of all rows at once if there are no gaps."""
        if stride == rows.shape[1]:
            return [(offset, rows.reshape(-1).data)]
        return [(offset + index * stride, row.data) for index, row in enumerate(rows)]


class _Named:
    """Shared memory in a named mapping of Windows, whose size cannot change."""

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
        raise ReenactError(f"{name}: name the shared memory by its absolute path")
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
        reason = f"has {found.st_size} bytes, not the {size} that the request names"
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
        raise ReenactError(f"{name}: the shared memory has {memory.size} bytes, not the {size} that the request names")
    return _Named(memory)
