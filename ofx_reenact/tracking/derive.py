"""Derive a performance from tracked frames: fill gaps, take out the head's pose, smooth, choose a reference.

No other step uses more than one frame, so a frame that is rendered alone equals the same frame of a range. Values of
one shot do not influence another shot. Only two things are computed over all shots, for the person: the shape of
the head's rigid points, and the medians that neutrality is measured from.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ofx_reenact.ramps import smooth_step
from ofx_reenact.stages import stage
from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.landmarks import RIGID
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.neutrality import measure_neutrality
from ofx_reenact.tracking.performance import Performance, State, segments_of
from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.tracking.smooth import smooth, smooth_poses
from ofx_reenact.tracking.tracker import Track

# A gap of up to this many frames without a face is interpolated. Longer gaps hold the face before them; the start of a
# shot holds its first face.
BRIDGE = 12


@dataclass(frozen=True)
class TrackedFrames:
    """The tracker's results for a driver of T frames, S of them with a face.

    Types are those of the performance file, so that deriving again from a loaded file gives the same file.
    """

    frames: np.ndarray  # (T,) int64, every frame from the first to the last
    absent: np.ndarray  # (n,) int64, numbers of frames that the driver lacks
    cut: np.ndarray  # (T,) bool, the frame is the first of a new shot
    seen: np.ndarray  # (S,) int64, rows of the frames with a face, ascending
    landmarks: np.ndarray  # (S, 68, 2) float32 pixels
    mesh: np.ndarray  # (S, 478, 3) float32 pixels, lifted where the tracker gives landmarks only
    blendshapes: np.ndarray  # (S, 52) float32, 0 where the tracker has none
    confidence: np.ndarray  # (S,) float32
    hand_made: np.ndarray  # (S,) bool, the landmarks were placed by hand
    light: np.ndarray  # (S,) float32, mean luma of the face

    @classmethod
    def of_tracks(
        cls,
        tracks: Mapping[int, Track | None],
        absent: Sequence[int],
        cut: np.ndarray,
        light: Sequence[float],
        *,
        hand_made: bool,
    ) -> TrackedFrames:
        """Collect a tracker's results by frame, in order; a frame without a face is None and not in ``light``."""
        faces = [track for track in tracks.values() if track is not None]
        none = np.zeros(len(BLENDSHAPES))
        return cls(
            frames=np.array(list(tracks), np.int64),
            absent=np.array(absent, np.int64),
            cut=cut,
            seen=np.array([row for row, track in enumerate(tracks.values()) if track is not None], np.int64),
            landmarks=np.stack([face.landmarks for face in faces]).astype(np.float32),
            mesh=np.stack([lift(f.landmarks) if f.mesh is None else f.mesh for f in faces]).astype(np.float32),
            blendshapes=np.stack([none if f.blendshapes is None else f.blendshapes for f in faces]).astype(np.float32),
            confidence=np.array([face.confidence for face in faces], np.float32),
            hand_made=np.full(len(faces), hand_made),
            light=np.array(light, np.float32),
        )

    @classmethod
    def of_performance(cls, performance: Performance) -> TrackedFrames:
        """Return the tracked frames that a performance was derived from."""
        p, seen = performance, np.nonzero(performance.state == State.TRACKED)[0]
        kept = (p.raw_landmarks, p.raw_mesh, p.blendshapes, p.confidence, p.hand_made, p.light)
        return cls(p.frames, p.absent, p.cut, seen, *(values[seen] for values in kept))


@stage("track")
def derive(
    found: TrackedFrames,
    *,
    size: tuple[int, int],
    fps: str,
    name: str,
    tracker: str,
    versions: str,
    smoothing: float,
    reference: int | None,
) -> Performance:
    """Make a performance from tracked frames, at least one of which has a face.

    Args:
        found: the tracker's results.
        reference: number of the reference frame, which must have a face; None for the calmest frame.
        size, fps, name, tracker, versions, smoothing: as in :class:`Performance`.
    """
    count, seen, cut = len(found.frames), found.seen, found.cut
    confidence = np.zeros(count, np.float32)
    confidence[seen] = found.confidence
    hand_made = np.zeros(count, bool)
    hand_made[seen] = found.hand_made
    mesh = fill(found.mesh, seen, cut)
    segments = segments_of(cut)
    turns, sizes, places = poses(mesh)
    smoothed = [smooth_poses(turns[rows], sizes[rows], places[rows], smoothing) for rows in segments]
    rotation, scale, translation = (np.concatenate(values) for values in zip(*smoothed, strict=True))
    frontal = np.einsum("tji,tnj->tni", rotation, mesh - translation[:, None]) / scale[:, None, None]
    frontal = np.concatenate([smooth(frontal[rows], smoothing) for rows in segments])
    shapes = fill_blendshapes(found)
    neutrality = measure_neutrality(shapes, frontal, rotation)
    state = frame_states(seen, cut)
    tracked_neutrality = np.where(state == State.TRACKED, neutrality, np.inf)
    return Performance(
        frames=found.frames,
        state=state,
        absent=found.absent,
        confidence=confidence,
        neutrality=neutrality.astype(np.float32),
        raw_landmarks=fill(found.landmarks, seen, cut).astype(np.float32),
        raw_mesh=mesh.astype(np.float32),
        blendshapes=shapes.astype(np.float32),
        frontal=frontal.astype(np.float32),
        rotation=rotation,
        scale=scale,
        translation=translation,
        hand_made=hand_made,
        reference=int(found.frames[int(np.argmin(tracked_neutrality))]) if reference is None else reference,
        chosen=reference is not None,
        size=size,
        fps=fps,
        name=name,
        tracker=tracker,
        versions=versions,
        smoothing=smoothing,
        cut=cut,
        light=_fill_light(found),
    )


def fill_blendshapes(found: TrackedFrames) -> np.ndarray:
    """Return the blendshapes of every frame (T, 52).

    Landmarks determine them poorly, so frames placed by hand get their neighbours', as frames without a face do.
    """
    own = ~found.hand_made
    if not own.any():
        own = np.ones_like(own)
    return fill(found.blendshapes[own], found.seen[own], found.cut)


def _fill_light(found: TrackedFrames) -> np.ndarray:
    """Return the face's mean luma in every frame (T,) float32; 0 in shots without a face."""
    shot = np.cumsum(found.cut)
    known = np.isin(shot, shot[found.seen])
    return np.where(known, fill(found.light, found.seen, found.cut), 0).astype(np.float32)


def frame_states(seen: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Return the :class:`State` of each frame (T,) uint8, from the rows with a face and the cuts (T,)."""
    state = np.full(len(cut), State.HELD, np.uint8)
    state[seen] = State.TRACKED
    shot = np.cumsum(cut)
    for before, after in itertools.pairwise(seen.tolist()):
        if 1 < after - before <= BRIDGE + 1 and shot[before] == shot[after]:
            state[before + 1 : after] = State.BRIDGED
    return state


def fill(values: np.ndarray, seen: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Fill rows without a face: gaps of up to ``BRIDGE`` frames are interpolated, others hold the face before them.

    At the start of a shot there is none, and the shot's first face is held. A shot takes values from another shot only
    if it has no face itself.

    Args:
        values: (S, ...) for the rows with a face.
        seen: (S,) those rows, ascending.
        cut: (T,) bool, the first frame of each shot.

    Returns:
        (T, ...) float64.
    """
    rows, shot = np.arange(len(cut)), np.cumsum(cut)
    last = np.clip(np.searchsorted(seen, rows, side="right") - 1, 0, None)
    following = np.clip(last + 1, None, len(seen) - 1)
    before, after = shot[seen[last]], shot[seen[following]]
    last = np.where((before != shot) & (after == shot), following, last)
    following = np.where(before == after, following, last)
    gap = seen[following] - seen[last]
    fraction = np.where((gap > 1) & (gap <= BRIDGE + 1), (rows - seen[last]) / np.maximum(gap, 1), 0.0)
    weight = smooth_step(fraction).reshape(-1, *[1] * (values.ndim - 1))
    return values[last] + (values[following] - values[last]) * weight


def poses(mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit head poses to meshes (T, 478, 3): rotation (T, 3, 3), scale (T,), translation (T, 3).

    First the canonical face is fitted to each frame. With these poses, the person's own rigid points are averaged over
    the frames. Then these are fitted, so that a difference from the canonical face does not tilt the head.
    """
    first = [head_pose(points) for points in mesh]
    index = list(RIGID)
    own = np.mean([pose.invert(points[index]) for pose, points in zip(first, mesh, strict=True)], axis=0)
    second = [head_pose(points, own) for points in mesh]
    return (
        np.stack([pose.rotation for pose in second]),
        np.array([pose.scale for pose in second]),
        np.stack([pose.translation for pose in second]),
    )
