"""Measure the plate's grain, and make the same amount for painted pixels, so that they do not look cut out.

A still's grain does not move, so grain for a still depends on the pixel's place alone. In a moving target it depends on
the frame's number as well.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

# Immerkær's kernel (1996) does not respond to smooth slopes. Its response to noise of deviation 1 has a deviation of 6.
# 0.6745 is the median magnitude of normally distributed noise of deviation 1.
_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_RESPONSE, _MEDIAN = 6.0, 0.6745
# Side of the noise pattern, pixels; it repeats, but not visibly within a mouth.
_TILE = 256


def measure_grain(shown: np.ndarray) -> float:
    """Estimate the standard deviation of the noise in a display-encoded picture (H, W, 3) in [0, 1].

    The median ignores wrinkles and hair, as long as most of the picture is smooth.
    """
    luma = cv2.cvtColor(np.ascontiguousarray(shown, np.float32), cv2.COLOR_RGB2GRAY)
    response = cv2.filter2D(luma, cv2.CV_32F, _KERNEL)[1:-1, 1:-1]
    return float(np.median(np.abs(response)) / (_RESPONSE * _MEDIAN)) if response.size else 0.0


def make_grain(box: tuple[slice, slice], deviation: float, number: int = 0) -> np.ndarray:
    """Return noise (h, w, 1), the same for all channels, for a box (rows, columns) of the picture.

    ``deviation`` is its standard deviation; the frame's ``number`` selects the pattern.
    """
    # Each number shifts the pattern; with two primes, numbers nearby have shifts far apart.
    moved = (number * 101 % _TILE, number * 157 % _TILE)
    rows, columns = (np.arange(s.start + by, s.stop + by) % _TILE for s, by in zip(box, moved, strict=True))
    return _tile()[np.ix_(rows, columns)][..., None] * np.float32(deviation)


@lru_cache(maxsize=1)
def _tile() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((_TILE, _TILE)).astype(np.float32)
