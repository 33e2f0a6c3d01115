"""What irises do in a performance."""

from __future__ import annotations

import numpy as np

from ofx_reenact.ramps import smooth_step
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT
from ofx_reenact.tracking.surface import iris_places, measure_gap

# Shares of what irises move that Face Mesh sees, along and across the eye, measured on pictures whose irises moved by
# known ways: along, 0.77 near the middle and 0.55 to 0.65 towards the corners. Across it is 0.25 where the lids stay;
# lids that follow the gaze tell of it too, and are carried by themselves, so less is given back here.
SEEN = (0.65, 0.8)
# Openness of an eye, in that at rest, up to which its iris is not seen, and from which it is.
_HIDDEN, _SHOWN = 0.1, 0.35


def gaze(driver: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Measure how far each iris moves between its eye's corners, in widths of the eye.

    Returns (T, 2, 2): right eye, left eye; x, y. From frontal meshes (T, 478, 3), and those at rest, (478, 3) or one
    for each frame.
    """
    return (iris_places(driver) - iris_places(rest)) / SEEN


def follow_gaze(driver: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Measure the gaze of a performance, as :func:`gaze` does for single faces.

    Behind a lid that shuts, a tracker drags the iris along: there the gaze goes on from before to after. Up and down,
    both eyes go together.
    """
    made = gaze(driver, rest)
    shown = np.stack([_shown(driver, rest, contour) for contour in (EYE_RIGHT, EYE_LEFT)], 1)
    rows = np.arange(len(made))
    for eye in range(2):
        sure = shown[:, eye] >= 1
        if sure.any():
            held = np.stack([np.interp(rows, rows[sure], made[sure, eye, axis]) for axis in range(2)], -1)
            made[:, eye] = held + (made[:, eye] - held) * shown[:, eye, None]
    made[..., 1] = made[..., 1].mean(1, keepdims=True)
    return made


def _shown(driver: np.ndarray, rest: np.ndarray, contour: tuple[tuple[int, ...], tuple[int, ...]]) -> np.ndarray:
    """Return how far an iris shows between its lids, (T,) in [0, 1]."""
    at_rest = measure_gap(rest if rest.ndim == 3 else rest[None], contour)
    return smooth_step((measure_gap(driver, contour) / np.maximum(at_rest, 1e-6) - _HIDDEN) / (_SHOWN - _HIDDEN))
