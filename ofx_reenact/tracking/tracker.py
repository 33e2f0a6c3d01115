"""The interface of a tracker and its result. ``docs/trackers.md`` shows how a package adds its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ofx_reenact.tracking.chosen import LARGEST, Chosen


@dataclass(frozen=True)
class Track:
    """One face in one picture. Pixel (i, j) has its centre at (i, j); x right, y down."""

    landmarks: np.ndarray  # (68, 2) float64 pixels
    confidence: float  # 0 to 1; from 0.5 the frame may become the reference
    mesh: np.ndarray | None = None  # (478, 3) float64 pixels; None where the tracker gives landmarks only
    blendshapes: np.ndarray | None = None  # (52,) float32 in [0, 1]


@dataclass(frozen=True)
class Options:
    """Options of a tracker."""

    face: Chosen = LARGEST  # the face to follow
    landmarks: str = ""  # JSON file of hand-placed landmarks, or ""
    device: str = "cpu"  # where networks run: ``cpu``, ``cuda`` or ``mps``
    aspect: float = 1.0  # pixel aspect of the files; the tracker gets pictures in square pixels


DEFAULTS = Options()


class Tracker(ABC):
    """Finds a face and follows it from frame to frame."""

    name: ClassVar[str]  # as in ``--tracker``, and as it is registered
    terms: ClassVar[str] = ""  # terms of use of its weights; "" if there are none
    hand_made: ClassVar[bool] = False  # whether its landmarks are placed by hand
    version: str  # of the network or library; stored in performance files

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks to run it and how to get that; "" if nothing. Must not import slow modules."""
        return ""

    @abstractmethod
    def __init__(self, options: Options = DEFAULTS) -> None:
        """Load networks and files; options that the tracker does not have are ignored.

        Raises:
            SettingsError: a required option is missing.
            TrackingError: a required file cannot be used.
        """

    @abstractmethod
    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in an (H, W, 3) uint8 RGB picture; None if there is none."""

    def reset(self) -> None:  # noqa: B027
        """Forget the last frame, before another clip. A tracker without memory need not override this."""
