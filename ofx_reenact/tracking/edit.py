"""Correct a performance by hand: read the landmarks of its frames, and replace them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.tracking.derive import TrackedFrames, derive
from ofx_reenact.tracking.lift import bend, lift
from ofx_reenact.tracking.performance import Performance, State

# If the tracked landmarks are further than this from the placed ones, on average and in face sizes, the tracker found
# something else.
_ELSEWHERE = 0.15
# A mesh that differs by less than this, in pixels, from the mesh lifted from its landmarks was lifted, not tracked. The
# difference is not 0 because files have float32 values.
_SAME = 0.01


def landmarks_of(performance: Performance, frames: Iterable[int] | None = None) -> dict[int, np.ndarray]:
    """Return the raw landmarks (68, 2) of frames, all by default: tracked, placed by hand, or filled in gaps.

    They are in pixels of the driver's files, which need not be square.

    Raises:
        TrackingError: the performance has no such frame.
    """
    rows = _rows(performance, performance.frames.tolist() if frames is None else frames)
    return {frame: performance.squeeze.to_file(performance.raw_landmarks[row]) for frame, row in rows.items()}


def place(performance: Performance, landmarks: Mapping[int, np.ndarray]) -> Performance:
    """Return a performance with the landmarks of some frames replaced and everything else derived again.

    A frame's tracked mesh is bent so that its 68 points lie at the placed landmarks, which keeps the tracked depth and
    cheeks. Where no face was tracked, or one far from the landmarks, the canonical face is lifted to the landmarks
    instead. The frames count as tracked, with confidence 1. Placing a frame twice gives the same as placing it once,
    unless the first landmarks were far away.

    Args:
        performance: the performance, which stays unchanged.
        landmarks: (68, 2) float64 in pixels of the driver's files, by frame.

    Raises:
        TrackingError: the performance, or the driver, has no such frame.
    """
    p, rows = performance, _rows(performance, landmarks)
    if absent := sorted(set(rows) & set(p.absent.tolist())):
        raise TrackingError(f"{p.name}: frames {FrameRange.of(absent)} have no picture; leave out their landmarks")
    edited = {n: getattr(p, n).copy() for n in ("state", "confidence", "hand_made", "raw_landmarks", "raw_mesh")}
    for frame, row in rows.items():
        points = p.squeeze.to_square(landmarks[frame])
        placed = (State.TRACKED, 1.0, True, points, _mesh(p, row, points))
        for values, value in zip(edited.values(), placed, strict=True):
            values[row] = value
    derived = derive(
        TrackedFrames.of_performance(replace(p, **edited)),
        size=p.size,
        fps=p.fps,
        name=p.name,
        tracker=p.tracker,
        versions=p.versions,
        smoothing=p.smoothing,
        reference=p.reference if p.chosen else None,
    )
    return replace(derived, aspect=p.aspect, made_of=p.made_of, light=p.light, skin=p.skin)


def _mesh(performance: Performance, row: int, landmarks: np.ndarray) -> np.ndarray:
    """Return a mesh (478, 3) in pixels for a frame with the given landmarks (68, 2)."""
    if performance.state[row] != State.TRACKED:
        return lift(landmarks)
    found, mesh = performance.raw_landmarks[row], performance.raw_mesh[row]
    apart = np.linalg.norm(landmarks - found, axis=1).mean() / np.sqrt(np.ptp(landmarks, axis=0).prod())
    lifted = np.abs(mesh - lift(found)).max() < _SAME
    return lift(landmarks) if lifted or apart > _ELSEWHERE else bend(mesh, landmarks)


def _rows(performance: Performance, frames: Iterable[int]) -> dict[int, int]:
    rows = {int(frame): row for row, frame in enumerate(performance.frames)}
    wanted = sorted(frames)
    if outside := [frame for frame in wanted if frame not in rows]:
        raise TrackingError(
            f"{performance.name}: no frames {FrameRange.of(outside)}; the performance has {min(rows)}-{max(rows)}"
        )
    return {frame: rows[frame] for frame in wanted}
