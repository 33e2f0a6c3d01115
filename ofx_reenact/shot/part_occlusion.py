"""Detect that a hand, hair or a microphone covers mouth or eyes: the skin around them changes its brightness."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_OUTER, Contour

# The skin around each part: its contour, and the limits of the distance of the mesh's points from it, in centimetres.
# Points further than _SIDE from the face's middle are left out, because the face turns away there.
_RINGS: dict[str, tuple[Contour, float, float]] = {
    "mouth": (LIPS_OUTER, 0.35, 2.2), "eye_right": (EYE_RIGHT, 0.5, 1.6), "eye_left": (EYE_LEFT, 0.5, 1.6),
}  # fmt: skip
_SIDE = 6.5
# This quantile of the points' differences is compared with the limits below, so that a few outliers do not count.
_MOST = 0.85
# Added to luma (0 to 255) before its logarithm, so that noise in the dark has little weight.
_DARK = 4.0
# Limits of the quantile _MOST, a natural logarithm of a brightness ratio. Below _WRINKLED, skin only wrinkles or
# catches light; above _COVERED, something is in front. In one clip: 0.17 for a crying woman, 0.2 to 0.39 for her hand.
_WRINKLED, _COVERED = 0.16, 0.26


def estimate_part_occlusion(skin: np.ndarray, part: str, known: np.ndarray) -> np.ndarray:
    """Return how likely something covers a part of the face in each frame, (T,) in [0, 1]; 0 where unknown.

    Args:
        skin: (T, 468) uint8, display-encoded luma at the mesh's points.
        part: "mouth", "eye_right" or "eye_left".
        known: (T,) bool, frames in which the face was found; their median is taken to be bare skin.
    """
    known = known & skin.any(1)
    if not known.any():
        return np.zeros(len(skin))
    light = np.log(skin[:, _around(part)] + _DARK)
    # Take out each frame's median brightness around the part.
    light = light - np.median(light, axis=1, keepdims=True)
    difference = np.quantile(np.abs(light - np.median(light[known], axis=0)), _MOST, axis=1)
    return np.where(known, np.clip((difference - _WRINKLED) / (_COVERED - _WRINKLED), 0, 1), 0.0)


@lru_cache(maxsize=3)
def _around(part: str) -> np.ndarray:
    """Return the indices of the mesh's points on the skin around a part."""
    contour, near, far = _RINGS[part]
    points = canonical().points
    edge = points[sorted({i for half in contour for i in half}), :2]
    away = np.linalg.norm(points[:, None, :2] - edge, axis=-1).min(1)
    return np.nonzero((away > near) & (away < far) & (np.abs(points[:, 0]) < _SIDE))[0]
