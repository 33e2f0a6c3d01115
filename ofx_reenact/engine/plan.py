"""Plan a job's frames: which ones are rendered, and how the driver's face was found in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ofx_reenact.errors import FrameError, OutputError, TrackingError
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import existing_frames
from ofx_reenact.provenance import read_provenance
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.retime import driver_positions, retime


@dataclass(frozen=True)
class Plan:
    """The frames of a job.

    Attributes:
        states: how the driver's face was found, by frame, for all frames of the shot.
        frames: the requested frames: ``todo`` and ``skipped``.
        todo: the frames to render.
        recorded: for each skipped frame, which exists already, the attributes in its file.
        faceless: requested frames in which no driver face was found, or whose driver frame does not exist.
        black: frames to render black because the driver has no face there.
        beyond: requested frames of a moving target that are before or after the driver.
        plain: requested frames in which a moving target shows no face, and stays unchanged.
    """

    states: Mapping[int, State]
    frames: FrameRange
    todo: FrameRange
    recorded: Mapping[int, Mapping[str, Any]]
    faceless: tuple[int, ...]
    black: frozenset[int]
    beyond: tuple[int, ...] = ()
    plain: tuple[int, ...] = ()

    @property
    def skipped(self) -> FrameRange:
        """The requested frames that exist already and are not rendered."""
        return FrameRange.of(self.recorded)

    @property
    def faces(self) -> dict[int, str]:
        """How the driver's face was found, by frame, as written to files: ``tracked``, ``bridged`` or ``held``."""
        return {frame: state.name.lower() for frame, state in self.states.items()}

    def shown_as(self, state: State, written: Mapping[int, float]) -> tuple[int, ...]:
        """Return the written frames in which the driver's face has this state, without black frames."""
        return tuple(frame for frame in written if self.states[frame] is state and frame not in self.black)


@dataclass(frozen=True)
class DriverStates:
    """How the face of one person's driver was found in each frame of the result.

    Attributes:
        who: the driver's name, for messages.
        states: the state of each frame.
        beyond: frames before or after the driver.
        plain: frames in which a moving target shows no face.
        moving: whether the target moves.
    """

    who: str
    states: Mapping[int, State]
    beyond: frozenset[int] = frozenset()
    plain: frozenset[int] = frozenset()
    moving: bool = False

    @classmethod
    def of(cls, settings: Settings, performance: Performance, target: Performance | None) -> DriverStates:
        """Return the driver's states, by the frames of a moving ``target``, or for None by the driver's own frames."""
        who = settings.driver or settings.performance
        if target is None:
            return cls(who, dict(zip(performance.frames.tolist(), map(State, performance.state.tolist()), strict=True)))
        acted = retime(performance, driver_positions(target.frames, performance.frames, settings))
        numbers = target.frames.tolist()
        states = dict(zip(numbers, map(State, acted.state.tolist()), strict=True))
        beyond = frozenset(number for number, within in zip(numbers, acted.inside, strict=True) if not within)
        return cls(who, states, beyond, frozenset(target.frames[target.state != State.TRACKED].tolist()), True)

    def extended_to(self, frames: Iterable[int]) -> DriverStates:
        """Add the frames that the driver does not have: its nearest frame is held there."""
        more = {frame: State.HELD for frame in frames if frame not in self.states}
        return replace(self, states={**self.states, **more}, beyond=self.beyond | more.keys())


def combine_states(drivers: Sequence[DriverStates]) -> DriverStates:
    """Combine the states of several drivers: in each frame the worst one counts.

    The result has every frame of any driver. A frame is ``plain`` if the target shows none of the faces in it.

    Raises:
        FrameError: the drivers of a still have no frame in common.
    """
    first, *others = drivers
    if not others:
        return first
    frames = sorted({frame for one in drivers for frame in one.states})
    if not first.states.keys() & set.intersection(*(set(one.states) for one in others)):
        ranges = ", ".join(f"{one.who} has {FrameRange.of(one.states)}" for one in drivers)
        raise FrameError(f"the drivers have no frame in common: {ranges}; give them the same numbers")
    whole = [one.extended_to(frames) for one in drivers]
    return DriverStates(
        ", ".join(dict.fromkeys(one.who for one in drivers)),
        {frame: max(one.states[frame] for one in whole) for frame in frames},
        frozenset[int]().union(*(one.beyond for one in whole)),
        frozenset.intersection(*(one.plain for one in whole)),
        first.moving,
    )


def plan_frames(settings: Settings, driver: DriverStates, made_of: str) -> Plan:
    """Decide which frames to render.

    Args:
        settings: the job's; without ``--frames``, all frames of a moving target are requested, or of a still's driver.
        driver: how the driver's face was found.
        made_of: digest of what the frames are made from.

    Raises:
        FrameError: a requested frame does not exist.
        TrackingError: a frame has no driver face, and ``--missing error`` is set.
        OutputError: frames exist already, and ``--existing error`` is set; or it is ``skip``, and they were made from
            other inputs or options.
    """
    states = driver.states
    frames = FrameRange.parse(settings.frames) if settings.frames else FrameRange.of(states)
    if outside := [frame for frame in frames if frame not in states]:
        raise FrameError(
            f"--frames {settings.frames}: the {'target' if driver.moving else 'driver'} has frames "
            f"{min(states)}-{max(states)}, not {FrameRange.of(outside)}"
        )
    lost = [frame for frame in frames if states[frame] is not State.TRACKED]
    if lost and settings.missing == "error":
        raise TrackingError(
            f"{driver.who}: no face {'for the target in' if driver.moving else 'in'} "
            f"frames {FrameRange.of(lost)}; choose --missing hold or black to render without one"
        )
    recorded = _read_skipped(settings, frames, made_of)
    black = set(lost) - set(recorded) if settings.missing == "black" else ()
    return Plan(
        states, frames, frames - recorded, recorded, tuple(lost), frozenset(black),
        tuple(frame for frame in frames if frame in driver.beyond), tuple(f for f in frames if f in driver.plain),
    )  # fmt: skip


def _read_skipped(settings: Settings, frames: FrameRange, made_of: str) -> dict[int, dict[str, Any]]:
    """Return the frames that exist and are not rendered again, with the attributes in their files."""
    if settings.existing == "overwrite":
        return {}
    if settings.existing == "skip":
        present = existing_frames(settings.output, frames)
        recorded = {frame: read_provenance(frame_path(settings.output, frame)) for frame in present}
        # Frames of earlier versions do not record what they were made from; they are kept.
        if others := [frame for frame, one in recorded.items() if one.get("made_of", made_of) != made_of]:
            raise OutputError(
                f"{settings.output}: frames {FrameRange.of(others)} already exist, made from other inputs or with "
                "other options; --existing overwrite renders them again, another --output keeps them"
            )
        return recorded
    existing = FrameRange.of(frame for frame in frames if frame_path(settings.output, frame).exists())
    if existing:
        raise OutputError(
            f"{settings.output}: frames {existing} already exist; choose another --output, or "
            "--existing skip or overwrite"
        )
    return {}
