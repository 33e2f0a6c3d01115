"""Measure the gaze in a performance from its irises."""

from __future__ import annotations

import numpy as np

from ofx_reenact.ramps import smooth_step
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT
from ofx_reenact.tracking.surface import iris_places, measure_gap

# Fraction of an iris's motion that Face Mesh finds, along and across the eye, measured on pictures whose irises were
# moved by known distances. Along the eye, 0.77 near the middle and 0.55 to 0.65 towards the corners. Across, only 0.25
# if the lids do not move; but lids that follow the gaze show it too, and are transferred separately: so 0.8 here.
SEEN = (0.65, 0.8)
# Openness of an eye, 1 at rest, up to which its iris counts as hidden, and from which it counts as visible.
_HIDDEN, _SHOWN = 0.1, 0.35


def measure_gaze(driver: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return how far each iris has moved in its eye, in eye widths: (T, 2, 2), right and left eye, x and y.

    Args:
        driver: frontal meshes (T, 478, 3).
        rest: the frontal mesh at rest, (478, 3) or (T, 478, 3).
    """
    return (iris_places(driver) - iris_places(rest)) / SEEN


def follow_gaze(driver: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return the gaze over a performance, (T, 2, 2) as :func:`measure_gaze` does, also behind lids that are shut.

    A tracker moves the iris with a lid that shuts: there the gaze is interpolated between the frames before and after.
    Both eyes get the mean of their vertical shifts.
    """
    found = measure_gaze(driver, rest)
    visible = np.stack([_visibility(driver, rest, contour) for contour in (EYE_RIGHT, EYE_LEFT)], 1)
    rows = np.arange(len(found))
    for eye in range(2):
        clear = visible[:, eye] >= 1
        if clear.any():
            bridged = np.stack([np.interp(rows, rows[clear], found[clear, eye, axis]) for axis in range(2)], -1)
            found[:, eye] = bridged + (found[:, eye] - bridged) * visible[:, eye, None]
    found[..., 1] = found[..., 1].mean(1, keepdims=True)
    return found


def _visibility(driver: np.ndarray, rest: np.ndarray, contour: tuple[tuple[int, ...], tuple[int, ...]]) -> np.ndarray:
    """Return the visibility of an iris between its lids, (T,) in [0, 1]."""
    at_rest = measure_gap(rest if rest.ndim == 3 else rest[None], contour)
    return smooth_step((measure_gap(driver, contour) / np.maximum(at_rest, 1e-6) - _HIDDEN) / (_SHOWN - _HIDDEN))
