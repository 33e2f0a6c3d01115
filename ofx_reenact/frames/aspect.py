"""Pixels that are not square (anamorphic plates, old video). Trackers, networks and previews see square pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

# A pixel aspect above 8 or below 1/8 is implausible and counts as 1; one that differs from 1 by less than 0.005 is 1.
_LARGEST, _SQUARE = 8.0, 0.005


@dataclass(frozen=True)
class Squeeze:
    """How many square pixels one pixel of a file covers in x and y; one of the two is 1, the other 1 or more.

    Pictures are only stretched, never reduced: wide pixels in x, narrow ones in y.
    """

    x: float = 1.0
    y: float = 1.0

    @classmethod
    def of_aspect(cls, aspect: float) -> Squeeze:
        """Build from a pixel aspect, width over height; an implausible one counts as 1."""
        if not math.isfinite(aspect) or not 1 / _LARGEST <= aspect <= _LARGEST or abs(aspect - 1) < _SQUARE:
            return cls()
        return cls(aspect, 1.0) if aspect > 1 else cls(1.0, 1 / aspect)

    @classmethod
    def of_plate(cls, plate: Any) -> Squeeze:
        """Build from the pixel aspect in the header of a :class:`~ofx_reenact.frames.plate.Plate`."""
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
        """Convert width and height from pixels of the file to square pixels."""
        return round(width * self.x), round(height * self.y)

    def stretch_picture(self, picture: np.ndarray) -> np.ndarray:
        """Stretch a picture (H, W, C) uint8 to square pixels; if the file's are square, return the same array."""
        if self.is_square:
            return picture
        size = self.size(picture.shape[1], picture.shape[0])
        return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC))

    def to_square(self, points: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) from pixels of the file to square pixels; pixel centres are whole numbers in both."""
        scale = np.array([self.x, self.y])
        return points if self.is_square else (points + 0.5) * scale - 0.5

    def to_file(self, points: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) from square pixels to pixels of the file."""
        scale = np.array([self.x, self.y])
        return points if self.is_square else (points + 0.5) / scale - 0.5


SQUARE = Squeeze()
