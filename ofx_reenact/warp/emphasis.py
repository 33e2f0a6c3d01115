"""How much more a face has to move than was read from the driver, so that as much is read from it again.

A picture that was warped says less than the face that it shows: skin that moved has no wrinkles, lips that were drawn
together do not roll, and what reads a face, a person or a network, holds to the face that it knows. What is lost was
measured: pictures of people at rest were carried to many performances and tracked anew. It differs by region and
direction, and is given back here.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ofx_reenact.tracking.landmarks import LIPS_OUTER
from ofx_reenact.warp.densify import spread_weights

# By region, along x and y. The lids' way is set by their opening (``shut``).
_STILL = {
    "jaw": (1.2, 1.3), "mouth": (1.2, 1.3), "nose": (1.2, 1.2), "eye_right": (1.2, 1.4), "eye_left": (1.2, 1.4),
    "brow_right": (1.3, 1.9), "brow_left": (1.3, 1.9),
}  # fmt: skip
# Parts of a plate that moves are filmed: they lose less.
_MOVING = dict.fromkeys(_STILL, (1.0, 1.0)) | {"mouth": (1.25, 1.0)}
# Lips that are drawn together lose more than lips that are drawn apart.
_NARROW = 1.8
_CORNERS = (LIPS_OUTER[0][0], LIPS_OUTER[0][-1])


def emphasise(moved: np.ndarray, face: np.ndarray, *, moving: bool) -> np.ndarray:
    """Return displacements (T, 468, 3) so large that what they were is read from the picture.

    Args:
        moved: frontal displacements (T, 468, 3).
        face: the frontal mesh (468 or more, 3) that they belong to.
        moving: the target is a plate that moves, not a still.
    """
    result = moved * _shares(moving)
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
    table = _MOVING if moving else _STILL
    along = [spread_weights({region: shares[axis] for region, shares in table.items()}) for axis in (0, 1)]
    return np.stack([*along, np.ones_like(along[0])], axis=-1)


@lru_cache(maxsize=1)
def _lips() -> np.ndarray:
    """Return how far each point belongs to the mouth, (468,) in [0, 1]."""
    return 1 - spread_weights({region: float(region != "mouth") for region in _STILL})
