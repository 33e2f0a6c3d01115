"""What lies before mouth or eyes in some frames, a hand, hair or a microphone: the skin around them looks otherwise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_OUTER, Contour

# Skin around each part: points this near to its contour, from and to, centimetres; beyond the last the face turns away.
_AROUND: dict[str, tuple[Contour, float, float]] = {
    "mouth": (LIPS_OUTER, 0.35, 2.2), "eye_right": (EYE_RIGHT, 0.5, 1.6), "eye_left": (EYE_LEFT, 0.5, 1.6),
}  # fmt: skip
_SIDE = 6.5
# Of the points around a part, the most different ones are left out down to this fraction.
_MOST = 0.85
# Luma that is added before ratios are taken: noise in the dark says nothing.
_DARK = 4.0
# Natural logarithm of a ratio of brightness, at that fraction: skin that only wrinkles or catches light stays below the
# first (a woman who cries: 0.17), what lies before it is mostly above the second (her hand: 0.2 to 0.39).
_SKIN, _OTHER = 0.16, 0.26


def find_hidden(skin: np.ndarray, part: str, known: np.ndarray) -> np.ndarray:
    """Say how likely something lies before a part of each frame's face: (T,) in [0, 1]; 0 where it is not known.

    Args:
        skin: (T, 468) uint8 luma under the mesh's points.
        part: "mouth", "eye_right" or "eye_left".
        known: (T,) bool, frames whose face was found; what most of them look like is taken to be skin.
    """
    known = known & skin.any(1)
    if not known.any():
        return np.zeros(len(skin))
    light = np.log(skin[:, _around(part)] + _DARK)
    # The light of the whole frame is taken out.
    light = light - np.median(light, axis=1, keepdims=True)
    other = np.quantile(np.abs(light - np.median(light[known], axis=0)), _MOST, axis=1)
    return np.where(known, np.clip((other - _SKIN) / (_OTHER - _SKIN), 0, 1), 0.0)


@lru_cache(maxsize=3)
def _around(part: str) -> np.ndarray:
    """Return the mesh's points on the skin around a part."""
    contour, near, far = _AROUND[part]
    points = canonical().points
    edge = points[sorted({i for half in contour for i in half}), :2]
    away = np.linalg.norm(points[:, None, :2] - edge, axis=-1).min(1)
    return np.nonzero((away > near) & (away < far) & (np.abs(points[:, 0]) < _SIDE))[0]
