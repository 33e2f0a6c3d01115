"""Read ``.npz`` files from untrusted sources: nothing is unpacked before its size is known and allowed."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.errors import ReenactError

# The arrays of a file may take 128 MiB, plus 20 times the file's size. Recorded data is never compressed more than 20
# times; a file that was made to fill the memory is.
_FREE_BYTES, _LARGEST_RATIO = 128 << 20, 20
_MOST_ARRAYS = 10_000
_LONGEST_HEADER = 10_000  # characters
_ENDING = ".npy"


def read_arrays(
    path: str | Path,
    *,
    what: str,
    hint: str,
    error: type[ReenactError] = ReenactError,
    names: Collection[str] | None = None,
) -> dict[str, np.ndarray]:
    """Read the arrays of an ``.npz`` file. Arrays of Python objects are refused, as they could run code.

    Args:
        path: the file.
        what: kind of file, for messages, as "performance file".
        hint: what to do, for messages.
        error: class of the error to raise.
        names: names of the arrays to read; those that do not exist are left out. All arrays by default.

    Raises:
        error: the file does not exist, is damaged or of another format, or its arrays need too much memory.
    """
    try:
        return _read(Path(path), names)
    except FileNotFoundError as cause:
        raise error(f"{path}: no such {what}; {hint}") from cause
    except OSError as cause:
        raise error(f"{path}: the {what} cannot be read ({cause.strerror or cause}); {hint}") from cause
    # The parsers of four nested formats raise all kinds of errors for damaged bytes.
    except Exception as cause:
        reason = " ".join(f"{cause}".split())[:200] or type(cause).__name__
        raise error(f"{path}: not a whole {what} ({reason}); {hint}") from cause


def check_shapes(arrays: Mapping[str, np.ndarray], shapes: Mapping[str, str]) -> None:
    """Check types and shapes of arrays.

    Args:
        arrays: arrays by name.
        shapes: type and shape of each array that must exist, as ``"number T 68 2"``. Types are ``number`` (finite),
            ``whole`` (integers) and ``text``; a letter stands for one length throughout, ``*`` for any length.

    Raises:
        ValueError: an array is missing or different; the message names it and what is expected.
    """
    lengths: dict[str, int] = {}
    for name, wanted in shapes.items():
        kind, *sizes = wanted.split()
        if name not in arrays:
            raise ValueError(f"array {name} is missing")
        array = arrays[name]
        message = f"array {name} is {array.dtype} {array.shape}, expected {wanted}"
        if array.ndim != len(sizes) or array.dtype.kind not in {"number": "fiub", "whole": "iub", "text": "U"}[kind]:
            raise ValueError(message)
        for size, length in zip(sizes, array.shape, strict=True):
            if size != "*" and length != (int(size) if size.isdigit() else lengths.setdefault(size, length)):
                raise ValueError(f"{message}{_list_lengths(lengths)}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = int(np.nonzero(~np.isfinite(array))[0][0]) if array.ndim else 0
            raise ValueError(f"array {name} has values that are not finite, in row {row}")


def text_in(array: np.ndarray) -> str:
    """Return the text in an array of shape ().

    Raises:
        ValueError: it is not text, or has characters that file names and messages cannot have.
    """
    if array.dtype.kind != "U" or array.ndim:
        raise ValueError(f"is {array.dtype} {array.shape}, expected text")
    text = str(array.item())
    if "\0" in text:
        raise ValueError("holds a zero byte")
    text.encode("utf-8")
    return text


def _list_lengths(lengths: Mapping[str, int]) -> str:
    """Return the lengths that letters of a shape stand for, as ``, where T = 5``; empty if there are none."""
    listed = ", ".join(f"{letter} = {length}" for letter, length in lengths.items())
    return listed and f", where {listed}"


def _read(path: Path, names: Collection[str] | None) -> dict[str, np.ndarray]:
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        found = archive.infolist()
        if len(found) > _MOST_ARRAYS or len({entry.filename for entry in found}) != len(found):
            raise ValueError(f"{len(found)} entries, or several of one name")
        entries = {
            entry.filename.removesuffix(_ENDING): entry
            for entry in found
            if names is None or entry.filename.removesuffix(_ENDING) in names
        }
        allowed = _FREE_BYTES + _LARGEST_RATIO * path.stat().st_size
        if (size := sum(entry.file_size for entry in entries.values())) > allowed:
            raise ValueError(f"its arrays would take {size >> 20} MiB of memory, too much for a file of this size")
        for name, entry in entries.items():
            _check_header(archive, name, entry)
        return {name: _unpack(archive, entry) for name, entry in entries.items()}


def _check_header(archive: zipfile.ZipFile, name: str, entry: zipfile.ZipInfo) -> None:
    """Check that an array's type and shape, by its header, fit the size of its entry in the archive."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"array {name} is compressed in a way that numpy does not use")
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        readers: dict[Any, Any] = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise ValueError(f"array {name} has version {version} of numpy's format, which is unknown")
        shape, _, dtype = readers[version](file, max_header_size=_LONGEST_HEADER)
        if dtype.hasobject or dtype.kind not in "biufcSU":
            raise ValueError(f"array {name} has type {dtype}, neither numbers nor text")
        if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != entry.file_size - file.tell():
            raise ValueError(f"array {name} is {dtype} {shape}, which does not fit its {entry.file_size} bytes")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(entry) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False, max_header_size=_LONGEST_HEADER)
        return array
