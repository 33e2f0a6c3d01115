"""Read the file of face crops (``.npz``), from which pairs and faces are made and on which FD-GAN is measured.

A crop is upright, square around one face and display-encoded. The file also holds its tracked mesh, a mask of the
person, the person's name and the terms of use. A digest of the name decides between training and validation, so nobody
is in both.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.training.fdgan.data.packed_pictures import unpack
from ofx_reenact.training.npz import check_offsets, read_npz

SCHEMA = "ofx-reenact/crops/3"
_SHAPES = {
    "mesh": "number N 478 3", "person": "whole N", "people": "text *", "take": "text N",
    "terms": "text N", "detail": "number N", "validation": "whole N", "bytes": "whole *", "offsets": "whole *",
    "masks": "whole *", "mask_offsets": "whole *",
}  # fmt: skip
# One person in this many is kept for validation.
VALIDATION = 8
# Colour of the mask's outline on a contact sheet, sRGB.
_OUTLINE = (255, 60, 200)


@dataclass(frozen=True)
class Crops:
    """N square crops, and who is in them.

    Attributes:
        mesh: (N, 478, 3) float32, pixels of the crop.
        person: (N,) index into ``people``.
        people: names.
        take: (N,) text, such as an expression or the name of a clip.
        terms: (N,) terms of use.
        detail: (N,) pixels of the photograph for one pixel of the crop; below 1 where the crop is an enlargement.
        validation: (N,) bool, whether the person is kept for validation.
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
        """Decode one crop: (side, side, 3) float32 in [0, 1]."""
        return unpack(self._bytes, self._offsets, row).astype(np.float32) / 255

    def mask(self, row: int) -> np.ndarray:
        """Decode the probability that a pixel of a crop shows a person: (side, side) float32 in [0, 1]."""
        return unpack(self._masks, self._mask_offsets, row)[..., 0].astype(np.float32) / 255

    def of(self, person: int) -> np.ndarray:
        """Return the rows of one person's crops."""
        return np.nonzero(self.person == person)[0]

    @classmethod
    def load(cls, path: str | Path) -> Crops:
        """Read the file.

        Raises:
            ReenactError: there is no such file, or it is no set of crops of this version.
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
        raise ValueError(f"array person has indices outside of the {people} people")


def is_held_out(person: str, patterns: Sequence[str] = ()) -> bool:
    """Return whether a person is kept for validation, by a pattern that matches the name or by the name's digest."""
    if any(fnmatch.fnmatchcase(person, pattern) for pattern in patterns):
        return True
    return hashlib.sha256(person.encode()).digest()[0] % VALIDATION == 0


def draw_contact_sheet(crops: Crops, count: int = 40, columns: int = 8, side: int = 256) -> np.ndarray:
    """Draw a contact sheet of crops with the outlines of their masks at 0.5: (H, W, 3) uint8."""
    cells = []
    for row in np.linspace(0, len(crops) - 1, min(count, len(crops))).astype(int).tolist():
        drawn = np.round(cv2.resize(crops.picture(row), (side, side), interpolation=cv2.INTER_AREA) * 255)
        person = (cv2.resize(crops.mask(row), (side, side), interpolation=cv2.INTER_AREA) > 0.5).astype(np.uint8)
        outlines, _ = cv2.findContours(person, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cells.append(cv2.drawContours(drawn.astype(np.uint8), outlines, -1, _OUTLINE, 2))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    lines = [np.concatenate(cells[start : start + columns], axis=1) for start in range(0, len(cells), columns)]
    return np.concatenate(lines)
