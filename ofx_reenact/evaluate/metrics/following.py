"""What lips and lids of a clip do, to be compared with a driver's: openings, blinks, jitter.

All of it is measured in frontal meshes (T, 478, 3), from which the head's pose is taken out, and over the size of the
face, so that clips of two people at two sizes can be compared.
"""

from __future__ import annotations

import numpy as np

from ofx_reenact.tracking.derive import poses
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, LIPS_OUTER
from ofx_reenact.tracking.surface import measure_gap

# Names of the curves of a face.
OPENING, WIDTH, RIGHT_LIDS, LEFT_LIDS = "lip opening", "lip width", "right lids", "left lids"
CURVES = (OPENING, WIDTH, RIGHT_LIDS, LEFT_LIDS)
LIDS = (RIGHT_LIDS, LEFT_LIDS)
# The sides of the face in front of the ears: what no expression moves.
_SIDES = (234, 454)
_CORNERS = (LIPS_OUTER[0][0], LIPS_OUTER[0][-1])
_LIPS = tuple(dict.fromkeys(point for contour in (LIPS_INNER, LIPS_OUTER) for half in contour for point in half))
# An eye blinks where its opening falls below this fraction of its median.
_BLINK = 0.5
# Fewest frames that a correlation of such a curve is taken over.
FEWEST = 8


def face_size(frontal: np.ndarray) -> float:
    """Return the width of a face, the median over frames."""
    right, left = (frontal[:, point, :2].astype(np.float64) for point in _SIDES)
    return float(np.median(np.linalg.norm(left - right, axis=-1)))


def curves(frontal: np.ndarray) -> dict[str, np.ndarray]:
    """Measure lips and lids in each frame, in widths of the face: name → (T,)."""
    mesh, size = frontal[..., :2].astype(np.float64), face_size(frontal)
    right, left = (mesh[:, corner] for corner in _CORNERS)
    return {
        OPENING: measure_gap(mesh, LIPS_INNER) / size,
        WIDTH: np.linalg.norm(left - right, axis=-1) / size,
        RIGHT_LIDS: measure_gap(mesh, EYE_RIGHT) / size,
        LEFT_LIDS: measure_gap(mesh, EYE_LEFT) / size,
    }


def blinks(lids: np.ndarray) -> bool:
    """Tell whether an eye whose lids' opening is (T,) blinks: whether it falls below half of its median."""
    known = lids[np.isfinite(lids)]
    return len(known) > 0 and bool(known.min() < _BLINK * np.median(known))


def unsmoothed(mesh: np.ndarray) -> np.ndarray:
    """Take the head's pose out of meshes (T, 478, 3) as they were found, frame by frame: frontal meshes."""
    rotation, scale, translation = poses(mesh.astype(np.float64))
    return np.einsum("tji,tnj->tni", rotation, mesh - translation[:, None]) / scale[:, None, None]


def lip_jitter(frontal: np.ndarray, known: np.ndarray) -> float:
    """Measure the root mean square of the lips' second differences, in widths of the face.

    Args:
        frontal: (T, 478, 3) of frames in a row, not smoothed: smoothing would take out what is measured.
        known: (T,) bool, frames in which the face was found; only three of them in a row count.

    Returns NaN where there are none.
    """
    lips = frontal[:, list(_LIPS), :2].astype(np.float64)
    bend = lips[2:] - 2 * lips[1:-1] + lips[:-2]
    bend = bend[known[2:] & known[1:-1] & known[:-2]]
    return float(np.sqrt((bend**2).sum(-1).mean())) / face_size(frontal) if len(bend) else float("nan")


def jitter_ratio(made: float, plate: float, driver: float) -> float:
    """Compare the jitter of a result with that of two independent motions added: the root of the sum of squares."""
    both = float(np.hypot(plate, driver))
    return made / both if both > 0 else float("nan")
