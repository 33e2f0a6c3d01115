"""A packed set of face crops: what FD-GAN is trained and measured on, in one file that needs no other.

Each crop is upright and square around one face, display-encoded; with it go its tracked mesh, a mask of the person, who
it is and on what terms. People are split once, by a digest of their name: nobody is in training and in validation.
:mod:`ofx_reenact.training.fdgan.data.cut` makes such sets.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.training.fdgan.data.packed import unpack
from ofx_reenact.training.npz import check_offsets, read_npz

SCHEMA = "ofx-reenact/crops/3"
_SHAPES = {
    "mesh": "number N 478 3", "person": "whole N", "people": "text *", "take": "text N",
    "terms": "text N", "detail": "number N", "validation": "whole N", "bytes": "whole *", "offsets": "whole *",
    "masks": "whole *", "mask_offsets": "whole *",
}  # fmt: skip
# One person in so many is kept for validation.
VALIDATION = 8
# Of the mask's outline on a sheet.
_OUTLINE = (255, 60, 200)


@dataclass(frozen=True)
class Crops:
    """N square crops, and who and what is in them.

    ``mesh`` (N, 478, 3) float32, pixels of the crop; ``person`` (N,) index into ``people``; ``take`` (N,) names of
    expressions or clips with frames; ``terms`` (N,) of use; ``detail`` (N,) pixels of the file for a pixel of the crop,
    below 1 where it is blown up; ``validation`` (N,) bool, of people who are kept from training.
    """

    mesh: np.ndarray
    person: np.ndarray
    people: tuple[str, ...]
    take: np.ndarray
    terms: np.ndarray
    detail: np.ndarray
    validation: np.ndarray
    _bytes: np.ndarray
    _offsets: np.ndarray
    _masks: np.ndarray
    _mask_offsets: np.ndarray

    def __len__(self) -> int:
        """Number of crops."""
        return len(self.person)

    def picture(self, row: int) -> np.ndarray:
        """Return one crop, (side, side, 3) float32 in [0, 1]."""
        return unpack(self._bytes, self._offsets, row).astype(np.float32) / 255

    def mask(self, row: int) -> np.ndarray:
        """How likely each pixel of a crop shows a person, (side, side) float32 in [0, 1]."""
        return unpack(self._masks, self._mask_offsets, row)[..., 0].astype(np.float32) / 255

    def of(self, person: int) -> np.ndarray:
        """Rows of one person."""
        return np.nonzero(self.person == person)[0]

    @classmethod
    def load(cls, path: str | Path) -> Crops:
        """Read a set.

        Raises:
            ReenactError: no such file, or not a set of crops of this version.
        """
        wanted = "set of crops of this version; `ofx-reenact data crops` makes one"
        data = read_npz(path, wanted, SCHEMA, _SHAPES, _check)
        return cls(
            data["mesh"], data["person"], tuple(data["people"].tolist()), data["take"],
            data["terms"], data["detail"], data["validation"], data["bytes"], data["offsets"],
            data["masks"], data["mask_offsets"],
        )  # fmt: skip


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    count, people = len(arrays["person"]), len(arrays["people"])
    check_offsets(arrays, "bytes", "offsets", count)
    check_offsets(arrays, "masks", "mask_offsets", count)
    if not ((arrays["person"] >= 0) & (arrays["person"] < people)).all():
        raise ValueError(f"array person names others than its {people} people")


def held_out(person: str, patterns: Sequence[str] = ()) -> bool:
    """Tell whether a person is kept for validation: by a pattern, or by a digest of the name."""
    if any(fnmatch.fnmatchcase(person, pattern) for pattern in patterns):
        return True
    return hashlib.sha256(person.encode()).digest()[0] % VALIDATION == 0


def look(crops: Crops, count: int = 40, columns: int = 8, side: int = 256) -> np.ndarray:
    """Show crops with the outlines of their masks at one half, (H, W, 3) uint8."""
    cells = []
    for row in np.linspace(0, len(crops) - 1, min(count, len(crops))).astype(int).tolist():
        drawn = np.round(cv2.resize(crops.picture(row), (side, side), interpolation=cv2.INTER_AREA) * 255)
        person = (cv2.resize(crops.mask(row), (side, side), interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
        outlines, _ = cv2.findContours(person, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cells.append(cv2.drawContours(drawn.astype(np.uint8), outlines, -1, _OUTLINE, 2))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    lines = [np.concatenate(cells[start : start + columns], axis=1) for start in range(0, len(cells), columns)]
    return np.concatenate(lines)
