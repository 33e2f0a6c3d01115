"""From what was found frame by frame to a performance: fill gaps, take the head's pose out, smooth, choose a reference.

Everything that looks at more than one frame happens here and nowhere else; that is why a frame rendered alone
equals the same frame of a range. Nothing looks across a cut, but for what is the person's own: the rigid points of the
head, and the mean face that rest is measured from where there are no blendshapes.
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

# Up to this many frames without a face are bridged from both sides; longer gaps and the ends hold.
BRIDGE = 12


@dataclass(frozen=True)
class Found:
    """What was found in a driver of T frames, S of them with a face.

    Numbers are rounded as a performance file keeps them: derived again from a loaded file, they give that file.
    """

    frames: np.ndarray  # (T,) int64, every frame from the first to the last
    absent: np.ndarray  # (n,) int64, frames that do not exist in the driver
    cut: np.ndarray  # (T,) bool, the frame begins another shot
    seen: np.ndarray  # (S,) int64, rows of the frames with a face, ascending
    landmarks: np.ndarray  # (S, 68, 2) float32 pixels
    mesh: np.ndarray  # (S, 478, 3) float32 pixels, lifted where the tracker gives landmarks only
    blendshapes: np.ndarray  # (S, 52) float32, 0 where the tracker has none
    confidence: np.ndarray  # (S,) float32
    hand_made: np.ndarray  # (S,) bool, a person placed the landmarks
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
    ) -> Found:
        """Collect what a tracker found in each frame, in order; None, and no light, in one without a face."""
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
    def of_performance(cls, performance: Performance) -> Found:
        """Go back to what a performance was derived from."""
        p, seen = performance, np.nonzero(performance.state == State.TRACKED)[0]
        kept = (p.raw_landmarks, p.raw_mesh, p.blendshapes, p.confidence, p.hand_made, p.light)
        return cls(p.frames, p.absent, p.cut, seen, *(values[seen] for values in kept))


@stage("track")
def derive(
    found: Found,
    *,
    size: tuple[int, int],
    fps: str,
    name: str,
    tracker: str,
    versions: str,
    smoothing: float,
    reference: int | None,
) -> Performance:
    """Make a performance of what was found in at least one frame; the rest is as :class:`Performance` keeps it.

    ``reference`` is the frame at rest, which has a face, if a person chose one.
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
    shapes = expressions(found)
    busy = measure_neutrality(shapes, frontal, rotation)
    state = states(seen, cut)
    at_rest = np.where(state == State.TRACKED, busy, np.inf)
    return Performance(
        frames=found.frames,
        state=state,
        absent=found.absent,
        confidence=confidence,
        neutrality=busy.astype(np.float32),
        raw_landmarks=fill(found.landmarks, seen, cut).astype(np.float32),
        raw_mesh=mesh.astype(np.float32),
        blendshapes=shapes.astype(np.float32),
        frontal=frontal.astype(np.float32),
        rotation=rotation,
        scale=scale,
        translation=translation,
        hand_made=hand_made,
        reference=int(found.frames[int(np.argmin(at_rest))]) if reference is None else reference,
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


def expressions(found: Found) -> np.ndarray:
    """Return blendshapes of every frame (T, 52).

    Landmarks say little of them, so frames that a person placed take their neighbours', as frames without a face do.
    """
    own = ~found.hand_made
    if not own.any():
        own = np.ones_like(own)
    return fill(found.blendshapes[own], found.seen[own], found.cut)


def _fill_light(found: Found) -> np.ndarray:
    """Return the light of every frame (T,) float32; 0 in shots without a face, which say nothing of their light."""
    shot = np.cumsum(found.cut)
    known = np.isin(shot, shot[found.seen])
    return np.where(known, fill(found.light, found.seen, found.cut), 0).astype(np.float32)


def states(seen: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Return the :class:`State` of each frame (T,) uint8, given the rows that have a face and the cuts (T,)."""
    state = np.full(len(cut), State.HELD, np.uint8)
    state[seen] = State.TRACKED
    shot = np.cumsum(cut)
    for before, after in itertools.pairwise(seen.tolist()):
        if 1 < after - before <= BRIDGE + 1 and shot[before] == shot[after]:
            state[before + 1 : after] = State.BRIDGED
    return state


def fill(values: np.ndarray, seen: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Fill the rows without a face: short gaps change over from one side to the other, longer ones hold.

    A shot takes nothing from another, unless it has no face at all: then it holds one.

    Returns (T, ...), from values (len(seen), ...) for the rows ``seen`` that have a face, ascending, and the cuts (T,).
    """
    rows, shot = np.arange(len(cut)), np.cumsum(cut)
    last = np.clip(np.searchsorted(seen, rows, side="right") - 1, 0, None)
    following = np.clip(last + 1, None, len(seen) - 1)
    before, after = shot[seen[last]], shot[seen[following]]
    last = np.where((before != shot) & (after == shot), following, last)
    following = np.where(before == after, following, last)
    gap = seen[following] - seen[last]
    share = np.where((gap > 1) & (gap <= BRIDGE + 1), (rows - seen[last]) / np.maximum(gap, 1), 0.0)
    share = smooth_step(share)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return values[last] + (values[following] - values[last]) * share


def poses(mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the head poses of meshes (T, 478, 3): rotation (T, 3, 3), scale (T,), translation (T, 3).

    In two passes: the first lays the canonical face on each frame; the second this person's own rigid points,
    averaged over the first, so that what differs from the canonical face does not tilt the head.
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
