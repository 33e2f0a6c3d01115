"""Which face of several a tracker follows, as the pictures themselves can tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Portrait:
    """A picture in which a person is known before tracking begins.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        place: (x, y) pixels; the person's face holds it or is the nearest to it.
    """

    image: np.ndarray
    place: tuple[float, float]


@dataclass(frozen=True)
class Chosen:
    """Which face is followed.

    Attributes:
        number: by size in the first picture that shows so many; 1 is the largest. Counts where there is neither of the
            following.
        place: (x, y) pixels of the tracked pictures: the nearest face in the first one that shows any.
        portraits: of the person, who is then looked for from the first picture on.
        others: portraits of people who are not followed.
    """

    number: int = 1
    place: tuple[float, float] | None = None
    portraits: tuple[Portrait, ...] = ()
    others: tuple[Portrait, ...] = ()

    def pick(self, boxes: Sequence[np.ndarray]) -> int | None:
        """Return which of a picture's faces it is, by number or place; None if they are too few.

        Args:
            boxes: of the faces (left, top, right, bottom) in pixels, the largest first.
        """
        if self.place is not None:
            return nearest(boxes, self.place)
        return self.number - 1 if len(boxes) >= self.number else None

    def absence(self, count: int) -> str:
        """Say of ``count`` pictures that the face is in none of them."""
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
    """Return which box (left, top, right, bottom) holds a place or is nearest to it; of several, by their centres."""

    def distance(i: int) -> tuple[float, float]:
        low, high = boxes[i][:2], boxes[i][2:]
        outside = np.maximum(0, np.maximum(low - place, np.array(place) - high))
        return float(np.linalg.norm(outside)), float(np.linalg.norm((low + high) / 2 - place))

    return min(range(len(boxes)), key=distance, default=None)
