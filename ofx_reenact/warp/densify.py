"""From 68 moved landmarks and the driver's mesh to the target's whole mesh in motion.

Everything happens in the *frontal* frame: the mesh with the head's rotation, scale and translation taken out,
in canonical units. LD-Net says what the face does there, head poses are composed as rotations, and only then
does the mesh return to the target's pixels.
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

# A driver who walks through his picture must not pull the target's head off: largest shift in canonical units
# (about centimetres; a face is some 18 high).
NECK_HOLDS = 5.0
# Hair that the picture's upper edge cuts off may sink into the picture by this many face heights at most: what is above
# it is unknown.
CUT_SINKS = 0.07
# Mesh points on the cheeks, right and left, that rise with a smile.
CHEEKS = (50, 101, 205, 187, 280, 330, 425, 411)
# Motion of landmarks that is a tracker's noise, in canonical units, and the largest factor that cheeks go by.
GAIN_NOISE, GAIN_MOST = 0.02, 2.0
_MOUTH = list(REGIONS["mouth"])


@dataclass(frozen=True)
class Heads:
    """Head poses over a performance: rotation (T, 3, 3), scale (T,), translation (T, 3) in pixels."""

    rotation: np.ndarray
    scale: np.ndarray
    translation: np.ndarray

    @classmethod
    def standing(cls, pose: Similarity, count: int) -> Heads:
        """Return one pose, held for so many frames."""
        return cls(
            np.tile(pose.rotation, (count, 1, 1)), np.full(count, pose.scale), np.tile(pose.translation, (count, 1))
        )

    def at(self, row: int) -> Similarity:
        """Return one frame's pose."""
        return Similarity(self.rotation[row], float(self.scale[row]), self.translation[row])


def spread_weights(weights: Mapping[str, float], rigid: Sequence[int] = ()) -> np.ndarray:
    """Spread region weights over the mesh: (468,), exactly 1 everywhere when every region's weight is 1.

    A point takes the weights of the landmarks nearest to it, never more than the largest or less than the least; the
    ``rigid`` landmarks have a weight of 0, whatever region they are of.
    """
    landmarks = np.ones(len(MESH68))
    for region, indices in REGIONS.items():
        landmarks[list(indices)] = weights[region]
    landmarks[list(rigid)] = 0.0
    return weigh_points(landmarks)


def spread_over(weights: Mapping[str, np.ndarray], rigid: Sequence[int] = ()) -> np.ndarray:
    """Spread region weights of each frame (T,) over the mesh, (T, 468), as :func:`spread_weights` does one frame's."""
    rows, which = np.unique(np.stack([weights[region] for region in REGIONS], 1), axis=0, return_inverse=True)
    fields = [spread_weights(dict(zip(REGIONS, row.tolist(), strict=True)), rigid) for row in rows]
    return np.stack(fields)[which]


def weigh_points(landmarks: np.ndarray) -> np.ndarray:
    """Weigh every point of the mesh (468,) as the landmarks (68,) nearest to it; exactly 1 where they all are 1."""
    near = _nearness()
    return 1.0 + (near @ (landmarks - 1.0)) / near.sum(1)


@lru_cache(maxsize=1)
def _nearness() -> np.ndarray:
    """How near each point of the mesh is to each landmark, (468, 68)."""
    points = canonical().points
    apart = ((points[:, None] - points[None, list(MESH68)]) ** 2).sum(-1)
    return np.asarray(1 / (apart + 0.01) ** 3)


def expression(driver: np.ndarray, rest: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Move every mesh point as the driver's does, corrected so that the 68 landmarks move as LD-Net says.

    Cheeks have no landmarks: they move as the driver's do, times as far as the mouth does. What nose and jaw line are
    corrected by would otherwise hold them down while the mouth smiles.

    Returns frontal displacements (T, 468, 3), from frontal meshes (T, 478, 3), the driver's at rest, (478, 3) or one
    for each frame, and the landmarks' frontal displacements (T, 68, 2) in the target's size.
    """
    moved = driver[:, :FACE_POINTS] - rest[..., :FACE_POINTS, :]
    own = moved[:, list(MESH68), :2]
    more = measure_gain(landmarks[:, _MOUTH], own[:, _MOUTH]) - 1
    wrong = np.concatenate([landmarks - own, more * moved[:, list(CHEEKS), :2]], axis=1)
    moved[..., :2] += spread(MESH68 + CHEEKS) @ wrong
    return moved


def measure_gain(moved: np.ndarray, driver: np.ndarray) -> float:
    """Measure how many times as far as the driver's some points move over a whole performance, both (T, n, 2).

    Returns the slope of least squares in [0, GAIN_MOST]; 1 where the driver's hardly move.
    """
    noise = GAIN_NOISE**2 * driver.size
    return float(np.clip(((moved * driver).sum() + noise) / ((driver * driver).sum() + noise), 0, GAIN_MOST))


def head_poses(
    target: Similarity, driver: Heads, reference: int, motion: str, weight: np.ndarray, position: np.ndarray
) -> Heads:
    """Compose head poses: the target's rotation, then the driver's change of rotation.

    ``relative`` takes the change from the reference frame, ``absolute`` the driver's rotation itself (its
    position and size still as a change, since the driver's picture is framed otherwise), ``locked`` nothing.
    ``weight`` (T,) is the share of the rotation that is taken, ``position`` (T,) that of the translation and change of
    size.
    """
    count = len(driver.scale)
    if motion == "locked":
        return Heads.standing(target, count)
    base = driver.at(reference)
    if motion == "absolute":
        base = replace(base, rotation=target.rotation)
    return turn_heads(Heads.standing(target, count), driver, base, weight, position)


def turn_heads(own: Heads, driver: Heads, rest: Similarity, weight: np.ndarray, position: np.ndarray) -> Heads:
    """Add a driver's turns to heads, both over T frames.

    What changes from the driver's head at rest counts, of its rotation by ``weight`` (T,), of its translation and size
    by ``position`` (T,).
    """
    turn = Rotation.from_matrix(driver.rotation @ rest.rotation.T).as_rotvec() * weight[:, None]
    size = (driver.scale / rest.scale) ** position
    shift = held((driver.translation - rest.translation) / rest.scale * position[:, None])
    return Heads(
        Rotation.from_rotvec(turn).as_matrix() @ own.rotation,
        own.scale * size,
        own.translation + shift * own.scale[:, None],
    )


def held(shift: np.ndarray) -> np.ndarray:
    """Hold the head on its neck: small shifts (T, 3) pass as they are, none grows beyond NECK_HOLDS."""
    length = np.linalg.norm(shift, axis=-1, keepdims=True)
    return shift * (NECK_HOLDS * np.tanh(length / NECK_HOLDS) / np.maximum(length, 1e-9))


def kept_cut(heads: Heads, cut: np.ndarray, slack: float) -> Heads:
    """Lift heads that sink so far that the line where the picture cuts the hair off would come into the picture.

    ``cut`` are frontal points (n, 3) of that line, at the picture's upper edge in the target; none lift nothing. In the
    mean it may sink by ``slack`` pixels at most; small ways pass as they are.
    """
    if not len(cut):
        return heads
    line = np.einsum("tij,nj->tni", heads.rotation, cut)[..., 1] * heads.scale[:, None] + heads.translation[:, None, 1]
    sunk = np.maximum(line.mean(1), 0)
    lifted = heads.translation.copy()
    lifted[:, 1] -= sunk - slack * np.tanh(sunk / slack)
    return Heads(heads.rotation, heads.scale, lifted)


def plane_map(moved: Similarity, target: Similarity, depth: float, shift: np.ndarray) -> np.ndarray:
    """Return the affine map (2, 3) from the result's pixels to the target's, for what lies at one frontal depth z.

    ``shift`` (3,) is the frontal displacement of what lies there (the jaw's), zero for what moves with the skull.
    """

    def to_pixels(pose: Similarity, by: np.ndarray) -> np.ndarray:
        origin = pose.apply(np.array([[0, 0, depth]]) + by)[0, :2]
        axes = pose.scale * pose.rotation[:2, :2]
        return np.vstack([np.column_stack([axes, origin]), [0, 0, 1]])

    return (to_pixels(target, np.zeros(3)) @ np.linalg.inv(to_pixels(moved, shift)))[:2]
