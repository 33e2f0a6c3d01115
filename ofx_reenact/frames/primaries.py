"""Primaries and the sRGB curve: colour arithmetic that needs no config.

Chromaticities are (x, y) of red, green, blue and white, in OpenEXR's order. XYZ is relative to D65; other white points
are adapted to it (Bradford), as in OCIO's own configs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

REC709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
P3_D65 = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
REC2020 = (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329)
ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329)
AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
AP1 = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
# Matrices to XYZ of the same primaries differ by less than this in each entry, as configs adapt the white point in
# different ways (0.006). P3 with D65 and with D60 differ by 0.01.
SAME = 7e-3

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_NAMED = "primaries "
_D65 = (0.3127, 0.329)


def to_xyz(chromaticities: Sequence[float]) -> np.ndarray:
    """Return the matrix (3, 3) from linear RGB of these primaries to XYZ."""
    points = np.reshape(chromaticities, (4, 2)).astype(np.float64)
    primaries, white = _unscaled(points[:3]), _xyz_of(*points[3])
    matrix = primaries * np.linalg.solve(primaries, white)
    cones = (_BRADFORD @ _xyz_of(*_D65)) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ matrix)


def are_usable(chromaticities: Sequence[float]) -> bool:
    """Tell whether eight numbers are the chromaticities of a colour space."""
    if len(chromaticities) != 8 or not np.isfinite(chromaticities).all() or np.abs(chromaticities).max() > 10:
        return False
    points = np.reshape(chromaticities, (4, 2)).astype(np.float64)
    if points[3, 1] < 1e-3 or abs(np.linalg.det(_unscaled(points[:3]))) < 1e-4:
        return False
    # White has to lie inside the triangle of the primaries.
    return bool((np.linalg.solve(_unscaled(points[:3]), _xyz_of(*points[3])) > 0).all())


def name_primaries(chromaticities: Sequence[float]) -> str:
    """Return a name for the linear space of these primaries, the same for float32 and float64 values."""
    return _NAMED + " ".join(f"{round(value, 6) + 0.0:.6g}" for value in chromaticities)


def primaries_named(name: str) -> tuple[float, ...] | None:
    """Return the primaries of a space that :func:`name_primaries` named; None if it did not."""
    if not name.startswith(_NAMED):
        return None
    try:
        values = tuple(float(value) for value in name.removeprefix(_NAMED).split())
    except ValueError:
        return None
    return values if are_usable(values) else None


def decode_srgb(shown: np.ndarray) -> np.ndarray:
    """Convert sRGB values to linear light; the linear part continues below 0, the curve above 1."""
    curve = ((np.maximum(shown, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(shown <= 0.04045, shown / 12.92, curve), np.float32)


def encode_srgb(light: np.ndarray) -> np.ndarray:
    """Convert linear light to sRGB values; the inverse of :func:`decode_srgb`."""
    curve = 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(light <= 0.0031308, light * 12.92, curve), np.float32)


def _xyz_of(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1, (1 - x - y) / y])


def _unscaled(points: np.ndarray) -> np.ndarray:
    """Return the primaries (3, 2) as columns (x, y, z), not divided by y, which may be 0 or negative."""
    return np.stack([points[:, 0], points[:, 1], 1 - points.sum(1)])
