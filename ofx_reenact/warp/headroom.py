"""What lies above the head: a head that sinks draws it out, and keeps its own shape.

The sheet moves the crown as rigidly as the face, whatever is above it; so rows from beyond the picture's upper edge
would come in. Nothing is known of them. Between the crown and the edge the map is squeezed until the edge stays where
it is: what is drawn out is the background. Hair that the edge cuts off has none above it, and gives some of its own
length.
"""

from __future__ import annotations

import numba
import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

# All in face heights. A person nearer to the edge than CUT is cut off by it, as far as a segmentation can tell; wisps
# of hair reach about MARGIN beyond its outline.
CUT, MARGIN = 0.012, 0.015
# How much is drawn out: of the background at most, and of hair that is cut off.
AIR, HAIR = 0.5, 0.25
# Columns further apart than this may differ; the whole crown grows where some of it is cut off, not a knob on it.
_WIDE, _HAIR_WIDE = 0.06, 0.2
# Of the rows that are there, a smaller share than this of those that they fill counts as this.
THIN = 1e-3


def cut_off(headroom: np.ndarray, face_height: float) -> np.ndarray:
    """Tell in which columns (W,) the picture's upper edge cuts the person off."""
    return headroom < CUT * face_height


def yielding(headroom: np.ndarray | None, width: int, face_height: float) -> np.ndarray:
    """How many rows below the picture's upper edge give way to a head that moves down, for each column (W,).

    Args:
        headroom: rows above the person in each column (W,); None where nobody knows: then all may be hair.
        width: of the picture.
        face_height: pixels.
    """
    if headroom is None:
        return np.full(width, HAIR * face_height)
    # Never more than is there, also between two columns: the least around a column, then the mean of those.
    near = 2 * round(_WIDE * face_height) + 1
    air = np.clip(headroom - MARGIN * face_height, 0, AIR * face_height).astype(np.float64)
    air = uniform_filter1d(minimum_filter1d(air, near), near)
    near = 2 * round(_HAIR_WIDE * face_height) + 1
    hair = np.where(cut_off(headroom, face_height), HAIR * face_height, 0.0)
    return np.maximum(air, uniform_filter1d(maximum_filter1d(hair, near), near))


@numba.njit(cache=True, nogil=True)
def keep_edge(offset: np.ndarray, stretch: np.ndarray, left: int, rows: np.ndarray) -> None:
    """Squeeze a map whose first row is the picture's, in place, so that nothing comes in from above the picture.

    In each column, positions from the one at the edge to where ``rows`` ends are laid out from the edge on instead.

    Args:
        offset: (h, w, 2) float32, pixels.
        stretch: (h, w) float32, of the map; what is drawn out adds to it.
        left: the map's first column in the picture.
        rows: (W,) float64; how many give way in each column of the picture.
    """
    last = len(rows) - 1
    for column in range(offset.shape[1]):
        sunk = -float(offset[0, column, 1])
        if sunk <= 0:
            continue
        for row in range(offset.shape[0]):
            came_from = row + float(offset[row, column, 1])
            x = min(max(left + column + float(offset[row, column, 0]), 0.0), float(last))
            before = int(x)
            gives = rows[before] + (x - before) * (rows[min(before + 1, last)] - rows[before])
            if came_from < gives:
                share = gives / (gives + sunk)
                offset[row, column, 1] = max(came_from + sunk, 0.0) * share - row
                stretch[row, column] /= np.sqrt(max(share, THIN))
