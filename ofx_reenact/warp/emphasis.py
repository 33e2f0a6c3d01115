"""Amplify the motion of a face, because a tracker (or a viewer) sees less motion in a warped picture than was applied.

Warped skin has no wrinkles, lips that are drawn together do not roll inwards, and trackers favour faces at rest. The
loss was measured by region and direction, on pictures of people at rest that were warped by many performances and
tracked again. The gains here compensate it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ofx_reenact.tracking.landmarks import LIPS_OUTER, MESH68, REGIONS
from ofx_reenact.warp.densify import spread_landmark_weights

Gains = tuple[float, float]
# Gains along x and y, by landmark. Those of the upper lids have no effect: ``match_openings`` places these.
_STILL_GAINS: dict[tuple[int, ...], Gains] = {
    REGIONS["jaw"]: (1.2, 1.25),
    (*REGIONS["brow_right"], *REGIONS["brow_left"]): (1.3, 1.6),
    REGIONS["nose"]: (1.2, 1.2),
    (*REGIONS["eye_right"], *REGIONS["eye_left"]): (1.2, 1.4),
    (48, 54, 60, 64): (1.0, 1.15),
    (49, 50, 51, 52, 53, 61, 62, 63): (1.1, 1.35),
    (55, 56, 57, 58, 59, 65, 66, 67): (1.1, 1.1),
}
# Of a moving target, whose parts are filmed, only the mouth loses motion.
_MOVING_GAINS: dict[tuple[int, ...], Gains] = {REGIONS["mouth"]: (1.25, 1.0)}
# Factor on a still's narrowing mouth, which loses more than a widening one.
_NARROWING = 2.0
_CORNERS = (LIPS_OUTER[0][0], LIPS_OUTER[0][-1])


def emphasise(moved: np.ndarray, face: np.ndarray, *, moving: bool) -> np.ndarray:
    """Amplify displacements so that a tracker finds the original ones in the warped picture: (T, 468, 3).

    Args:
        moved: frontal displacements (T, 468, 3).
        face: the frontal mesh (468 or more, 3) that they displace.
        moving: whether the target moves; else it is a still.
    """
    result = moved * _point_gains(moving)
    if moving:
        return result
    right, left = _CORNERS
    # The narrowing is distributed over the lips in proportion to each point's distance from their middle.
    narrower = np.minimum(result[:, left, 0] - result[:, right, 0], 0)
    middle, width = (face[right, 0] + face[left, 0]) / 2, face[left, 0] - face[right, 0]
    from_middle = np.clip((face[: moved.shape[1], 0] - middle) / width, -0.5, 0.5)
    result[..., 0] += (_NARROWING - 1) * narrower[:, None] * (from_middle * _mouth_weights())
    return result


@lru_cache(maxsize=2)
def _point_gains(moving: bool) -> np.ndarray:
    """Return the gain of each point along x, y and z: (468, 3)."""
    landmarks = np.ones((len(MESH68), 2))
    for indices, gains in (_MOVING_GAINS if moving else _STILL_GAINS).items():
        landmarks[list(indices)] = gains
    along = [spread_landmark_weights(landmarks[:, axis]) for axis in (0, 1)]
    return np.stack([*along, np.ones_like(along[0])], axis=-1)


@lru_cache(maxsize=1)
def _mouth_weights() -> np.ndarray:
    """Return the weight of each point in the mouth region, (468,) in [0, 1]."""
    landmarks = np.zeros(len(MESH68))
    landmarks[list(REGIONS["mouth"])] = 1
    return spread_landmark_weights(landmarks)
