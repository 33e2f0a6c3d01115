"""Files written whole or not at all, by one process at a time if need be; JSON; digests."""

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

# How a file system says that it has no locks.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
# Seconds that a process waits for another to be done with a file; to change one takes a fraction of one.
_PATIENCE = 60.0
# Bytes that are read whole for a digest; of more files, and larger ones, so many bytes at either end.
_MOST_READ, _END = 1 << 30, 64 << 10
# How deep JSON may be nested: far more than what is written here.
_DEEPEST = 64

# Bytes of a file's name: file systems take 255, and while it is written a file's name is longer (written_whole).
LONGEST_NAME = 255 - 24


def check_name(name: str) -> None:
    """Refuse a file's name that cannot be handed to libraries or written into headers.

    Raises:
        SettingsError: it is not text in UTF-8, has a zero byte, or is too long.
    """
    check_text(name, "; rename the file or folder")
    if long := next((part for part in Path(name).parts if len(part.encode()) > LONGEST_NAME), None):
        raise SettingsError(f"{long[:40]}...: a name of {len(long.encode())} bytes is too long; use a shorter one")


def check_text(text: str, hint: str = "") -> None:
    """Refuse text that files and command lines cannot carry.

    Raises:
        SettingsError: it is not text in UTF-8, or has a zero byte.
    """
    if not is_text(text):
        shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        raise SettingsError(f"{shown}: not UTF-8, or with a zero byte{hint}")


def is_text(text: str) -> bool:
    """Tell whether files and command lines can carry a text: it is UTF-8 without a zero byte."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` to write to; it takes the place of ``path`` when all went well.

    Missing folders are made. Whatever goes wrong, interruption included, the temporary file is removed and
    what was at ``path`` stays; that of a process that was killed is removed by the next one that writes there. Several
    processes, on several machines even, may write the same path: each writes to a name of its own, and the last one
    whole stays.

    Raises:
        OutputError: the folder or the disk does not take it.
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
    """Return the file that is locked while a file is changed."""
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def locked(path: Path, patience: float = _PATIENCE) -> Iterator[None]:
    """Let one process at a time, on any machine, change a file.

    They lock ``.NAME.lock`` beside it. The lock is the operating system's, so it ends with the process that holds it,
    killed or not. The file of the lock is empty and stays: on a network file system, removing it would let a process
    that waits for the removed file, and one that makes a new one, in at once.

    Missing folders are made.

    Raises:
        OutputError: the folder does not take the lock's file, its file system has no locks, or another process holds
            the lock for ``patience`` seconds.
    """
    # Loaded here: interfaces start with this module.
    from filelock import FileLock, Timeout

    lock = lock_of(path)
    with contextlib.ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # For all who may write into the folder, whoever made the file.
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
    """Read an object from a JSON file.

    Args:
        path: of the file.
        schema: what the object's ``schema`` must be; not looked at if empty.
        what: kind of file, for messages, as "consent file".
        hint: what to do, for messages.
        error: class of the error.
        largest: MiB that the file may have; what is read of it takes some twenty times as much memory.

    Raises:
        error: the file cannot be read, is larger than that, is not JSON in UTF-8, or is no object of this schema.
    """
    hint = hint and f"; {hint}"
    try:
        with path.open("rb") as file:
            read = file.read((largest << 20) + 1)
        if len(read) > largest << 20:
            raise ValueError(f"it has more than {largest} MiB")
        content = parse_json(read.decode("utf-8"))
    except (OSError, ValueError) as cause:
        raise error(f"{path}: the {what} cannot be read ({_reason(cause)}){hint}") from cause
    if not isinstance(content, dict):
        raise error(f"{path}: expected a {what}: one JSON object{hint}")
    if schema and content.get("schema") != schema:
        raise error(f'{path}: expected a {what} with "schema": "{schema}"{hint}')
    return content


def parse_json(text: str) -> Any:
    """Return the plain values of a JSON text that anybody may have written.

    Raises:
        ValueError: it is not JSON, nested too deeply, or holds what no reader can use: numbers that are not finite or
            have more than 64 bits, characters that are half of one.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no number")

    try:
        content = json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    level, depth = [content], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        for value in level:
            _check_plain(value)
        lists = [value for value in level if isinstance(value, list | dict)]
        level = [inner for value in lists for inner in (value.values() if isinstance(value, dict) else value)]
    return content


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON for people to read, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with written_whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256_of(*paths: Path, whole: bool = False) -> str:
    """Return the hexadecimal SHA-256 over files in order.

    Where they have more than 1 GiB in all it is over each file's size (8 bytes, little-endian), its first 64 KiB and
    its last 64 KiB instead, unless ``whole`` is set: every chunk of a farm job asks for it, and must not read a
    sequence of thousands of frames whole. The offset table of an EXR lies in its first 64 KiB and the index of a video
    at one of its ends, so what is rendered or encoded anew differs there. A change in the middle of a file that keeps
    its size and the sizes of all compressed parts is not seen, as one in an EXR without compression.
    """
    digest, block = hashlib.sha256(), memoryview(bytearray(1 << 18))
    ends_only = not whole and sum(path.stat().st_size for path in paths) > _MOST_READ
    for path in paths:
        with path.open("rb") as file:
            if ends_only:
                size = os.fstat(file.fileno()).st_size
                digest.update(size.to_bytes(8, "little"))
                digest.update(file.read(_END))
                file.seek(max(_END, size - _END))
            while count := file.readinto(block):
                digest.update(block[:count])
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    """Say why a file cannot be read or written."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"not JSON: {error}"


def _check_plain(value: Any) -> None:
    """Refuse one value of a JSON text; not what is inside it, but an object's names.

    Raises:
        ValueError: saying why.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("a whole number has more than 64 bits")
    for text in value if isinstance(value, dict) else (value,) if isinstance(value, str) else ():
        if not text.isascii():
            # Half of a pair of surrogates can be written as an escape, and nowhere else.
            text.encode("utf-8")
