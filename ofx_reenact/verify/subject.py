"""What is checked: a sequence's frames as they are on disk, and all that says how they should be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.names import files_of, frame_path
from ofx_reenact.frames.plate import Plate, read_plate
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import Observer, Progress, ignore
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.verify.look import Look, look_at
from ofx_reenact.verify.sidecar import Beside, read_beside, target_file

# A driver's face that moved less than this between two frames, in centimetres of itself, did not move.
MOVED = 0.01
# Longer than any shot: a range that holes would be filled in up to here is no range.
_LONGEST = 1_000_000


@dataclass(frozen=True)
class Subject:
    """A sequence ``O.####.exr`` with what it is measured by.

    ``frames`` should be there, and ``looks`` has those that are, in order. ``plate`` (the target) or ``performance``
    (of the driver) is None where it is not reachable: ``unknown`` then says why. With ``strict``, what cannot be
    compared is a problem, not a note.
    """

    output: str
    frames: FrameRange
    looks: Mapping[int, Look]
    sidecar: Beside
    plate: Plate | None
    performance: Performance | None
    unknown: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False

    @property
    def whole(self) -> list[Look]:
        """The frames that decode whole, in order."""
        return [one for one in self.looks.values() if one.header is not None]

    def state(self, frame: int) -> str | None:
        """How the face was found in a frame, as the performance has it; None if that is not known."""
        if self.performance is None or frame not in self._rows:
            return None
        return State(int(self.performance.state[self._rows[frame]])).name.lower()

    def moved(self, first: int, second: int) -> bool | None:
        """Tell whether the driver moved between two frames; None if nothing here says so.

        By the performance's mesh (by the expression alone where the head was locked), else by the driver's pictures:
        a held face may stand still while they change. What moved too little for the target's pixels, the render itself
        knows: such frames say that they are the plate, untouched.
        """
        if all(self.looks[frame].made.get("reenact:still") for frame in (first, second) if frame in self.looks):
            return False
        if self._black(first) and self._black(second):
            return False
        if self.performance is not None and first in self._rows and second in self._rows:
            one, other = self._rows[first], self._rows[second]
            return bool(np.abs(self._shape[one] - self._shape[other]).max() > MOVED)
        if "held" in (self.sidecar.faces.get(first), self.sidecar.faces.get(second)):
            return False
        return self._pictures_differ(first, second)

    def _black(self, frame: int) -> bool:
        """Whether a frame was to be black, for want of a face."""
        settings = self.sidecar.settings
        state = self.state(frame) or self.sidecar.faces.get(frame)
        return settings is not None and settings.missing == "black" and state not in (None, "tracked")

    def _pictures_differ(self, first: int, second: int) -> bool | None:
        settings = self.sidecar.settings
        if settings is None or self._driver is None:
            return None
        try:
            one, other = (self._driver.read(frame, settings.driver_layer) for frame in (first, second))
            return not np.array_equal(one.rgb, other.rgb)
        except ReenactError:
            return None

    @cached_property
    def _driver(self) -> Sequence | None:
        """The driver, opened once: a video is decoded whole for that. None if it is not reachable or cannot be read."""
        name = self.sidecar.settings.driver if self.sidecar.settings else ""
        try:
            if self.sidecar.files(name):
                return Sequence.open(name if files_of(name) else self.sidecar.path.parent / name)
        except ReenactError:
            pass
        return None

    @cached_property
    def _rows(self) -> dict[int, int]:
        frames = self.performance.frames.tolist() if self.performance is not None else ()
        return {frame: index for index, frame in enumerate(frames)}

    @cached_property
    def _shape(self) -> np.ndarray:
        """The driver's face (T, 478, 3) in centimetres: where it is, or its expression if the head was locked."""
        assert self.performance is not None
        settings = self.sidecar.settings
        if settings is not None and settings.motion == "locked":
            return self.performance.frontal
        return self.performance.mesh / np.median(self.performance.scale)


def open_subject(
    output: str, *, frames: str = "", performance: str = "", strict: bool = False, observe: Observer = ignore
) -> Subject:
    """Look at every frame of a sequence.

    Args:
        output: ``O.####.exr``.
        frames: those that should be there; if empty, what the sidecar says, else from the first to the last there.
        performance: the driver's performance file; if empty, the one the sidecar names.
        strict: what cannot be compared is a problem.
        observe: is told of each frame.

    Raises:
        ReenactError: the name or the range is not understood, there is nothing of that name, or the performance
            that was named cannot be read.
    """
    unknown: dict[str, str] = {}
    sidecar, tracked, wanted = meant(output, frames, performance, unknown)
    paths = [(frame, frame_path(output, frame)) for frame in wanted]
    there = [(frame, path) for frame, path in paths if path.exists()]
    looks: dict[int, Look] = {}
    for done, one in enumerate(look_at(there), start=1):
        looks[one.frame] = one
        observe(Progress("verify", done, len(there), one.frame, one.damage or ""))
    return Subject(output, wanted, looks, sidecar, _plate(sidecar, unknown), tracked, unknown, strict)


def meant(
    output: str, frames: str, performance: str, unknown: dict[str, str]
) -> tuple[Beside, Performance | None, FrameRange]:
    """Return a sequence's sidecar, its performance, and the frames that should be there, without looking at one.

    Arguments and errors are those of :func:`open_subject`; what is not reachable is said in ``unknown``.
    """
    frame_path(output, 1)
    sidecar = read_beside(output)
    tracked = _performance(performance, sidecar, unknown)
    return sidecar, tracked, FrameRange.parse(frames) if frames else _frames_meant(output, sidecar, tracked)


def _performance(named: str, sidecar: Beside, unknown: dict[str, str]) -> Performance | None:
    if named:
        return Performance.load(Path(named))
    settings = sidecar.settings
    files = sidecar.files(settings.performance) if settings else ()
    try:
        if files:
            return Performance.load(files[0])
        unknown["performance"] = (
            f"{settings.performance}: the performance is not reachable from here"
            if settings and settings.performance
            else "no performance file is named"
        )
    except ReenactError as error:
        unknown["performance"] = str(error)
    return None


def _plate(sidecar: Beside, unknown: dict[str, str]) -> Plate | None:
    try:
        return read_plate(*target_file(sidecar), sidecar.settings.layer if sidecar.settings else "")
    except ReenactError as error:
        unknown["plate"] = str(error)
        return None


def _frames_meant(output: str, sidecar: Beside, performance: Performance | None) -> FrameRange:
    """The frames that should be there when nobody says which.

    The settings in a sidecar are those of the chunk that wrote it last. If they do not cover all frames that it
    knows, the others are taken to lie as far apart as these: a chunk that is missing in the middle is seen.
    """
    known, settings = sidecar.frames, sidecar.settings
    if settings is not None and settings.frames:
        asked = FrameRange.parse(settings.frames)
        if set(known) <= set(asked):
            return asked
        known = FrameRange.of({*known, *asked})
    elif settings is not None and performance is not None and set(known) <= set(performance.frames.tolist()):
        return FrameRange.of(performance.frames)
    known = known or Sequence.open(output).frames
    step = math.gcd(*(b - a for a, b in zip(known.numbers, known.numbers[1:], strict=False))) or 1
    if (known.last - known.first) // step > _LONGEST:
        return known
    return FrameRange.of(range(known.first, known.last + 1, step))
