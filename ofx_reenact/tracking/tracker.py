"""What a tracker is and what it finds. ``docs/trackers.md`` shows how a package brings its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ofx_reenact.tracking.chosen import LARGEST, Chosen


@dataclass(frozen=True)
class Track:
    """One face in one picture. Pixel (i, j) has its centre at (i, j), x to the right, y down."""

    landmarks: np.ndarray  # (68, 2) float64 pixels
    confidence: float  # in [0, 1]
    mesh: np.ndarray | None = None  # (478, 3) float64 pixels; None where the tracker gives landmarks only
    blendshapes: np.ndarray | None = None  # (52,) float32 in [0, 1]


@dataclass(frozen=True)
class Options:
    """What a user can ask of a tracker."""

    face: Chosen = LARGEST  # which face of several
    landmarks: str = ""  # JSON file of hand-placed landmarks, or ""
    device: str = "cpu"  # where networks run, ``cpu`` or ``cuda``
    aspect: float = 1.0  # pixel aspect of the files whose pictures, shown in square pixels, are tracked


DEFAULTS = Options()


class Tracker(ABC):
    """Finds a face and follows it from frame to frame."""

    name: ClassVar[str]  # as in ``--tracker``, and as it is registered
    terms: ClassVar[str] = ""  # what its weights may be used for; "" if anything goes
    hand_made: ClassVar[bool] = False  # whether a person placed its landmarks
    version: str  # of what does the work; performance files keep it

    @classmethod
    def missing(cls) -> str:
        """Say what this machine lacks to run it, and how to get that; "" if nothing. Must not import what is heavy."""
        return ""

    @abstractmethod
    def __init__(self, options: Options = DEFAULTS) -> None:
        """Load what it needs; options that mean nothing to it are ignored.

        Raises:
            SettingsError: an option that it needs is not given.
            TrackingError: a file that it needs cannot be used.
        """

    @abstractmethod
    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in an (H, W, 3) uint8 RGB picture; None if there is none."""

    def reset(self) -> None:  # noqa: B027
        """Forget the last frame, as before another clip. A tracker that remembers none has nothing to do here."""
