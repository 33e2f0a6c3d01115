"""Compute the motion of the target's whole mesh from its 68 moved landmarks and the driver's mesh; compose head poses.

Displacements are frontal, in canonical units: LD-Net predicts them for the landmarks. Head poses are composed as
rotations. Only then is the mesh transformed to the target's pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import MESH68, REGIONS
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS, spread

# Largest shift of the head in canonical units (a face is about 18 high), for a driver who walks through the picture.
MAX_SHIFT = 5.0
# How far, in face heights, hair that the picture's upper edge cuts off may sink into the picture: what is above it is
# unknown.
CUT_SINKS = 0.07
# Mesh points on the cheeks, right and left, that rise with a smile.
CHEEKS = (50, 101, 205, 187, 280, 330, 425, 411)
# A tracker's noise of landmarks, in canonical units, and the largest gain of the cheeks.
GAIN_NOISE, MAX_GAIN = 0.02, 2.0
_MOUTH = list(REGIONS["mouth"])


@dataclass(frozen=True)
class Heads:
    """Head poses over a performance: rotation (T, 3, 3), scale (T,), translation (T, 3) in pixels."""

    rotation: np.ndarray
    scale: np.ndarray
    translation: np.ndarray

    @classmethod
    def constant(cls, pose: Similarity, count: int) -> Heads:
        """Return the same pose for ``count`` frames."""
        return cls(
            np.tile(pose.rotation, (count, 1, 1)), np.full(count, pose.scale), np.tile(pose.translation, (count, 1))
        )

    def at(self, row: int) -> Similarity:
        """Return one frame's pose."""
        return Similarity(self.rotation[row], float(self.scale[row]), self.translation[row])


def spread_region_weights(weights: Mapping[str, float], rigid: Sequence[int] = ()) -> np.ndarray:
    """Interpolate region weights over the mesh: (468,), exactly 1 everywhere if every region's weight is 1.

    Each point takes a mean of the landmarks' weights, the nearest ones dominating. ``rigid`` landmarks have weight 0,
    whatever their region.
    """
    landmarks = np.ones(len(MESH68))
    for region, indices in REGIONS.items():
        landmarks[list(indices)] = weights[region]
    landmarks[list(rigid)] = 0.0
    return spread_landmark_weights(landmarks)


def spread_frame_weights(weights: Mapping[str, np.ndarray], rigid: Sequence[int] = ()) -> np.ndarray:
    """Interpolate the weights (T,) of each region over the mesh: (T, 468); see :func:`spread_region_weights`."""
    rows, which = np.unique(np.stack([weights[region] for region in REGIONS], 1), axis=0, return_inverse=True)
    fields = [spread_region_weights(dict(zip(REGIONS, row.tolist(), strict=True)), rigid) for row in rows]
    return np.stack(fields)[which]


def spread_landmark_weights(landmarks: np.ndarray) -> np.ndarray:
    """Interpolate weights of the landmarks (68,) over the mesh: (468,), exactly 1 if they all are 1."""
    near = _nearness()
    return 1.0 + (near @ (landmarks - 1.0)) / near.sum(1)


@lru_cache(maxsize=1)
def _nearness() -> np.ndarray:
    """Return the interpolation weight of each landmark at each point of the mesh, not normalised: (468, 68)."""
    points = canonical().points
    distance = ((points[:, None] - points[None, list(MESH68)]) ** 2).sum(-1)
    return np.asarray(1 / (distance + 0.01) ** 3)


def transfer_expression(driver: np.ndarray, rest: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Move every mesh point like the driver's, corrected so that the 68 landmarks move as LD-Net predicts.

    Cheeks have no landmarks. They move like the driver's, scaled by the mouth's gain: the corrections at nose and jaw
    line would otherwise hold them down while the mouth smiles.

    Args:
        driver: the driver's frontal meshes (T, 478, 3).
        rest: the driver's frontal mesh at rest, (478, 3) or (T, 478, 3).
        landmarks: frontal displacements (T, 68, 2) of the target's landmarks.

    Returns:
        Frontal displacements (T, 468, 3).
    """
    moved = driver[:, :FACE_POINTS] - rest[..., :FACE_POINTS, :]
    own = moved[:, list(MESH68), :2]
    extra_gain = measure_gain(landmarks[:, _MOUTH], own[:, _MOUTH]) - 1
    correction = np.concatenate([landmarks - own, extra_gain * moved[:, list(CHEEKS), :2]], axis=1)
    moved[..., :2] += spread(MESH68 + CHEEKS) @ correction
    return moved


def measure_gain(moved: np.ndarray, driver: np.ndarray) -> float:
    """Return the ratio of some points' motion to the driver's over a performance, both (T, n, 2).

    It is the least-squares slope, in [0, MAX_GAIN]; 1 if the driver's points hardly move.
    """
    noise = GAIN_NOISE**2 * driver.size
    return float(np.clip(((moved * driver).sum() + noise) / ((driver * driver).sum() + noise), 0, MAX_GAIN))


def head_poses(
    target: Similarity, driver: Heads, reference: int, motion: str, weight: np.ndarray, position: np.ndarray
) -> Heads:
    """Compose the target's head pose with the driver's change of pose, for each frame.

    Args:
        target: the target's pose.
        driver: the driver's poses.
        reference: row of the driver from which changes are measured.
        motion: ``relative`` applies all changes from the reference; ``absolute`` applies the driver's rotation itself,
            but only changes of translation and scale, because the two pictures are framed differently; ``locked``
            applies nothing.
        weight: (T,) fraction of the rotation that is applied.
        position: (T,) fraction of the change in translation and scale that is applied.
    """
    count = len(driver.scale)
    if motion == "locked":
        return Heads.constant(target, count)
    base = driver.at(reference)
    if motion == "absolute":
        base = replace(base, rotation=target.rotation)
    return turn_heads(Heads.constant(target, count), driver, base, weight, position)


def turn_heads(own: Heads, driver: Heads, rest: Similarity, weight: np.ndarray, position: np.ndarray) -> Heads:
    """Apply a driver's changes from a head pose at rest to other head poses, both over T frames.

    ``weight`` (T,) is the fraction of the rotation that is applied, ``position`` (T,) that of translation and scale.
    """
    turn = Rotation.from_matrix(driver.rotation @ rest.rotation.T).as_rotvec() * weight[:, None]
    size = (driver.scale / rest.scale) ** position
    shift = limit_shift((driver.translation - rest.translation) / rest.scale * position[:, None])
    return Heads(
        Rotation.from_rotvec(turn).as_matrix() @ own.rotation,
        own.scale * size,
        own.translation + shift * own.scale[:, None],
    )


def limit_shift(shift: np.ndarray) -> np.ndarray:
    """Limit shifts (T, 3) to MAX_SHIFT; small ones hardly change."""
    length = np.linalg.norm(shift, axis=-1, keepdims=True)
    return shift * (MAX_SHIFT * np.tanh(length / MAX_SHIFT) / np.maximum(length, 1e-9))


def limit_sinking(heads: Heads, cut: np.ndarray, slack: float) -> Heads:
    """Raise heads that sink too far, so that the line where the upper edge cuts the hair hardly enters the picture.

    Args:
        heads: the poses.
        cut: frontal points (n, 3) of that line, on the picture's upper edge in the target; may be empty.
        slack: greatest mean distance, pixels, that the line may sink; small distances are hardly reduced.
    """
    if not len(cut):
        return heads
    line = np.einsum("tij,nj->tni", heads.rotation, cut)[..., 1] * heads.scale[:, None] + heads.translation[:, None, 1]
    sunk = np.maximum(line.mean(1), 0)
    lifted = heads.translation.copy()
    lifted[:, 1] -= sunk - slack * np.tanh(sunk / slack)
    return Heads(heads.rotation, heads.scale, lifted)


def plane_map(moved: Similarity, target: Similarity, depth: float, shift: np.ndarray) -> np.ndarray:
    """Return the affine map (2, 3) from the result's pixels to the target's, for the plane at one frontal depth z.

    ``shift`` (3,) is the plane's frontal displacement: the jaw's, or zero for the skull.
    """

    def to_pixels(pose: Similarity, by: np.ndarray) -> np.ndarray:
        origin = pose.apply(np.array([[0, 0, depth]]) + by)[0, :2]
        axes = pose.scale * pose.rotation[:2, :2]
        return np.vstack([np.column_stack([axes, origin]), [0, 0, 1]])

    return (to_pixels(target, np.zeros(3)) @ np.linalg.inv(to_pixels(moved, shift)))[:2]
