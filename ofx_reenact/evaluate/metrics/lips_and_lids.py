"""Curves of lips and lids over the frames of a clip: openings, blinks, jitter.

All are measured in frontal meshes (T, 478, 3), which are without the head's pose, in units of the face's width, so that
clips of two people at two sizes can be compared.
"""

from __future__ import annotations

import numpy as np

from ofx_reenact.tracking.derive import poses
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, LIPS_OUTER
from ofx_reenact.tracking.surface import measure_gap

OPENING, WIDTH, RIGHT_LIDS, LEFT_LIDS = "lip opening", "lip width", "right lids", "left lids"
CURVES = (OPENING, WIDTH, RIGHT_LIDS, LEFT_LIDS)
LIDS = (RIGHT_LIDS, LEFT_LIDS)
# The sides of the face in front of the ears, which no expression moves.
_SIDES = (234, 454)
_CORNERS = (LIPS_OUTER[0][0], LIPS_OUTER[0][-1])
_LIPS = tuple(dict.fromkeys(point for contour in (LIPS_INNER, LIPS_OUTER) for half in contour for point in half))
# An eye blinks where its opening falls below this fraction of its median.
_BLINK = 0.5
# Fewest frames for a correlation of such curves.
FEWEST = 8


def face_size(frontal: np.ndarray) -> float:
    """Return the width of a face in frontal meshes (T, 468 or more, 3): the median over frames, in their unit."""
    right, left = (frontal[:, point, :2].astype(np.float64) for point in _SIDES)
    return float(np.median(np.linalg.norm(left - right, axis=-1)))


def measure_curves(frontal: np.ndarray) -> dict[str, np.ndarray]:
    """Measure lips and lids in each frame of frontal meshes, in widths of the face: name → (T,)."""
    mesh, size = frontal[..., :2].astype(np.float64), face_size(frontal)
    right, left = (mesh[:, corner] for corner in _CORNERS)
    return {
        OPENING: measure_gap(mesh, LIPS_INNER) / size,
        WIDTH: np.linalg.norm(left - right, axis=-1) / size,
        RIGHT_LIDS: measure_gap(mesh, EYE_RIGHT) / size,
        LEFT_LIDS: measure_gap(mesh, EYE_LEFT) / size,
    }


def has_blink(lids: np.ndarray) -> bool:
    """Return whether an eye blinks: whether the opening (T,) of its lids falls below half of its median."""
    known = lids[np.isfinite(lids)]
    return len(known) > 0 and bool(known.min() < _BLINK * np.median(known))


def frontal_unsmoothed(mesh: np.ndarray) -> np.ndarray:
    """Remove the head's pose from meshes (T, 478, 3) as tracked, frame by frame: frontal meshes (T, 478, 3)."""
    rotation, scale, translation = poses(mesh.astype(np.float64))
    return np.einsum("tji,tnj->tni", rotation, mesh - translation[:, None]) / scale[:, None, None]


def lip_jitter(frontal: np.ndarray, known: np.ndarray) -> float:
    """Measure the root mean square of the lips' second differences over time, in widths of the face.

    Args:
        frontal: (T, 478, 3) of consecutive frames, not smoothed: smoothing removes jitter.
        known: (T,) bool, frames in which the face was found; a second difference needs three in a row.

    Returns NaN where there are no three in a row.
    """
    lips = frontal[:, list(_LIPS), :2].astype(np.float64)
    bend = lips[2:] - 2 * lips[1:-1] + lips[:-2]
    bend = bend[known[2:] & known[1:-1] & known[:-2]]
    return float(np.sqrt((bend**2).sum(-1).mean())) / face_size(frontal) if len(bend) else float("nan")


def jitter_ratio(made: float, plate: float, driver: float) -> float:
    """Divide the result's jitter by that of plate and driver together: the root of the sum of their squares."""
    both = float(np.hypot(plate, driver))
    return made / both if both > 0 else float("nan")
