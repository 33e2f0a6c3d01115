"""What is checked: a sequence's frames as they are on disk, and all that says how they should be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import Observer, Progress, ignore
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.verify.driver import Driver
from ofx_reenact.verify.look import Look, look_at
from ofx_reenact.verify.sidecar import Beside, read_beside
from ofx_reenact.verify.target import Plates

# Longer than any shot: a range that holes would be filled in up to here is no range.
_LONGEST = 1_000_000

Mover = Literal["", "target", "driver"]


@dataclass(frozen=True)
class Tracked:
    """The performances of a sequence: the driver's, and that of a target that moves; None where not reachable."""

    driver: Performance | None = None
    target: Performance | None = None


@dataclass(frozen=True)
class Subject:
    """A sequence ``O.####.exr`` with what it is measured by.

    ``frames`` should be there, and ``looks`` has those that are, in order. ``plates`` (of the target) is None where it
    is not reachable, and so may be each of the performances ``tracked``: ``unknown`` then says why. With ``strict``,
    what cannot be compared is a problem, not a note.
    """

    output: str
    frames: FrameRange
    looks: Mapping[int, Look]
    sidecar: Beside
    plates: Plates | None
    tracked: Tracked
    unknown: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False

    @property
    def whole(self) -> list[Look]:
        """The frames that decode whole, in order."""
        return [one for one in self.looks.values() if one.header is not None]

    def plate(self, frame: int) -> Plate:
        """Return the plate that a frame was made of, without its pixels.

        Raises:
            ReenactError: it is not known, or not reachable.
        """
        if self.plates is None:
            raise ReenactError(self.unknown.get("plate", "the target is not known"))
        return self.plates.header(frame)

    def state(self, frame: int) -> str | None:
        """Return how the driver's face was found in a frame, as the performance has it; None if that is not known."""
        return self._driver.state(frame)

    def mover(self, first: int, second: int) -> Mover | None:
        """Tell who moved between two frames: the target, the driver, nobody (empty); None if nothing here says so.

        A target moved if one pixel of its two plates differs. What moved too little for the target's pixels, the render
        itself knows: such frames say that they are the plate, untouched.
        """
        if self._black(first) and self._black(second):
            return ""
        if self.sidecar.moving:
            differ = self._plates_differ(first, second)
            if differ is not False:
                return None if differ is None else "target"
        if all(self.looks[frame].made.get("reenact:still") for frame in (first, second) if frame in self.looks):
            return ""
        moved = self._driver.moved(first, second)
        return None if moved is None else "driver" if moved else ""

    def _plates_differ(self, first: int, second: int) -> bool | None:
        if self.plates is None:
            return None
        try:
            return self.plates.digest(first) != self.plates.digest(second)
        except ReenactError:
            return None

    def _black(self, frame: int) -> bool:
        """Whether a frame was to be black, for want of a face."""
        settings = self.sidecar.settings
        state = self.state(frame) or self.sidecar.faces.get(frame)
        return settings is not None and settings.missing == "black" and state not in (None, "tracked")

    @cached_property
    def _driver(self) -> Driver:
        """The driver, by the frames of the result."""
        frames = None
        if self.tracked.target is not None:
            frames = self.tracked.target.frames.tolist()
        elif self.plates is not None and self.plates.moving:
            frames = list(self.plates.sequence.frames)
        return Driver(self.sidecar, self.tracked.driver, frames)


def open_subject(
    output: str,
    *,
    frames: str = "",
    performance: str = "",
    target_performance: str = "",
    strict: bool = False,
    observe: Observer = ignore,
) -> Subject:
    """Look at every frame of a sequence.

    Args:
        output: ``O.####.exr``.
        frames: those that should be there; if empty, what the sidecar says, else from the first to the last there.
        performance: the driver's performance file; if empty, the one the sidecar names.
        target_performance: that of a target that moves; if empty, the one the sidecar names.
        strict: what cannot be compared is a problem.
        observe: is told of each frame.

    Raises:
        ReenactError: the name or the range is not understood, there is nothing of that name, or a performance that was
            named cannot be read.
    """
    unknown: dict[str, str] = {}
    sidecar, tracked, wanted = meant(output, frames, unknown, performance, target_performance)
    paths = [(frame, frame_path(output, frame)) for frame in wanted]
    there = [(frame, path) for frame, path in paths if path.exists()]
    looks: dict[int, Look] = {}
    for done, one in enumerate(look_at(there), start=1):
        looks[one.frame] = one
        observe(Progress("verify", done, len(there), one.frame, one.damage or ""))
    return Subject(output, wanted, looks, sidecar, _plates(sidecar, unknown), tracked, unknown, strict)


def meant(
    output: str, frames: str, unknown: dict[str, str], performance: str = "", target_performance: str = ""
) -> tuple[Beside, Tracked, FrameRange]:
    """Return a sequence's sidecar, its performances, and the frames that should be there, without looking at one.

    Arguments and errors are those of :func:`open_subject`; what is not reachable is said in ``unknown``.
    """
    frame_path(output, 1)
    sidecar = read_beside(output)
    tracked = Tracked(
        _performance("performance", performance, sidecar, unknown),
        _performance("target_performance", target_performance, sidecar, unknown) if sidecar.moving else None,
    )
    return sidecar, tracked, FrameRange.parse(frames) if frames else _frames_meant(output, sidecar, tracked)


def _performance(option: str, named: str, sidecar: Beside, unknown: dict[str, str]) -> Performance | None:
    """Load the performance of an option: that of the driver, or of a target that moves."""
    if named:
        return Performance.load(Path(named))
    said = getattr(sidecar.settings, option) if sidecar.settings else ""
    files = sidecar.files(said)
    try:
        if files:
            return Performance.load(files[0])
        unknown[option] = (
            f"{said}: the performance is not reachable from here" if said else "no performance file is named"
        )
    except ReenactError as error:
        unknown[option] = str(error)
    return None


def _plates(sidecar: Beside, unknown: dict[str, str]) -> Plates | None:
    try:
        plates = Plates.of(sidecar)
        if not plates.moving:
            plates.header(0)
        return plates
    except ReenactError as error:
        unknown["plate"] = str(error)
        return None


def _frames_meant(output: str, sidecar: Beside, tracked: Tracked) -> FrameRange:
    """The frames that should be there when nobody says which.

    The settings in a sidecar are those of the chunk that wrote it last. If they do not cover all frames that it
    knows, the others are taken to lie as far apart as these: a chunk that is missing in the middle is seen.
    """
    known, settings = sidecar.frames, sidecar.settings
    performance = tracked.target if sidecar.moving else tracked.driver
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
