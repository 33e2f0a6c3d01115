"""A head that sinks keeps its shape: what lies above it is stretched.

The sheet moves the crown as rigidly as the face, so a head that sinks would bring in rows from beyond the picture's
upper edge, of which nothing is known. Between the crown and the edge the map is therefore squeezed until the edge stays
where it is, and the background there is stretched. Above hair that the edge cuts off there is no background; some of
the hair is stretched instead.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from ofx_reenact.compiled import compiled

# All in face heights. A person nearer to the edge than CUT is cut off by it, as far as a segmentation can tell; wisps
# of hair reach about MARGIN beyond its outline.
CUT, MARGIN = 0.012, 0.015
# Height of what is stretched: of the background at most, and of hair that is cut off.
AIR, HAIR = 0.5, 0.25
# Columns nearer than this are levelled, background and cut-off hair: the whole crown grows, not a bump on it.
_WIDE, _HAIR_WIDE = 0.06, 0.2
# Least value of (rows that give way) / (rows that they have to fill); the stretch divides by its root.
THIN = 1e-3


def cut_off(headroom: np.ndarray, face_height: float) -> np.ndarray:
    """Tell in which columns (W,) the picture's upper edge cuts the person off."""
    return headroom < CUT * face_height


def yielding(headroom: np.ndarray | None, width: int, face_height: float) -> np.ndarray:
    """Return how many rows below the picture's upper edge give way to a head that moves down, for each column (W,).

    ``headroom`` has the rows above the person in each column (W,); None where nobody knows: then all may be hair.
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


@compiled
def keep_edge(offset: np.ndarray, stretch: np.ndarray, left: int, rows: np.ndarray) -> None:
    """Squeeze a map whose first row is the picture's, in place, so that nothing comes in from above the picture.

    In each column, positions from the one at the edge to where ``rows`` ends (float64, one for each column of the
    picture) are laid out from the edge on instead. The map's ``offset`` (h, w, 2) and ``stretch`` (h, w), both float32,
    begin at column ``left`` of the picture.
    """
    last = len(rows) - 1
    sinks = -offset[0, :, 1].astype(np.float64)
    for row in range(offset.shape[0]):
        for column in range(offset.shape[1]):
            sunk = sinks[column]
            if sunk <= 0:
                continue
            came_from = row + float(offset[row, column, 1])
            x = min(max(left + column + float(offset[row, column, 0]), 0.0), float(last))
            before = int(x)
            gives = rows[before] + (x - before) * (rows[min(before + 1, last)] - rows[before])
            if came_from < gives:
                share = gives / (gives + sunk)
                offset[row, column, 1] = max(came_from + sunk, 0.0) * share - row
                stretch[row, column] /= np.sqrt(max(share, THIN))
