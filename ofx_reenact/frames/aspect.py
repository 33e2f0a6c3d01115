"""Pixels that are not square: anamorphic plates, old video. Whatever looks at a picture sees square pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

# Pixel aspects beyond these, and ones that are nearly 1, are taken for 1.
_WIDEST, _SQUARE = 8.0, 0.005


@dataclass(frozen=True)
class Squeeze:
    """How many square pixels stand for one pixel of a file, across and down; one of them is 1, the other 1 or more.

    Nothing is made smaller to be seen: a pixel that is wider than high is stretched across, one that is narrower, down.
    """

    x: float = 1.0
    y: float = 1.0

    @classmethod
    def of_aspect(cls, aspect: float) -> Squeeze:
        """Build from a pixel aspect, width over height; one that no camera or format has counts as 1."""
        if not math.isfinite(aspect) or not 1 / _WIDEST <= aspect <= _WIDEST or abs(aspect - 1) < _SQUARE:
            return cls()
        return cls(aspect, 1.0) if aspect > 1 else cls(1.0, 1 / aspect)

    @classmethod
    def of_plate(cls, plate: Any) -> Squeeze:
        """Build from the header of a :class:`~ofx_reenact.frames.plate.Plate`."""
        return cls.of_aspect(float(plate.attributes.get_float_attribute("PixelAspectRatio", 1.0)))

    @property
    def aspect(self) -> float:
        """The pixel aspect, width over height."""
        return self.x / self.y

    @property
    def is_square(self) -> bool:
        """Whether the file's pixels are square."""
        return self.x == self.y

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height that a picture of the file has in square pixels."""
        return round(width * self.x), round(height * self.y)

    def show(self, picture: np.ndarray) -> np.ndarray:
        """Stretch a picture (H, W, C) uint8 to square pixels; the same array if they are."""
        if self.is_square:
            return picture
        size = self.size(picture.shape[1], picture.shape[0])
        return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC))

    def to_square(self, points: np.ndarray) -> np.ndarray:
        """Map pixels of the file (..., 2) to square ones; pixel (i, j) has its centre at (i, j) in both."""
        scale = np.array([self.x, self.y])
        return points if self.is_square else (points + 0.5) * scale - 0.5

    def to_file(self, points: np.ndarray) -> np.ndarray:
        """Map square pixels (..., 2) to the file's."""
        scale = np.array([self.x, self.y])
        return points if self.is_square else (points + 0.5) / scale - 0.5


SQUARE = Squeeze()
