"""The driver of a sequence as the checks need it: how the face was found, whether it moved between two frames."""

from __future__ import annotations

from collections.abc import Sequence as Numbers
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.retime import Acted, driver_positions, retime
from ofx_reenact.verify.sidecar import Beside

# A driver's face that moved less than this between two frames, in centimetres of itself, did not move.
MOVED = 0.01


@dataclass(frozen=True)
class Driver:
    """A driver, by the frames of the result.

    Attributes:
        sidecar: of the sequence.
        performance: the driver's; None if it is not reachable.
        target: all frames of a target that moves, which the driver's are placed by; None of a still, or if not known.
    """

    sidecar: Beside
    performance: Performance | None
    target: Numbers[int] | None = None

    def state(self, frame: int) -> str | None:
        """Return how the driver's face was found in a frame, as the performance has it; None if that is not known."""
        row = self._rows.get(frame)
        if row is None or self.performance is None:
            return None
        states = self.performance.state if self._acted is None else self._acted.state
        return State(int(states[row])).name.lower()

    def moved(self, first: int, second: int) -> bool | None:
        """Tell whether the driver moved between two frames; None if nothing here says so.

        By the performance's mesh (by the expression alone where the head did not count), else by the driver's pictures:
        a held face may stand still while they change.
        """
        if first in self._rows and second in self._rows:
            one, other = self._rows[first], self._rows[second]
            return bool(np.abs(self._shape[one] - self._shape[other]).max() > MOVED)
        if "held" in (self.sidecar.faces.get(first), self.sidecar.faces.get(second)):
            return False
        return self._pictures_differ(first, second)

    def _pictures_differ(self, first: int, second: int) -> bool | None:
        settings = self.sidecar.settings
        if settings is None or self._sequence is None:
            return None
        try:
            one, other = (self._sequence.read(self._number(frame), settings.driver_layer) for frame in (first, second))
            return not np.array_equal(one.rgb, other.rgb)
        except ReenactError:
            return None

    def _number(self, frame: int) -> int:
        """Return the driver's frame that belongs to a frame, or the one before."""
        settings, driven = self.sidecar.settings, self._sequence
        if self.target is None or settings is None or driven is None:
            return frame
        ends = (driven.frames.first, driven.frames.last)
        return int(driver_positions((self.target[0], frame), ends, settings)[1])

    @cached_property
    def _sequence(self) -> Sequence | None:
        """The driver, opened once: a video is decoded whole for that. None if it is not reachable or cannot be read."""
        name = self.sidecar.name_of(self.sidecar.settings.driver) if self.sidecar.settings else ""
        try:
            return Sequence.open(name) if name else None
        except ReenactError:
            return None

    @cached_property
    def _acted(self) -> Acted | None:
        """What the driver does in each frame of a target that moves; None of a still, or if that is not known."""
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
        """Frame of the result → row of what the driver does."""
        if self.sidecar.moving:
            frames = [] if self._acted is None or self.target is None else list(self.target)
        else:
            frames = [] if self.performance is None else self.performance.frames.tolist()
        return {frame: row for row, frame in enumerate(frames)}

    @cached_property
    def _shape(self) -> np.ndarray:
        """The driver's face (T, 478, 3) in centimetres: where it is, or its expression if the head does not count."""
        assert self.performance is not None
        settings, acts = self.sidecar.settings, self._acted or self.performance
        if settings is not None and _is_locked(settings, self.sidecar.moving):
            return acts.frontal
        turned = np.einsum("tij,tnj->tni", acts.rotation, acts.frontal.astype(np.float64))
        mesh: np.ndarray = acts.scale[:, None, None] * turned + acts.translation[:, None]
        return mesh / np.median(acts.scale)


def _is_locked(settings: Settings, moving: bool) -> bool:
    """Tell whether the driver's head does not count."""
    whose = settings.head if settings.head != "auto" else "plate" if moving else "driver"
    return settings.motion == "locked" or whose == "plate" or settings.regions != "all"
