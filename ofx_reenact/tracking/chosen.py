"""The choice of a face to follow, as a tracker gets it: by size, by place, or by portraits of the person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Portrait:
    """A picture that shows a person's face, given before tracking begins.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        place: (x, y) in pixels, on the person's face or nearer to it than to any other.
    """

    image: np.ndarray
    place: tuple[float, float]


@dataclass(frozen=True)
class Chosen:
    """Which face to follow; ``place`` and ``portraits`` take precedence over ``number``.

    Attributes:
        number: rank by size, 1 for the largest, in the first picture that shows that many faces.
        place: (x, y) in pixels; the nearest face in the first picture that shows any.
        portraits: pictures of the person, who is then recognised from the first picture on.
        others: portraits of people who must not be followed.
    """

    number: int = 1
    place: tuple[float, float] | None = None
    portraits: tuple[Portrait, ...] = ()
    others: tuple[Portrait, ...] = ()

    def pick(self, boxes: Sequence[np.ndarray]) -> int | None:
        """Return the index of the chosen face by number or place; None if the picture has too few faces.

        Args:
            boxes: the faces' boxes (left, top, right, bottom) in pixels, the largest first.
        """
        if self.place is not None:
            return nearest(boxes, self.place)
        return self.number - 1 if len(boxes) >= self.number else None

    def describe_absence(self, count: int) -> str:
        """Return the message for a face that is in none of ``count`` frames."""
        if self.portraits:
            return f"the chosen person was found in none of {count} frames"
        if self.place is None and self.number > 1:
            return (
                f"none of {count} frames shows {self.number} faces; 'ofx-reenact track --faces FILE' lists those that "
                "are there"
            )
        return f"no face was found in any of {count} frames"


LARGEST = Chosen()


def nearest(boxes: Sequence[np.ndarray], place: tuple[float, float]) -> int | None:
    """Return the index of the box (left, top, right, bottom) nearest to a place, ties by centre; None without boxes."""

    def distance(i: int) -> tuple[float, float]:
        low, high = boxes[i][:2], boxes[i][2:]
        outside = np.maximum(0, np.maximum(low - place, np.array(place) - high))
        return float(np.linalg.norm(outside)), float(np.linalg.norm((low + high) / 2 - place))

    return min(range(len(boxes)), key=distance, default=None)
