"""Grain: what is painted gets as much of it as the plate has, so that it does not look cut out.

A target is one picture: its grain stands still, and so does this one. It depends on a pixel's place alone.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

# Immerkær's kernel (1996) is blind to planes and edges' slopes; its response to unit noise has a deviation of 6.
_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_RESPONSE, _MEDIAN = 6.0, 0.6745
# Side of the pattern that is repeated; larger than any mouth's texture can betray.
_TILE = 256


def measure_grain(shown: np.ndarray) -> float:
    """Estimate the deviation of the noise of a picture (H, W, 3) in [0, 1], display-encoded.

    The median makes it blind to wrinkles and hair, as long as most of the picture is smooth.
    """
    luma = cv2.cvtColor(np.ascontiguousarray(shown, np.float32), cv2.COLOR_RGB2GRAY)
    response = cv2.filter2D(luma, cv2.CV_32F, _KERNEL)[1:-1, 1:-1]
    return float(np.median(np.abs(response)) / (_RESPONSE * _MEDIAN)) if response.size else 0.0


def grain(box: tuple[slice, slice], deviation: float) -> np.ndarray:
    """Noise of that deviation in a box (rows, columns) of the picture, the same in all channels: (h, w, 1)."""
    rows, columns = (np.arange(s.start, s.stop) % _TILE for s in box)
    return _tile()[np.ix_(rows, columns)][..., None] * np.float32(deviation)


@lru_cache(maxsize=1)
def _tile() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((_TILE, _TILE)).astype(np.float32)
