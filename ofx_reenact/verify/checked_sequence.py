"""A sequence to check: its decoded frames, and sidecar, target and performances to compare them with."""

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
from ofx_reenact.verify.frame_inspection import InspectedFrame, inspect_frames
from ofx_reenact.verify.sidecar import SidecarFile, read_sidecar_file
from ofx_reenact.verify.target import TargetPlates

# Missing frames are not filled in if there would be more than this: no shot is so long.
_LONGEST = 1_000_000

Mover = Literal["", "target", "driver"]


@dataclass(frozen=True)
class Performances:
    """The performances of driver and moving target; None where they cannot be read."""

    driver: Performance | None = None
    target: Performance | None = None


@dataclass(frozen=True)
class CheckedSequence:
    """A sequence and what it is compared with.

    Attributes:
        output: ``O.####.exr``.
        frames: the frames that should exist.
        inspected: frame → decoded frame, for those that exist, in order.
        sidecar: of the sequence.
        plates: of the target; None if they cannot be read.
        performances: of driver and target.
        unknown: ``plate``, ``performance`` or ``target_performance`` → why it cannot be read.
        strict: report as a problem, not as a note, what cannot be compared.
    """

    output: str
    frames: FrameRange
    inspected: Mapping[int, InspectedFrame]
    sidecar: SidecarFile
    plates: TargetPlates | None
    performances: Performances
    unknown: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False

    @property
    def whole(self) -> list[InspectedFrame]:
        """The frames that decode whole, in order."""
        return [one for one in self.inspected.values() if one.header is not None]

    def plate(self, frame: int) -> Plate:
        """Return the plate of a frame, without its pixels.

        Raises:
            ReenactError: it is not known, or cannot be read.
        """
        if self.plates is None:
            raise ReenactError(self.unknown.get("plate", "the target is not known"))
        return self.plates.header(frame)

    def face_state(self, frame: int) -> str | None:
        """Return how the driver's face was found in a frame (``tracked``, ``bridged``, ``held``); None if unknown."""
        return self._driver.face_state(frame)

    def who_moved(self, first: int, second: int) -> Mover | None:
        """Return who moved between two frames: ``target``, ``driver``, or nobody (empty); None if unknown.

        A target moved if its two plates differ in any pixel. Otherwise nobody moved if both frames have the attribute
        ``reenact:still``: the render found too little movement to show.
        """
        if self._black(first) and self._black(second):
            return ""
        if self.sidecar.moving:
            differ = self._plates_differ(first, second)
            if differ is not False:
                return None if differ is None else "target"
        if all(self.inspected[frame].made.get("reenact:still") for frame in (first, second) if frame in self.inspected):
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
        """Whether the frame should be black because the driver has no face (--missing black)."""
        settings = self.sidecar.settings
        state = self.face_state(frame) or self.sidecar.faces.get(frame)
        return settings is not None and settings.missing == "black" and state not in (None, "tracked")

    @cached_property
    def _driver(self) -> Driver:
        """The driver; its methods take frames of this sequence."""
        frames = None
        if self.performances.target is not None:
            frames = self.performances.target.frames.tolist()
        elif self.plates is not None and self.plates.moving:
            frames = list(self.plates.sequence.frames)
        return Driver(self.sidecar, self.performances.driver, frames)


def inspect_sequence(
    output: str,
    *,
    frames: str = "",
    performance: str = "",
    target_performance: str = "",
    strict: bool = False,
    observe: Observer = ignore,
) -> CheckedSequence:
    """Decode every frame of a sequence, and read what it is compared with.

    Args:
        output: ``O.####.exr``.
        frames: the frames that should exist; empty: those of the sidecar, else from the first to the last on disk.
        performance: the driver's performance file; empty: the sidecar's.
        target_performance: the performance file of a moving target; empty: the sidecar's.
        strict: report as a problem what cannot be compared.
        observe: called with the progress after each frame.

    Raises:
        ReenactError: the name or the range is not valid, there are no frames, or a given performance cannot be read.
    """
    unknown: dict[str, str] = {}
    sidecar, performances, expected = read_expected(output, frames, unknown, performance, target_performance)
    paths = [(frame, frame_path(output, frame)) for frame in expected]
    existing = [(frame, path) for frame, path in paths if path.exists()]
    inspected: dict[int, InspectedFrame] = {}
    for done, one in enumerate(inspect_frames(existing), start=1):
        inspected[one.frame] = one
        observe(Progress("verify", done, len(existing), one.frame, one.damage or ""))
    plates = _plates(sidecar, unknown)
    return CheckedSequence(output, expected, inspected, sidecar, plates, performances, unknown, strict)


def read_expected(
    output: str, frames: str, unknown: dict[str, str], performance: str = "", target_performance: str = ""
) -> tuple[SidecarFile, Performances, FrameRange]:
    """Return a sequence's sidecar, its performances, and the frames that should exist; read no frame.

    Arguments and errors are those of :func:`inspect_sequence`. If a performance cannot be read, the reason is written
    into ``unknown`` (see :attr:`CheckedSequence.unknown`).
    """
    frame_path(output, 1)
    sidecar = read_sidecar_file(output)
    performances = Performances(
        _performance("performance", performance, sidecar, unknown),
        _performance("target_performance", target_performance, sidecar, unknown) if sidecar.moving else None,
    )
    expected = FrameRange.parse(frames) if frames else _expected_frames(output, sidecar, performances)
    return sidecar, performances, expected


def _performance(option: str, given: str, sidecar: SidecarFile, unknown: dict[str, str]) -> Performance | None:
    """Load the performance file that is ``given`` or, if that is empty, the one that the sidecar has for the option.

    If the sidecar's cannot be read, write the reason into ``unknown`` and return None.
    """
    if given:
        return Performance.load(Path(given))
    name = getattr(sidecar.settings, option) if sidecar.settings else ""
    files = sidecar.files(name)
    try:
        if files:
            return Performance.load(files[0])
        unknown[option] = (
            f"{name}: the performance is not reachable from here" if name else "no performance file is named"
        )
    except ReenactError as error:
        unknown[option] = str(error)
    return None


def _plates(sidecar: SidecarFile, unknown: dict[str, str]) -> TargetPlates | None:
    try:
        plates = TargetPlates.of(sidecar)
        if not plates.moving:
            plates.header(0)
        return plates
    except ReenactError as error:
        unknown["plate"] = str(error)
        return None


def _expected_frames(output: str, sidecar: SidecarFile, performances: Performances) -> FrameRange:
    """Return the frames that should exist if --frames is not given.

    The settings in a sidecar are those of the chunk that wrote it last. If the sidecar has frames that these settings
    do not name, all frames from the first to the last are expected, in steps of the greatest common divisor of their
    distances: so a missing chunk is found.
    """
    known, settings = sidecar.frames, sidecar.settings
    performance = performances.target if sidecar.moving else performances.driver
    if settings is not None and settings.frames:
        rendered = FrameRange.parse(settings.frames)
        if set(known) <= set(rendered):
            return rendered
        known = FrameRange.of({*known, *rendered})
    elif settings is not None and performance is not None and set(known) <= set(performance.frames.tolist()):
        return FrameRange.of(performance.frames)
    known = known or Sequence.open(output).frames
    step = math.gcd(*(b - a for a, b in zip(known.numbers, known.numbers[1:], strict=False))) or 1
    if (known.last - known.first) // step > _LONGEST:
        return known
    return FrameRange.of(range(known.first, known.last + 1, step))
