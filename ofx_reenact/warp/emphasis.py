"""How much more a face has to move than was read from the driver, so that as much is read from it again.

A picture that was warped says less than the face that it shows: skin that moved has no wrinkles, lips that were drawn
together do not roll, and what reads a face, a person or a network, holds to the face that it knows. What is lost was
measured: pictures of people at rest were carried to many performances and tracked anew. It differs by region and
direction, and is given back here.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ofx_reenact.tracking.landmarks import LIPS_OUTER, MESH68, REGIONS
from ofx_reenact.warp.densify import weigh_points

Shares = tuple[float, float]
# By landmark, along x and y; the lids' way is set by their opening (``shut``), but for the lower ones'.
_STILL: dict[tuple[int, ...], Shares] = {
    REGIONS["jaw"]: (1.2, 1.25),
    (*REGIONS["brow_right"], *REGIONS["brow_left"]): (1.3, 1.6),
    REGIONS["nose"]: (1.2, 1.2),
    (*REGIONS["eye_right"], *REGIONS["eye_left"]): (1.2, 1.4),
    (48, 54, 60, 64): (1.0, 1.15),
    (49, 50, 51, 52, 53, 61, 62, 63): (1.1, 1.35),
    (55, 56, 57, 58, 59, 65, 66, 67): (1.1, 1.1),
}
# Parts of a plate that moves are filmed: they lose less.
_MOVING: dict[tuple[int, ...], Shares] = {REGIONS["mouth"]: (1.25, 1.0)}
# A still's lips that are drawn together lose more than lips that are drawn apart.
_NARROW = 2.0
_CORNERS = (LIPS_OUTER[0][0], LIPS_OUTER[0][-1])


def emphasise(moved: np.ndarray, face: np.ndarray, *, moving: bool) -> np.ndarray:
    """Return displacements (T, 468, 3) so large that what they were is read from the picture.

    Args:
        moved: frontal displacements (T, 468, 3).
        face: the frontal mesh (468 or more, 3) that they belong to.
        moving: the target is a plate that moves, not a still.
    """
    result = moved * _shares(moving)
    if moving:
        return result
    right, left = _CORNERS
    # What the mouth narrows by, shared out over the lips as far as each point lies from their middle.
    narrower = np.minimum(result[:, left, 0] - result[:, right, 0], 0)
    middle, width = (face[right, 0] + face[left, 0]) / 2, face[left, 0] - face[right, 0]
    aside = np.clip((face[: moved.shape[1], 0] - middle) / width, -0.5, 0.5)
    result[..., 0] += (_NARROW - 1) * narrower[:, None] * (aside * _lips())
    return result


@lru_cache(maxsize=2)
def _shares(moving: bool) -> np.ndarray:
    """Return what the displacement of each point is multiplied with: (468, 3)."""
    landmarks = np.ones((len(MESH68), 2))
    for indices, shares in (_MOVING if moving else _STILL).items():
        landmarks[list(indices)] = shares
    along = [weigh_points(landmarks[:, axis]) for axis in (0, 1)]
    return np.stack([*along, np.ones_like(along[0])], axis=-1)


@lru_cache(maxsize=1)
def _lips() -> np.ndarray:
    """Return how far each point belongs to the mouth, (468,) in [0, 1]."""
    landmarks = np.zeros(len(MESH68))
    landmarks[list(REGIONS["mouth"])] = 1
    return weigh_points(landmarks)
