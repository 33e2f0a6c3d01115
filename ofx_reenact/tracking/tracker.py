"""What a tracker is and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Track:
    """One face in one picture. Pixel (i, j) has its centre at (i, j), x to the right, y down.

    Attributes:
        landmarks: (68, 2) float64 pixels.
        confidence: in [0, 1].
        mesh: (478, 3) float64 pixels, or None where the tracker gives landmarks only.
        blendshapes: (52,) float32 in [0, 1], or None.
    """

    landmarks: np.ndarray
    confidence: float
    mesh: np.ndarray | None = None
    blendshapes: np.ndarray | None = None


class Tracker(Protocol):
    """Finds a face and follows it from frame to frame.

    Attributes:
        name: as in ``--tracker``.
        version: of what does the work.
    """

    name: str
    version: str

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in an (H, W, 3) uint8 RGB picture; None if there is none."""

    def reset(self) -> None:
        """Forget the last frame, as before another clip."""
