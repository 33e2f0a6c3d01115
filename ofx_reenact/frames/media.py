"""Folders of pictures and clips for training and evaluation, and which person each file shows."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import read_shown
from ofx_reenact.frames.sequence import Sequence as Frames
from ofx_reenact.frames.video import VIDEOS

PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".exr", ".webp")
INDEX = "index.csv"


@dataclass(frozen=True)
class Label:
    """Who a file shows: the person, the take (expression or clip), and the licence of the file, empty if unknown."""

    person: str
    take: str
    terms: str = ""


def find_media(inputs: Sequence[str]) -> list[Path]:
    """Return the pictures and clips among these files and directly in these folders, in order.

    Raises:
        ReenactError: a file or folder does not exist, or there are no pictures or clips.
    """
    found: list[Path] = []
    for name in inputs:
        path = Path(name)
        if not path.exists():
            raise ReenactError(f"{path}: no such file or folder")
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [p for p in inside if p.suffix.lower() in (*PICTURES, *VIDEOS)]
    if not found:
        raise ReenactError(f"{', '.join(inputs)}: no pictures or clips there")
    return found


def images(path: Path, every: int, colour: Colour) -> Iterator[tuple[int, np.ndarray]]:
    """Yield frame number and sRGB (H, W, 3) uint8 of a picture, or of one in ``every`` frames of a clip."""
    frames = Frames.open(path)
    for frame in list(frames.frames)[::every]:
        yield frame, read_shown(frames, frame, colour)


def label_by_name(path: Path) -> Label:
    """Derive a label from a file's name: the person before the first underscore, the take after it."""
    person, _, take = path.stem.partition("_")
    return Label(person, take)


class Labels:
    """Labels of files, by an ``index.csv`` in the file's folder or the one above, else by the file's name.

    The index has the columns ``path`` (relative to the index) and ``identity``, and optionally ``expression`` and
    ``licence``.
    """

    def __init__(self) -> None:
        self._indices: dict[Path, dict[Path, Label]] = {}

    def of(self, path: Path) -> Label:
        """Return the label of a file.

        Raises:
            ReenactError: an index cannot be read, or has no column ``path`` or ``identity``.
        """
        for folder in (path.parent, path.parent.parent):
            if folder not in self._indices:
                self._indices[folder] = _read_index(folder / INDEX)
            if found := self._indices[folder].get(path.resolve()):
                return found
        return label_by_name(path)


def _read_index(index: Path) -> dict[Path, Label]:
    if not index.is_file():
        return {}
    try:
        with index.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if not {"path", "identity"} <= set(reader.fieldnames or ()):
                raise ReenactError(f"{index}: needs the columns path and identity")
            # A row that is too short has None in the missing columns.
            rows = [{name: value or "" for name, value in row.items() if name} for row in reader]
        return {
            (index.parent / row["path"]).resolve(): Label(
                row["identity"], row.get("expression", ""), row.get("licence", "")
            )
            for row in rows
        }
    except (OSError, ValueError, csv.Error) as error:
        raise ReenactError(f"{index}: not a CSV file in UTF-8 that can be read ({error})") from error
