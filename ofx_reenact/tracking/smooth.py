"""Zero-phase smoothing that removes a tracker's noise and keeps a blink's full height.

A bilateral filter over time (Tomasi & Manduchi 1998): a neighbour counts less the further it is in time *and* in value.
A point that only jitters is averaged with its neighbours; one that moves more than its noise is not. A Gaussian would
halve a blink of three frames.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

# Standard deviations of the filter: over time in frames, at strength 1; and over values, in multiples of the noise.
WINDOW, SAME = 2.0, 6.0
# The noise, divided by the lower quartile of the lengths of the second differences. These are √6 times the noise, and
# their lengths have about a Rayleigh distribution.
_QUARTILE_TO_NOISE = 0.55


def smooth(values: np.ndarray, strength: float, floor: float = 0.0) -> np.ndarray:
    """Smooth N points (T, N, k) over time, each by its own distances and noise; returns float64.

    A strength of 1 is the default window, 0 returns the values unchanged. ``floor`` is the least noise that is assumed,
    in the values' unit. Where nothing changes within the window, the value is returned bit for bit.
    """
    values = np.asarray(values, np.float64)
    count = len(values)
    if strength <= 0 or count < 3:
        return values
    sigma = WINDOW * strength
    reach = min(int(np.ceil(2.5 * sigma)), count - 1)
    noise = np.maximum(noise_level(values), max(floor, 1e-12))
    total, weights = np.zeros_like(values), np.ones(values.shape[:2])
    for shift in range(-reach, reach + 1):
        if shift == 0:
            continue
        # Both ends are mirrored in time, so that the first and last frames are filtered like any other.
        index = np.abs(np.arange(count) + shift)
        index = np.where(index >= count, 2 * (count - 1) - index, index)
        difference = values[index] - values
        distance = (difference**2).sum(-1) / (SAME * noise) ** 2
        weight = np.exp(-0.5 * (shift / sigma) ** 2) * np.exp(-0.5 * distance)
        total += weight[..., None] * difference
        weights += weight
    return values + total / weights[..., None]


def noise_level(values: np.ndarray) -> np.ndarray:
    """Estimate the noise (N,) of points (T, N, k), in their unit, from the lower quartile of the second differences."""
    second = np.linalg.norm(values[2:] - 2 * values[1:-1] + values[:-2], axis=-1)
    return np.percentile(second, 25, axis=0) * _QUARTILE_TO_NOISE


def smooth_poses(
    rotation: np.ndarray, scale: np.ndarray, translation: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smooth head poses: rotation (T, 3, 3) as vectors around its mean, scale (T,) as logarithm, translation (T, 3)."""
    if strength <= 0 or len(scale) < 3:
        return rotation, scale, translation
    mean = Rotation.from_matrix(rotation).mean()
    vectors = (mean.inv() * Rotation.from_matrix(rotation)).as_rotvec()
    smoothed = smooth(vectors[:, None], strength)[:, 0]
    unchanged = (smoothed == vectors).all(-1)
    turned = (mean * Rotation.from_rotvec(smoothed)).as_matrix()
    turned[unchanged] = rotation[unchanged]
    sizes = smooth(np.log(scale)[:, None, None], strength)[:, 0, 0]
    size = np.where(sizes == np.log(scale), scale, np.exp(sizes))
    return turned, size, smooth(translation[:, None], strength)[:, 0]
