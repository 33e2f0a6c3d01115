"""Grain: what is painted gets as much of it as the plate has, so that it does not look cut out.

A target that is one picture has grain that stands still, and so does this one: it depends on a pixel's place alone. In
one that moves it depends on the frame's number, too.
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


def grain(box: tuple[slice, slice], deviation: float, number: int = 0) -> np.ndarray:
    """Noise of that deviation in a box (rows, columns) of the picture, the same in all channels: (h, w, 1).

    It differs from one ``number``, of a frame, to the next.
    """
    # The pattern is moved to another place for each number: two primes keep near numbers far apart.
    moved = (number * 101 % _TILE, number * 157 % _TILE)
    rows, columns = (np.arange(s.start + by, s.stop + by) % _TILE for s, by in zip(box, moved, strict=True))
    return _tile()[np.ix_(rows, columns)][..., None] * np.float32(deviation)


@lru_cache(maxsize=1)
def _tile() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((_TILE, _TILE)).astype(np.float32)
