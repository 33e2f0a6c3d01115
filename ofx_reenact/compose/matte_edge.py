"""Erode, dilate and feather the matte that is written (``--matte-erode``, ``--matte-feather``)."""

from __future__ import annotations

import math

import cv2
import numpy as np

# Points on the circle around a pixel; between two of them, a straight edge is off by at most 2 % of the radius.
_AROUND = 16
# Width of a feather in standard deviations of its Gaussian, and where that Gaussian is cut off, also in deviations.
_WIDTH, _REACH = 2, 4


def shape_matte(matte: np.ndarray, erode: float, feather: float) -> np.ndarray:
    """Erode (or dilate) and then feather a matte; returns the same array if both are 0.

    Args:
        matte: (H, W) float32 in [0, 1].
        erode: radius in pixels; every level of the matte shrinks by it, or grows if it is negative.
        feather: pixels on each side of an edge over which a Gaussian softens it.

    Returns:
        (H, W) float32 in [0, 1].
    """
    found = np.nonzero(matte)
    if not (erode or feather) or not len(found[0]):
        return matte
    reach = math.ceil(max(-erode, 0) + feather / _WIDTH * _REACH) + 1
    box = tuple(slice(max(int(at.min()) - reach, 0), int(at.max()) + 1 + reach) for at in found)
    shaped = matte[box]
    if erode:
        shaped = _least_around(shaped, erode) if erode > 0 else -_least_around(-shaped, -erode)
    if feather:
        size = 2 * math.ceil(feather / _WIDTH * _REACH) + 1
        shaped = cv2.GaussianBlur(shaped, (size, size), feather / _WIDTH, borderType=cv2.BORDER_REPLICATE)
    result = np.zeros_like(matte)
    result[box] = np.clip(shaped, 0, 1)
    return result


def _least_around(values: np.ndarray, radius: float) -> np.ndarray:
    """Return the minimum of values (H, W) within a radius of each pixel; the border is repeated."""
    margin = math.floor(radius) + 1
    padded = np.pad(values, margin, mode="edge")
    result = values.copy()
    for dy in range(math.floor(radius) + 1):
        half = math.floor(math.sqrt(radius**2 - dy**2))
        least = cv2.erode(padded, np.ones((1, 2 * half + 1), np.uint8))
        for shift in {-dy, dy}:
            np.minimum(result, _shift(least, margin, 0, shift, values.shape), out=result)
    for angle in np.arange(_AROUND) * (2 * math.pi / _AROUND):
        x, y = radius * math.cos(angle), radius * math.sin(angle)
        left, top = math.floor(x), math.floor(y)
        right, below = np.float32(x - left), np.float32(y - top)
        # Bilinear interpolation between the four pixels around the point.
        upper, lower = (
            _shift(padded, margin, left, row, values.shape) * (1 - right)
            + (_shift(padded, margin, left + 1, row, values.shape) * right if right else 0)
            for row in ((top, top + 1) if below else (top, top))
        )
        np.minimum(result, upper * (1 - below) + lower * below, out=result)
    return result


def _shift(padded: np.ndarray, margin: int, dx: int, dy: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return the values at (dx, dy) from each pixel, (H, W), in an array padded by ``margin`` on all sides."""
    return padded[margin + dy : margin + dy + shape[0], margin + dx : margin + dx + shape[1]]
