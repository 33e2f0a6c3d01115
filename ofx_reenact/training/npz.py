"""Reading and writing ``.npz`` files; errors name the file and what it should have been."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import written_whole

# What reading raises for files that are damaged or something else.
_DAMAGED = (OSError, ValueError, KeyError, IndexError, EOFError, AttributeError, TypeError, zipfile.BadZipFile)


class Columns(defaultdict[str, list[Any]]):
    """Arrays in the making, a row at a time."""

    def __init__(self) -> None:
        super().__init__(list)

    def add(self, **row: Any) -> None:
        """Add a value to each column."""
        for name, value in row.items():
            self[name].append(value)


def read_npz(path: str | Path, wanted: str, schema: str = "", names: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Read every array of an ``.npz`` that must name a schema, if one is given, and hold the arrays named.

    Errors say what was ``wanted``: what it should be, and where such a file comes from.

    Raises:
        ReenactError: no such file, or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except FileNotFoundError as error:
        raise ReenactError(f"{path}: no such file") from error
    except _DAMAGED as error:
        raise ReenactError(f"{path}: not a {wanted}") from error
    if (schema and str(arrays.get("schema")) != schema) or not arrays.keys() >= set(names):
        raise ReenactError(f"{path}: not a {wanted}")
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
        with np.load(path, allow_pickle=False) as data:
            return str(data["schema"])
    except FileNotFoundError as error:
        raise ReenactError(f"{path}: no such file") from error
    except _DAMAGED:
        return ""
