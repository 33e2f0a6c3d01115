"""The performances of a sequence as the checks need them: how a face was found, who moved between two frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.verify.sidecar import Beside

# A driver's face that moved less than this between two frames, in centimetres of itself, did not move.
MOVED = 0.01


@dataclass(frozen=True)
class Acting:
    """A driver, frame by frame of the result.

    Attributes:
        sidecar: of the sequence.
        performance: the driver's; None if it is not reachable.
        first: the first frame of a target that moves, to which the driver's first belongs; None if not known.
    """

    sidecar: Beside
    performance: Performance | None
    first: int | None = None

    def state(self, frame: int) -> str | None:
        """Return how the driver's face was found in a frame, as the performance has it; None if that is not known."""
        at = self._rows(frame)
        if at is None or self.performance is None:
            return None
        below, above, _ = at
        return State(int(self.performance.state[[below, above]].max())).name.lower()

    def moved(self, first: int, second: int) -> bool | None:
        """Tell whether the driver moved between two frames; None if nothing here says so.

        By the performance's mesh (by the expression alone where the head was locked), else by the driver's pictures:
        a held face may stand still while they change.
        """
        one, other = self._face(first), self._face(second)
        if one is not None and other is not None:
            return bool(np.abs(one - other).max() > MOVED)
        if "held" in (self.sidecar.faces.get(first), self.sidecar.faces.get(second)):
            return False
        return self._pictures_differ(first, second)

    def _position(self, frame: int, start: int) -> float | None:
        """Return which of the driver's frames, whole or between two, belongs to a frame of the result."""
        settings = self.sidecar.settings
        if not self.sidecar.moving:
            return float(frame)
        if settings is None or self.first is None:
            return None
        begin = start if settings.driver_start is None else settings.driver_start
        return begin + (frame - self.first) * settings.driver_speed

    def _rows(self, frame: int) -> tuple[int, int, float] | None:
        """Return the performance's rows around a frame, and how far between them it lies; None where it has none."""
        if self.performance is None:
            return None
        if not self.sidecar.moving:
            row = self._numbers.get(frame)
            return None if row is None else (row, row, 0.0)
        frames = self.performance.frames
        position = self._position(frame, int(frames[0]))
        if position is None:
            return None
        # Beyond its ends, a driver holds.
        at = float(np.clip(position - frames[0], 0, len(frames) - 1))
        below, share = int(at), at - int(at)
        return below, below + (share > 0), share

    def _face(self, frame: int) -> np.ndarray | None:
        """The driver's face (478, 3) in centimetres: where it is, or its expression if the head was locked."""
        at = self._rows(frame)
        if at is None:
            return None
        below, above, share = at
        return self._shape[below] * (1 - share) + self._shape[above] * share

    def _pictures_differ(self, first: int, second: int) -> bool | None:
        settings, driver = self.sidecar.settings, self._driver
        if settings is None or driver is None:
            return None
        numbers = [self._position(frame, driver.frames.first) for frame in (first, second)]
        if any(number is None or number != int(number) for number in numbers):
            return None
        try:
            one, other = (driver.read(int(number or 0), settings.driver_layer) for number in numbers)
            return not np.array_equal(one.rgb, other.rgb)
        except ReenactError:
            return None

    @cached_property
    def _driver(self) -> Sequence | None:
        """The driver, opened once: a video is decoded whole for that. None if it is not reachable or cannot be read."""
        name = self.sidecar.name_of(self.sidecar.settings.driver) if self.sidecar.settings else ""
        try:
            return Sequence.open(name) if name else None
        except ReenactError:
            return None

    @cached_property
    def _numbers(self) -> Mapping[int, int]:
        frames = self.performance.frames.tolist() if self.performance is not None else ()
        return {frame: row for row, frame in enumerate(frames)}

    @cached_property
    def _shape(self) -> np.ndarray:
        """The driver's face (T, 478, 3) in all of its frames."""
        assert self.performance is not None
        settings = self.sidecar.settings
        if settings is not None and _is_locked(settings, self.sidecar.moving):
            return self.performance.frontal
        return self.performance.mesh / np.median(self.performance.scale)


def _is_locked(settings: Settings, moving: bool) -> bool:
    """Tell whether the driver's head does not count."""
    whose = settings.head if settings.head != "auto" else "plate" if moving else "driver"
    return settings.motion == "locked" or whose == "plate" or settings.regions != "all"
