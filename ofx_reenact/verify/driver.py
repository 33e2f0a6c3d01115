"""The driver of a sequence, for the checks: how its face was found, and whether it moved between two frames."""

from __future__ import annotations

from collections.abc import Sequence as Numbers
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.retime import RetimedPerformance, driver_positions, retime
from ofx_reenact.verify.sidecar import SidecarFile

# A point of the driver's mesh that moves less than this, in centimetres, does not count as movement.
MOVED = 0.01


@dataclass(frozen=True)
class Driver:
    """A driver. Frames in its methods are those of the rendered sequence.

    Attributes:
        sidecar: of the sequence.
        performance: the driver's; None if it cannot be read.
        target: all frames of a moving target; None for a still, or if not known.
    """

    sidecar: SidecarFile
    performance: Performance | None
    target: Numbers[int] | None = None

    def face_state(self, frame: int) -> str | None:
        """Return how the driver's face was found in a frame (``tracked``, ``bridged``, ``held``); None if unknown."""
        row = self._rows.get(frame)
        if row is None or self.performance is None:
            return None
        states = self.performance.state if self._retimed is None else self._retimed.state
        return State(int(states[row])).name.lower()

    def moved(self, first: int, second: int) -> bool | None:
        """Return whether the driver moved between two frames; None if unknown.

        The performance's meshes are compared (without the head's pose if the render ignores the head), or the driver's
        pictures if the performance lacks a frame. A ``held`` face does not move, even if the pictures change.
        """
        if first in self._rows and second in self._rows:
            one, other = self._rows[first], self._rows[second]
            return bool(np.abs(self._shape[one] - self._shape[other]).max() > MOVED)
        if "held" in (self.sidecar.faces.get(first), self.sidecar.faces.get(second)):
            return False
        return self._pictures_differ(first, second)

    def _pictures_differ(self, first: int, second: int) -> bool | None:
        settings = self.sidecar.settings
        if settings is None or self._pictures is None:
            return None
        try:
            one, other = (self._pictures.read(self._number(frame), settings.driver_layer) for frame in (first, second))
            return not np.array_equal(one.rgb, other.rgb)
        except ReenactError:
            return None

    def _number(self, frame: int) -> int:
        """Return the driver's frame for a frame of the result; between two frames of the driver, the earlier one."""
        settings, pictures = self.sidecar.settings, self._pictures
        if self.target is None or settings is None or pictures is None:
            return frame
        ends = (pictures.frames.first, pictures.frames.last)
        return int(driver_positions((self.target[0], frame), ends, settings)[1])

    @cached_property
    def _pictures(self) -> Sequence | None:
        """The driver's pictures, opened once, since opening a video decodes all of it; None if they cannot be read."""
        name = self.sidecar.name_of(self.sidecar.settings.driver) if self.sidecar.settings else ""
        try:
            return Sequence.open(name) if name else None
        except ReenactError:
            return None

    @cached_property
    def _retimed(self) -> RetimedPerformance | None:
        """The driver's performance at each frame of a moving target; None for a still, or if not known."""
        settings = self.sidecar.settings
        if self.performance is None or self.target is None or settings is None:
            return None
        try:
            positions = driver_positions(self.target, self.performance.frames, settings)
            return retime(self.performance, positions)
        except ReenactError:
            return None

    @cached_property
    def _rows(self) -> dict[int, int]:
        """Frame of the result → row of the (retimed) performance."""
        if self.sidecar.moving:
            frames = [] if self._retimed is None or self.target is None else list(self.target)
        else:
            frames = [] if self.performance is None else self.performance.frames.tolist()
        return {frame: row for row, frame in enumerate(frames)}

    @cached_property
    def _shape(self) -> np.ndarray:
        """The driver's mesh in each row, (T, 478, 3) in centimetres; frontalised if the render ignores the head."""
        assert self.performance is not None
        settings, performance = self.sidecar.settings, self._retimed or self.performance
        if settings is not None and _ignores_head(settings, self.sidecar.moving):
            return performance.frontal
        turned = np.einsum("tij,tnj->tni", performance.rotation, performance.frontal.astype(np.float64))
        mesh: np.ndarray = performance.scale[:, None, None] * turned + performance.translation[:, None]
        return mesh / np.median(performance.scale)


def _ignores_head(settings: Settings, moving: bool) -> bool:
    """Return whether the render ignores the driver's head pose."""
    whose = settings.head if settings.head != "auto" else "plate" if moving else "driver"
    return settings.motion == "locked" or whose == "plate" or settings.regions != "all"
