"""Which frames a job renders: what was asked for, what is there already, where the driver has no face."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ofx_reenact.errors import FrameError, OutputError, TrackingError
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import existing_frames
from ofx_reenact.provenance import read_said
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.retime import driver_positions, retime


@dataclass(frozen=True)
class Plan:
    """The frames of a job.

    Attributes:
        states: how the driver's face was found, for each frame there is.
        frames: the frames asked for: ``todo``, and ``skipped``, which are there already.
        said: what each of those that are skipped says of itself.
        faceless: frames asked for in which no face was found, absent ones included.
        black: frames to do that are black, for want of a face.
        beyond: frames asked for that lie beyond the driver's ends, in a target that moves.
        plain: frames asked for in which a target that moves shows no face, and stays as it is.
    """

    states: Mapping[int, State]
    frames: FrameRange
    todo: FrameRange
    said: Mapping[int, Mapping[str, Any]]
    faceless: tuple[int, ...]
    black: frozenset[int]
    beyond: tuple[int, ...] = ()
    plain: tuple[int, ...] = ()

    @property
    def skipped(self) -> FrameRange:
        """The frames that are there already, and stay."""
        return FrameRange.of(self.said)

    @property
    def faces(self) -> dict[int, str]:
        """How the face was found in each driver frame, as frames and sidecars say it."""
        return {frame: state.name.lower() for frame, state in self.states.items()}

    def shown_as(self, state: State, written: Mapping[int, float]) -> tuple[int, ...]:
        """Return the written frames whose face was found in a way and that are not black."""
        return tuple(frame for frame in written if self.states[frame] is state and frame not in self.black)


@dataclass(frozen=True)
class Seen:
    """How one person's driver was found in each frame of the result.

    Attributes:
        who: the driver's name, for messages.
        states: for each frame that there is.
        beyond: frames beyond the driver's ends.
        plain: frames in which a target that moves shows no face.
        moving: whether the target does.
    """

    who: str
    states: Mapping[int, State]
    beyond: frozenset[int] = frozenset()
    plain: frozenset[int] = frozenset()
    moving: bool = False

    @classmethod
    def of(cls, settings: Settings, performance: Performance, plate: Performance | None) -> Seen:
        """Look a driver's performance up, for the frames of ``plate``, a target that moves; its own for a still."""
        who = settings.driver or settings.performance
        if plate is None:
            return cls(who, dict(zip(performance.frames.tolist(), map(State, performance.state.tolist()), strict=True)))
        acted = retime(performance, driver_positions(plate.frames, performance.frames, settings))
        numbers = plate.frames.tolist()
        states = dict(zip(numbers, map(State, acted.state.tolist()), strict=True))
        beyond = frozenset(number for number, within in zip(numbers, acted.inside, strict=True) if not within)
        return cls(who, states, beyond, frozenset(plate.frames[plate.state != State.TRACKED].tolist()), True)

    def over(self, frames: Iterable[int]) -> Seen:
        """Return it for all of these frames; where the driver has none, the nearest is held."""
        more = {frame: State.HELD for frame in frames if frame not in self.states}
        return replace(self, states={**self.states, **more}, beyond=self.beyond | more.keys())


def together(seen: Sequence[Seen]) -> Seen:
    """Return how all drivers were found: in each frame as the one that was found worst.

    Frames are those that one of them has; plain are those in which a target shows none of the faces.

    Raises:
        FrameError: the drivers of a still have no frame in common.
    """
    first, *others = seen
    if not others:
        return first
    frames = sorted({frame for one in seen for frame in one.states})
    if not first.states.keys() & set.intersection(*(set(one.states) for one in others)):
        said = ", ".join(f"{one.who} has {FrameRange.of(one.states)}" for one in seen)
        raise FrameError(f"the drivers have no frame in common: {said}; give them the same numbers")
    whole = [one.over(frames) for one in seen]
    return Seen(
        ", ".join(dict.fromkeys(one.who for one in seen)),
        {frame: max(one.states[frame] for one in whole) for frame in frames},
        frozenset[int]().union(*(one.beyond for one in whole)),
        frozenset.intersection(*(one.plain for one in whole)),
        first.moving,
    )


def plan_frames(settings: Settings, seen: Seen, made_of: str) -> Plan:
    """Decide which frames to render: the driver's, or those of a target that moves.

    Args:
        settings: of the job.
        seen: how the driver was found.
        made_of: digest of what the frames are made from.

    Raises:
        FrameError: frames were asked for that there are not.
        TrackingError: a frame has no face, and that is to be an error.
        OutputError: frames are there already, and that is to be an error; or they are to be kept, and were made from
            something else.
    """
    states = seen.states
    frames = FrameRange.parse(settings.frames) if settings.frames else FrameRange.of(states)
    if outside := [frame for frame in frames if frame not in states]:
        raise FrameError(
            f"--frames {settings.frames}: the {'target' if seen.moving else 'driver'} has frames "
            f"{min(states)}-{max(states)}, not {FrameRange.of(outside)}"
        )
    lost = [frame for frame in frames if states[frame] is not State.TRACKED]
    if lost and settings.missing == "error":
        raise TrackingError(
            f"{seen.who}: no face {'for the target in' if seen.moving else 'in'} "
            f"frames {FrameRange.of(lost)}; --missing hold or black goes on without"
        )
    said = _skipped(settings, frames, made_of)
    black = set(lost) - set(said) if settings.missing == "black" else ()
    return Plan(
        states, frames, frames - said, said, tuple(lost), frozenset(black),
        tuple(frame for frame in frames if frame in seen.beyond), tuple(f for f in frames if f in seen.plain),
    )  # fmt: skip


def _skipped(settings: Settings, frames: FrameRange, made_of: str) -> dict[int, dict[str, Any]]:
    """Return the frames that are there already and are left as they are, each with what it says of itself."""
    if settings.existing == "overwrite":
        return {}
    if settings.existing == "skip":
        said = {f: read_said(frame_path(settings.output, f)) for f in existing_frames(settings.output, frames)}
        # Frames of earlier versions do not say what they were made from; they are kept.
        if others := [frame for frame, one in said.items() if one.get("made_of", made_of) != made_of]:
            raise OutputError(
                f"{settings.output}: frames {FrameRange.of(others)} are there already, made from other inputs or with "
                "other options; --existing overwrite renders them again, another --output leaves them"
            )
        return said
    there = FrameRange.of(frame for frame in frames if frame_path(settings.output, frame).exists())
    if there:
        raise OutputError(
            f"{settings.output}: frames {there} are there already; choose another --output, or "
            "--existing skip or overwrite"
        )
    return {}
