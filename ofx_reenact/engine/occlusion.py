"""What lies before the face in a job's frames: the plate's own, by what its face mostly looks like in the same shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ofx_reenact.engine.plates import Plates
from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.settings import Settings
from ofx_reenact.shot.occlusion import Usual
from ofx_reenact.tracking.performance import Performance, State

LAYER = "occlusion"
# Frames that say what a face looks like, evenly over the shot: all chunks take the same.
_FRAMES = 16


class Occlusion:
    """What lies before one face of a target that moves, frame by frame; a shot is learnt when it is needed."""

    def __init__(self, plates: Plates, own: Performance, colour: Colour) -> None:
        """Prepare for a plate with its performance; pictures are read apart from those that are rendered."""
        self._plates, self._own, self._colour = plates, own, colour
        self._apart = plates.apart()
        self._mesh = own.mesh
        self._segments = np.cumsum(own.cut)
        self._usual: dict[int, Usual | None] = {}

    def estimate(self, frame: int) -> np.ndarray:
        """Return where something lies before the face: (H, W) float32 in [0, 1], in the pixels of the file.

        It is 0 where the plate shows no face for longer than is bridged, and in a shot that hardly shows one.
        """
        row = frame - int(self._own.frames[0])
        picture = self._plates.picture(frame)
        height, width = picture.pixels.shape[:2]
        usual = self._learn(int(self._segments[row]))
        if usual is None or self._own.state[row] == State.HELD:
            return np.zeros((height, width), np.float32)
        estimate = usual.occlusion(picture.show(self._colour), self._mesh[row])
        if estimate.shape != (height, width):
            estimate = cv2.resize(estimate, (width, height), interpolation=cv2.INTER_AREA)
        return estimate

    def _learn(self, segment: int) -> Usual | None:
        """Learn what the face of a shot looks like; None where fewer than three frames are sure of it."""
        if segment not in self._usual:
            sure = np.nonzero(self._own.sure & (self._segments == segment))[0]
            rows = sure[np.unique(np.linspace(0, len(sure) - 1, _FRAMES).round().astype(int))] if len(sure) else sure
            shown = [self._apart.picture(int(self._own.frames[row])).show(self._colour) for row in rows]
            self._usual[segment] = Usual.of(shown, list(self._mesh[rows])) if len(rows) > 2 else None
        return self._usual[segment]


@dataclass(frozen=True)
class Occlusions:
    """The layer ``occlusion``: what lies before any of the faces that are animated."""

    faces: Sequence[Occlusion]

    def estimate(self, frame: int) -> np.ndarray:
        """Return where something lies before a face: (H, W) float32 in [0, 1], in the pixels of what is rendered."""
        return np.asarray(np.maximum.reduce([face.estimate(frame) for face in self.faces]))


def find_occlusions(
    settings: Settings, plates: Plates, own: Sequence[Performance | None], colour: Colour
) -> Occlusions | None:
    """Return the layer's maker if it is asked for; ``own`` are the performances of the people in the plate.

    Raises:
        SettingsError: it is, and the target is a still: nothing says what its face looks like without.
    """
    if LAYER not in settings.layers:
        return None
    known = [one for one in own if one is not None]
    if not known:
        raise SettingsError(
            f"--layers {LAYER}: is found by what a face mostly looks like, so only in a target that moves; leave it out"
        )
    return Occlusions([Occlusion(plates, plates.proxy.performance(one), colour) for one in known])
