"""From a whole driver to a performance: track, fill gaps, take the head's pose out, smooth, choose a reference.

Everything that looks at more than one frame happens here and nowhere else; that is why a frame rendered alone
equals the same frame of a range.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.facemesh import BLENDSHAPES
from ofx_reenact.tracking.landmarks import RIGID
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.performance import Performance, State, versions_json
from ofx_reenact.tracking.rigid import euler_degrees, head_pose
from ofx_reenact.tracking.smooth import smooth, smooth_poses
from ofx_reenact.tracking.tracker import Track, Tracker

# Up to this many frames without a face are bridged from both sides; longer gaps and the ends hold.
BRIDGE = 12
# How much each blendshape says that a face is not at rest; gaze says nothing.
_BUSY = {
    "jawOpen": 2.0,
    "eyeBlinkLeft": 1.0,
    "eyeBlinkRight": 1.0,
    "mouthSmileLeft": 0.7,
    "mouthSmileRight": 0.7,
}
_BUSY_ELSE, _LOOK = 0.4, "eyeLook"


@dataclass
class _Found:
    """What was found so far: everything a frame needs, no pictures."""

    frames: list[int] = field(default_factory=list)
    tracks: list[Track | None] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)


def analyse(
    images: Iterable[tuple[int, np.ndarray | None]],
    tracker: Tracker,
    *,
    name: str,
    fps: Fraction | None,
    smoothing: float = 1.0,
    reference: int | None = None,
    on_frame: Callable[[int, bool], None] | None = None,
) -> Performance:
    """Track a driver and make its performance.

    Args:
        images: (frame, (H, W, 3) uint8 RGB) in order, None where the driver has no such frame.
        tracker: what finds the face.
        name: the driver as the user named it, for messages and the file.
        fps: its rate, if known.
        smoothing: strength; 0 is off, 1 the default.
        reference: the frame at rest, if a person chose one.
        on_frame: called after each frame with whether it has a face.

    Raises:
        TrackingError: no frame has a face, or the chosen reference is not one with a face.
    """
    found = _Found()
    tracker.reset()
    for frame, image in images:
        track = None
        if image is None:
            found.absent.append(frame)
        else:
            found.size = (image.shape[1], image.shape[0])
            track = tracker.track(image, frame)
        found.frames.append(frame)
        found.tracks.append(track)
        if on_frame:
            on_frame(frame, track is not None)
    seen = [row for row, track in enumerate(found.tracks) if track is not None]
    if not seen:
        raise TrackingError(f"{name}: no face was found in any of {len(found.frames)} frames")
    if reference is not None and reference not in [found.frames[row] for row in seen]:
        raise TrackingError(f"{name}: frame {reference} cannot be the reference, it has no face")
    return _performance(found, np.array(seen), tracker, name, fps, smoothing, reference)


def _performance(
    found: _Found,
    seen: np.ndarray,
    tracker: Tracker,
    name: str,
    fps: Fraction | None,
    smoothing: float,
    reference: int | None,
) -> Performance:
    count = len(found.frames)
    tracks = [track for track in found.tracks if track is not None]
    landmarks = np.stack([track.landmarks for track in tracks])
    meshes = np.stack([track.mesh if track.mesh is not None else lift(track.landmarks) for track in tracks])
    shapes = np.stack(
        [np.zeros(len(BLENDSHAPES)) if track.blendshapes is None else track.blendshapes for track in tracks]
    )
    confidence = np.zeros(count)
    confidence[seen] = [track.confidence for track in tracks]
    mesh = fill(meshes, seen, count)
    rotation, scale, translation = poses(mesh)
    rotation, scale, translation = smooth_poses(rotation, scale, translation, smoothing)
    frontal = np.einsum("tji,tnj->tni", rotation, mesh - translation[:, None]) / scale[:, None, None]
    frontal = smooth(frontal, smoothing)
    busy = neutrality(fill(shapes, seen, count), frontal, rotation)
    state = states(seen, count)
    at_rest = np.where(state == State.TRACKED, busy, np.inf)
    return Performance(
        frames=np.array(found.frames, np.int64),
        state=state,
        absent=np.array(found.absent, np.int64),
        confidence=confidence.astype(np.float32),
        neutrality=busy.astype(np.float32),
        raw_landmarks=fill(landmarks, seen, count).astype(np.float32),
        raw_mesh=mesh.astype(np.float32),
        blendshapes=fill(shapes, seen, count).astype(np.float32),
        frontal=frontal.astype(np.float32),
        rotation=rotation,
        scale=scale,
        translation=translation,
        hand_made=(state == State.TRACKED) & (tracker.name == "file"),
        reference=found.frames[int(np.argmin(at_rest))] if reference is None else reference,
        chosen=reference is not None,
        size=found.size,
        fps=f"{fps.numerator}/{fps.denominator}" if fps else "",
        name=name,
        tracker=tracker.name,
        versions=versions_json(tracker.version),
        smoothing=float(smoothing),
    )


def states(seen: np.ndarray, count: int) -> np.ndarray:
    """Tell for each of ``count`` frames how it is come by, from the rows with a face; (count,) uint8."""
    state = np.full(count, State.HELD, np.uint8)
    state[seen] = State.TRACKED
    for before, after in itertools.pairwise(seen.tolist()):
        if 1 < after - before <= BRIDGE + 1:
            state[before + 1 : after] = State.BRIDGED
    return state


def fill(values: np.ndarray, seen: np.ndarray, count: int) -> np.ndarray:
    """Fill the rows without a face: short gaps change over from one side to the other, longer ones hold.

    Args:
        values: (len(seen), ...) for the rows with a face.
        seen: those rows, ascending.
        count: number of all rows.
    """
    rows = np.arange(count)
    last = np.clip(np.searchsorted(seen, rows, side="right") - 1, 0, None)
    following = np.clip(last + 1, None, len(seen) - 1)
    gap = seen[following] - seen[last]
    share = np.where((gap > 1) & (gap <= BRIDGE + 1), (rows - seen[last]) / np.maximum(gap, 1), 0.0)
    share = np.clip(share, 0, 1) ** 2 * (3 - 2 * np.clip(share, 0, 1))
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return values[last] + (values[following] - values[last]) * share


def poses(mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Head poses over meshes (T, 478, 3): rotation (T, 3, 3), scale (T,), translation (T, 3).

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


def neutrality(shapes: np.ndarray, frontal: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """How far each frame is from a face at rest, seen from the front: (T,), 0 is at rest.

    From blendshapes (T, 52) where there are any, else from the distance to the median frontal mesh.
    """
    turned = np.abs(euler_degrees(rotation)).max(axis=1) / 90
    if shapes.any():
        weights = [0.0 if n.startswith((_LOOK, "_")) else _BUSY.get(n, _BUSY_ELSE) for n in BLENDSHAPES]
        return shapes @ np.array(weights) + turned
    distance = np.linalg.norm(frontal - np.median(frontal, axis=0), axis=-1).mean(axis=1)
    return distance + turned
