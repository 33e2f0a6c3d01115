"""Stretch the background above a head that sinks, so that the head keeps its shape.

The sheet moves the crown as rigidly as the face, so a head that sinks would need rows above the picture's upper edge,
which are unknown. Between crown and edge the map is squeezed so that the edge stays in place: the background there is
stretched. If the edge cuts off the hair, there is no background and some of the hair is stretched instead.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

# All in face heights. A person nearer to the edge than CUT counts as cut off by it: a segmentation is no more exact;
# wisps of hair reach about MARGIN beyond its outline.
CUT, MARGIN = 0.012, 0.015
# Greatest height of background that is stretched, and height of hair that is stretched where it is cut off.
AIR, HAIR = 0.5, 0.25
# Distances over which the heights are smoothed across columns, of background and of cut-off hair, so that the crown
# grows evenly.
_WIDE, _HAIR_WIDE = 0.06, 0.2


def find_cut_columns(headroom: np.ndarray, face_height: float) -> np.ndarray:
    """Return in which columns the picture's upper edge cuts the person off: (W,) bool."""
    return headroom < CUT * face_height


def stretchable_rows(headroom: np.ndarray | None, width: int, face_height: float) -> np.ndarray:
    """Return how many rows below the picture's upper edge may be stretched, in each column: (W,) float64.

    ``headroom`` (W,) is the number of rows above the person in each column; None if unknown: then all may be hair.
    """
    if headroom is None:
        return np.full(width, HAIR * face_height)
    # The minimum around each column, then the mean over as many columns: so no column gets more air than it has.
    near = 2 * round(_WIDE * face_height) + 1
    air = np.clip(headroom - MARGIN * face_height, 0, AIR * face_height).astype(np.float64)
    air = uniform_filter1d(minimum_filter1d(air, near), near)
    near = 2 * round(_HAIR_WIDE * face_height) + 1
    hair = np.where(find_cut_columns(headroom, face_height), HAIR * face_height, 0.0)
    return np.maximum(air, uniform_filter1d(maximum_filter1d(hair, near), near))
