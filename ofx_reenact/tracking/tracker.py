"""What a tracker is and what it finds. ``docs/trackers.md`` shows how a package brings its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

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


@dataclass(frozen=True)
class Options:
    """What a user can ask of a tracker.

    Attributes:
        face: which face of several, by size in the first frame that has any; 1 is the largest.
        landmarks: JSON file of hand-placed landmarks, or "".
        device: where networks run, ``cpu`` or ``cuda``.
    """

    face: int = 1
    landmarks: str = ""
    device: str = "cpu"


DEFAULTS = Options()


class Tracker(ABC):
    """Finds a face and follows it from frame to frame.

    Attributes:
        name: as in ``--tracker``, and as it is registered.
        terms: what its weights may be used for; "" if anything goes.
        hand_made: whether a person placed its landmarks.
        version: of what does the work; performance files keep it.
    """

    name: ClassVar[str]
    terms: ClassVar[str] = ""
    hand_made: ClassVar[bool] = False
    version: str

    @classmethod
    def missing(cls) -> str:
        """Say what this machine lacks to run it, and how to get that; "" if nothing. Must not import what is heavy."""
        return ""

    @abstractmethod
    def __init__(self, options: Options = DEFAULTS) -> None:
        """Load what it needs.

        Args:
            options: those that mean nothing to it are ignored.

        Raises:
            SettingsError: an option that it needs is not given.
            TrackingError: a file that it needs cannot be used.
        """

    @abstractmethod
    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in an (H, W, 3) uint8 RGB picture; None if there is none."""

    def reset(self) -> None:  # noqa: B027
        """Forget the last frame, as before another clip. A tracker that remembers none has nothing to do here."""
