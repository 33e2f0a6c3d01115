"""Reading and writing ``.npz`` files; errors name the file and what it should have been."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.arrays import check_shapes, read_arrays, text_in
from ofx_reenact.errors import ReenactError
from ofx_reenact.files import written_whole


class Columns(defaultdict[str, list[Any]]):
    """Arrays in the making, a row at a time."""

    def __init__(self) -> None:
        super().__init__(list)

    def add(self, **row: Any) -> None:
        """Add a value to each column."""
        for name, value in row.items():
            self[name].append(value)


def read_npz(
    path: str | Path,
    wanted: str,
    schema: str = "",
    shapes: Mapping[str, str] | None = None,
    check: Callable[[Mapping[str, np.ndarray]], None] = lambda arrays: None,
) -> dict[str, np.ndarray]:
    """Read every array of an ``.npz`` that must name a schema, if one is given, and hold arrays of these shapes.

    Args:
        path: of the file.
        wanted: what it should be, and where such a file comes from, for messages.
        schema: that it must name.
        shapes: of its arrays, as :func:`~ofx_reenact.arrays.check_shapes` reads them.
        check: looks closer; what it raises as a ValueError is said of the file.

    Raises:
        ReenactError: no such file, or something else.
    """
    arrays = _read(path, wanted)
    try:
        if schema and str(arrays.get("schema")) != schema:
            raise ValueError("it says that it is another")
        check_shapes(arrays, shapes or {})
        check(arrays)
    except ValueError as error:
        raise ReenactError(f"{path}: not a {wanted} ({error})") from error
    return arrays


def write_npz(path: Path, schema: str, *, compressed: bool = False, **arrays: Any) -> None:
    """Write arrays, or what numpy makes arrays of, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with written_whole(path) as partial, partial.open("wb") as file:
        content = {name: np.asarray(value) for name, value in {"schema": schema, **arrays}.items()}
        (np.savez_compressed if compressed else np.savez)(file, allow_pickle=False, **content)


def schema_of(path: str | Path) -> str:
    """Return the schema that an ``.npz`` names; ``""`` if it names none or is something else.

    Raises:
        ReenactError: no such file.
    """
    try:
        return text_in(_read(path, "file", {"schema"})["schema"])
    except ReenactError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise
        return ""
    except (KeyError, ValueError):
        return ""


def _read(path: str | Path, wanted: str, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    what, _, where = wanted.partition("; ")
    return read_arrays(path, what=what, hint=where or "give another file", names=names)
