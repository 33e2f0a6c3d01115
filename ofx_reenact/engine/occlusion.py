"""The layer ``occlusion``: estimate what is in front of a face by comparing it with what it usually looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ofx_reenact.engine.plates import Plates
from ofx_reenact.errors import SettingsError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.settings import Settings
from ofx_reenact.shot.occlusion import TypicalFace
from ofx_reenact.tracking.performance import Performance, State

LAYER = "occlusion"
# The usual look of a face is learnt from at most so many frames, evenly spread over the shot, the same in all chunks.
_FRAMES = 16


class Occlusion:
    """Estimates what is in front of one face of a moving target; the usual look of each shot is learnt on first use."""

    def __init__(self, plates: Plates, own: Performance, colour: Colour) -> None:
        """Prepare for a plate and its performance. The frames to learn from are read by a reader of their own."""
        self._plates, self._own, self._colour = plates, own, colour
        self._reader = plates.separate_reader()
        self._mesh = own.mesh
        self._segments = np.cumsum(own.cut)
        self._usual: dict[int, TypicalFace | None] = {}

    def estimate(self, frame: int) -> np.ndarray:
        """Return where something is in front of the face: (H, W) float32 in [0, 1], in the plate's or proxy's pixels.

        It is 0 everywhere if the face's position is only held, or if too few frames of the shot show the face.
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

    def _learn(self, segment: int) -> TypicalFace | None:
        """Learn the usual look of the face in a shot; None if it is tracked with confidence in fewer than 3 frames."""
        if segment not in self._usual:
            rows_with_face = np.nonzero(self._own.confident & (self._segments == segment))[0]
            rows, last = rows_with_face, len(rows_with_face) - 1
            if len(rows):
                rows = rows[np.unique(np.linspace(0, last, _FRAMES).round().astype(int))]
            shown = [self._reader.picture(int(self._own.frames[row])).show(self._colour) for row in rows]
            self._usual[segment] = TypicalFace.of(shown, list(self._mesh[rows])) if len(rows) > 2 else None
        return self._usual[segment]


@dataclass(frozen=True)
class Occlusions:
    """Estimates what is in front of any of the animated faces."""

    faces: Sequence[Occlusion]

    def estimate(self, frame: int) -> np.ndarray:
        """Return where something is in front of a face: (H, W) float32 in [0, 1], in the pixels that are rendered."""
        return np.asarray(np.maximum.reduce([face.estimate(frame) for face in self.faces]))


def find_occlusions(
    settings: Settings, plates: Plates, own: Sequence[Performance | None], colour: Colour
) -> Occlusions | None:
    """Return the estimator if ``--layers`` has ``occlusion``; ``own`` are the performances of the people in the plate.

    Raises:
        SettingsError: the target is a still, which cannot show what the face usually looks like.
    """
    if LAYER not in settings.layers:
        return None
    known = [one for one in own if one is not None]
    if not known:
        raise SettingsError(
            f"--layers {LAYER}: needs a target that moves, to learn what the face usually looks like; leave it out"
        )
    return Occlusions([Occlusion(plates, plates.proxy.performance(one), colour) for one in known])
