"""Read and write ``.npz`` files of training data; errors name the file and what it should be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.arrays import check_shapes, read_arrays, text_in
from ofx_reenact.errors import ReenactError
from ofx_reenact.files import write_whole


class Columns(defaultdict[str, list[Any]]):
    """Lists of values by column name, filled one row at a time, from which arrays are made."""

    def __init__(self) -> None:
        super().__init__(list)

    def add(self, **row: Any) -> None:
        """Append one value to each named column."""
        for name, value in row.items():
            self[name].append(value)


def read_npz(
    path: str | Path,
    wanted: str,
    schema: str = "",
    shapes: Mapping[str, str] | None = None,
    check: Callable[[Mapping[str, np.ndarray]], None] = lambda arrays: None,
) -> dict[str, np.ndarray]:
    """Read all arrays of an ``.npz`` and check its schema and shapes.

    Args:
        path: the file.
        wanted: the kind of file, then ``"; "`` and how to make one; both go into messages.
        schema: text that the file's array ``schema`` must hold; ``""`` for any.
        shapes: shapes of its arrays, as :func:`~ofx_reenact.arrays.check_shapes` takes them.
        check: checks the arrays further; raises ValueError with the reason, which goes into the message.

    Raises:
        ReenactError: there is no such file, it is damaged, or it is of another kind.
    """
    arrays = _read(path, wanted)
    try:
        if schema and str(arrays.get("schema")) != schema:
            raise ValueError(f"its schema is not {schema}")
        check_shapes(arrays, shapes or {})
        check(arrays)
    except ValueError as error:
        raise ReenactError(f"{path}: not a {wanted} ({error})") from error
    return arrays


def write_npz(path: Path, schema: str, *, compressed: bool = False, **arrays: Any) -> None:
    """Write arrays, or values that numpy makes arrays of; a write that fails leaves no file.

    Raises:
        OutputError: the file cannot be written.
    """
    with write_whole(path) as partial, partial.open("wb") as file:
        content = {name: np.asarray(value) for name, value in {"schema": schema, **arrays}.items()}
        (np.savez_compressed if compressed else np.savez)(file, allow_pickle=False, **content)


def schema_of(path: str | Path) -> str:
    """Return the schema that an ``.npz`` names; ``""`` if it names none or is no ``.npz``.

    Raises:
        ReenactError: there is no such file.
    """
    try:
        return text_in(_read(path, "file", {"schema"})["schema"])
    except ReenactError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise
        return ""
    except (KeyError, ValueError):
        return ""


def offsets(parts: Sequence[Sized]) -> np.ndarray:
    """Return where each part starts when all are concatenated, and the end: (n + 1,) int64."""
    return offsets_of_lengths(np.array([len(part) for part in parts], np.int64))


def offsets_of_lengths(lengths: np.ndarray) -> np.ndarray:
    """Return where parts of these lengths (n,) start when they are concatenated, and the end: (n + 1,) int64."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def check_offsets(arrays: Mapping[str, np.ndarray], packed: str, offsets: str, count: int) -> None:
    """Check that array ``offsets`` divides array ``packed`` into ``count`` parts, none of them empty.

    Raises:
        ValueError: it does not.
    """
    steps = arrays[offsets]
    if len(steps) != count + 1 or steps[0] != 0 or steps[-1] != len(arrays[packed]) or (np.diff(steps) <= 0).any():
        raise ValueError(f"array {offsets} does not divide array {packed} into {count} parts")


def _read(path: str | Path, wanted: str, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    what, _, where = wanted.partition("; ")
    return read_arrays(path, what=what, hint=where or "give another file", names=names)
