"""A head that sinks keeps its shape: what lies above it is stretched.

The sheet moves the crown as rigidly as the face, so a head that sinks would bring in rows from beyond the picture's
upper edge, of which nothing is known. Between the crown and the edge the map is therefore squeezed until the edge stays
where it is, and the background there is stretched. Above hair that the edge cuts off there is no background; some of
the hair is stretched instead.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

# All in face heights. A person nearer to the edge than CUT is cut off by it, as far as a segmentation can tell; wisps
# of hair reach about MARGIN beyond its outline.
CUT, MARGIN = 0.012, 0.015
# Height of what is stretched: of the background at most, and of hair that is cut off.
AIR, HAIR = 0.5, 0.25
# Columns nearer than this are levelled, background and cut-off hair: the whole crown grows, not a bump on it.
_WIDE, _HAIR_WIDE = 0.06, 0.2


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
