"""Files that are written completely or not at all, locks, JSON, digests."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ofx_reenact.errors import OutputError, ReenactError, SettingsError
from ofx_reenact.temporary import remove_leftovers_once, temporary_beside

# Errors by which a file system tells that it has no locks.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
# Seconds that a process waits for a lock; changing a file takes a fraction of a second.
_PATIENCE = 60.0
# Files of up to 1 GiB in all are read completely for a digest; of larger ones, 64 KiB at either end of each file.
_MOST_READ, _END_READ = 1 << 30, 64 << 10
# Levels to which JSON may be nested; the files written here have far fewer.
_MOST_LEVELS = 64

# Bytes that a file's name may have: file systems take 255, and lock files and other files beside it have longer names.
LONGEST_NAME = 255 - 24


def check_name(name: str) -> None:
    """Check that libraries and headers can hold a file's name.

    Raises:
        SettingsError: it is not UTF-8, has a zero byte, or is too long.
    """
    check_text(name, "; rename the file or folder")
    if long := next((part for part in Path(name).parts if len(part.encode()) > LONGEST_NAME), None):
        raise SettingsError(f"{long[:40]}...: a name of {len(long.encode())} bytes is too long; use a shorter one")


def check_text(text: str, hint: str = "") -> None:
    """Check that files and command lines can hold a text; ``hint`` ends the message.

    Raises:
        SettingsError: it is not UTF-8, or has a zero byte.
    """
    if not is_text(text):
        shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        raise SettingsError(f"{shown}: not UTF-8, or with a zero byte{hint}")


def is_text(text: str) -> bool:
    """Tell whether files and command lines can hold a text: UTF-8 without a zero byte."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


@contextlib.contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` to write to; at the end it takes the place of ``path``.

    Missing folders are created. After an error or an interruption the temporary file is removed and the earlier file
    at ``path`` stays. If the process is killed, the next process that writes into the folder removes the temporary
    file. Several processes, also on several machines, may write the same path: each writes a temporary file of its own,
    and the last one that is complete stays.

    Raises:
        OutputError: the file cannot be written.
    """
    partial = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers_once(path.parent.absolute())
        yield partial
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({_reason(error)})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def lock_of(path: Path) -> Path:
    """Return the lock file of a file."""
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def locked(path: Path, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold the lock of a file while it is changed, so that one process at a time, on any machine, changes it.

    The lock is on ``.NAME.lock`` beside it and is the operating system's: it ends with the process that holds it, even
    one that is killed. The lock file is empty and stays: if it were removed on a network file system, a process that
    waits for the removed file and one that creates a new file would both get the lock.

    Missing folders are created.

    Raises:
        OutputError: the lock file cannot be created, the file system has no locks, or another process has held the
            lock for ``patience`` seconds.
    """
    # Imported here, as interfaces import this module and must start fast.
    from filelock import FileLock, Timeout

    lock = lock_of(path)
    with contextlib.ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Everybody who may write into the folder may lock, whoever created the file.
            held.enter_context(FileLock(lock, timeout=patience, mode=0o666))
        except Timeout as error:
            raise OutputError(
                f"{path}: cannot be written: another process has locked {lock.name} for {patience:g} s; "
                "if it hangs, end it and try again; if none runs, delete that file"
            ) from error
        except (OSError, NotImplementedError) as error:
            if isinstance(error, NotImplementedError) or error.errno in _NO_LOCKS:
                raise OutputError(
                    f"{path}: cannot be written: the file system of {path.parent} has no locks, so processes would "
                    "write over each other's entries; have it mounted with locks, or choose a folder on another one"
                ) from error
            raise OutputError(f"{path}: cannot be written ({_reason(error)})") from error
        yield


def read_json(
    path: Path,
    schema: str = "",
    *,
    what: str = "file",
    hint: str = "",
    error: type[ReenactError] = ReenactError,
    largest: int = 16,
) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Args:
        path: the file.
        schema: the value that the object's ``schema`` must have; not checked if empty.
        what: kind of file, for messages, as "consent file".
        hint: what to do, for messages.
        error: class of the error to raise.
        largest: MiB that the file may have; the objects read from it take about twenty times as much memory.

    Raises:
        error: the file cannot be read, is too large, is not JSON in UTF-8, or is not an object of this schema.
    """
    hint = hint and f"; {hint}"
    try:
        with path.open("rb") as file:
            data = file.read((largest << 20) + 1)
        if len(data) > largest << 20:
            raise error(f"{path}: the {what} cannot be read (it has more than {largest} MiB){hint}")
        content = parse_json(data.decode("utf-8"))
    except (OSError, ValueError) as cause:
        raise error(f"{path}: the {what} cannot be read ({_reason(cause)}){hint}") from cause
    if not isinstance(content, dict):
        raise error(f"{path}: expected a {what}: one JSON object{hint}")
    if schema and content.get("schema") != schema:
        raise error(f'{path}: expected a {what} with "schema": "{schema}"{hint}')
    return content


def parse_json(text: str) -> Any:
    """Parse JSON from an untrusted source.

    Raises:
        ValueError: it is not JSON, is nested too deeply, or has numbers that are not finite or have more than 64 bits,
            or half of a surrogate pair.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not a number")

    try:
        content = json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    level, depth = [content], 0
    while level:
        depth += 1
        if depth > _MOST_LEVELS:
            raise ValueError("nested too deeply")
        for value in level:
            _check_plain(value)
        lists = [value for value in level if isinstance(value, list | dict)]
        level = [inner for value in lists for inner in (value.values() if isinstance(value, dict) else value)]
    return content


def write_json(path: Path, content: Any) -> None:
    """Write plain values as indented JSON, completely or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with write_whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256_of(*paths: Path, whole: bool = False) -> str:
    """Return the hexadecimal SHA-256 of files, in the order given.

    If they have more than 1 GiB in all, the digest is of each file's size (8 bytes, little-endian), its first 64 KiB
    and its last 64 KiB instead, unless ``whole`` is set: every chunk of a farm job computes it, and must not read a
    sequence of thousands of frames completely. The offset table of an EXR lies in its first 64 KiB and the index of a
    video at one of its ends, so files that are rendered or encoded again differ there. A change in the middle of a file
    that keeps its size and the sizes of all compressed parts, as in an EXR without compression, is not detected.
    """
    digest, block = hashlib.sha256(), memoryview(bytearray(1 << 18))
    ends_only = not whole and sum(path.stat().st_size for path in paths) > _MOST_READ
    for path in paths:
        with path.open("rb") as file:
            if ends_only:
                size = os.fstat(file.fileno()).st_size
                digest.update(size.to_bytes(8, "little"))
                digest.update(file.read(_END_READ))
                file.seek(max(_END_READ, size - _END_READ))
            while count := file.readinto(block):
                digest.update(block[:count])
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    """Return why a file cannot be read or written."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"not JSON: {error}"


def _check_plain(value: Any) -> None:
    """Check one value of a JSON text: a number, a text, or the names of an object, but not the values inside it.

    Raises:
        ValueError: it cannot be used.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("a whole number has more than 64 bits")
    for text in value if isinstance(value, dict) else (value,) if isinstance(value, str) else ():
        if not text.isascii():
            # Half of a surrogate pair can be written as an escape, but is not UTF-8.
            text.encode("utf-8")
