"""Which frames a job renders: what was asked for, what is there already, where the driver has no face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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


def plan_frames(settings: Settings, performance: Performance, made_of: str, plate: Performance | None = None) -> Plan:
    """Decide which frames to render: the driver's, or those of a target that moves.

    Args:
        settings: of the job.
        performance: the driver's.
        made_of: digest of what the frames are made from.
        plate: the performance of a target that moves; None for a still.

    Raises:
        FrameError: frames were asked for that there are not.
        TrackingError: a frame has no face, and that is to be an error.
        OutputError: frames are there already, and that is to be an error; or they are to be kept, and were made from
            something else.
    """
    state, inside = performance.state, np.ones(len(performance.frames), bool)
    if plate is not None:
        positions = driver_positions(plate.frames, performance.frames, settings)
        acted = retime(performance, positions)
        state, inside = acted.state, acted.inside
    numbers = (performance if plate is None else plate).frames.tolist()
    states = {int(f): State(int(s)) for f, s in zip(numbers, state, strict=True)}
    frames = FrameRange.parse(settings.frames) if settings.frames else FrameRange.of(states)
    if outside := [frame for frame in frames if frame not in states]:
        raise FrameError(
            f"--frames {settings.frames}: the {'driver' if plate is None else 'target'} has frames "
            f"{min(states)}-{max(states)}, not {FrameRange.of(outside)}"
        )
    lost = [frame for frame in frames if states[frame] is not State.TRACKED]
    if lost and settings.missing == "error":
        raise TrackingError(
            f"{settings.driver or settings.performance}: no face {'in' if plate is None else 'for the target in'} "
            f"frames {FrameRange.of(lost)}; --missing hold or black goes on without"
        )
    beyond = [number for number, within in zip(numbers, inside, strict=True) if number in frames and not within]
    plain = () if plate is None else plate.frames[plate.state != State.TRACKED]
    said = _skipped(settings, frames, made_of)
    black = set(lost) - set(said) if settings.missing == "black" else ()
    return Plan(
        states, frames, frames - said, said, tuple(lost), frozenset(black), tuple(beyond),
        tuple(int(frame) for frame in plain if frame in frames),
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
