"""What lies above the head: a head that sinks draws it out, and keeps its own shape.

The sheet moves the crown as rigidly as the face, whatever is above it; so rows from beyond the picture's upper edge
would come in. Nothing is known of them. Between the crown and the edge the map is squeezed until the edge stays where
it is: what is drawn out is the background. Hair that the edge cuts off has none above it, and gives some of its own
length.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

# All in face heights. A person nearer to the edge than CUT is cut off by it, as far as a segmentation can tell; wisps
# of hair reach about MARGIN beyond its outline.
CUT, MARGIN = 0.012, 0.015
# How much is drawn out at most: of the background, and of hair that is cut off.
AIR, HAIR = 0.5, 0.25
# Columns further apart than this may differ.
_WIDE = 0.06


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
    wide = max(1, round(_WIDE * face_height))
    # Never more than is there, also between two columns: the least around a column, then the mean of those.
    air = minimum_filter1d(np.clip(headroom - MARGIN * face_height, 0, AIR * face_height), 2 * wide + 1)
    hair = maximum_filter1d(cut_off(headroom, face_height).astype(np.float64), 2 * wide + 1)
    smooth = [uniform_filter1d(values, 2 * wide + 1) for values in (air, hair * HAIR * face_height)]
    return np.maximum(*smooth)


def keep_edge(offset: np.ndarray, stretch: np.ndarray, left: int, rows: np.ndarray) -> None:
    """Squeeze a map whose first row is the picture's, in place, so that nothing comes in from above the picture.

    Args:
        offset: (h, w, 2) pixels.
        stretch: (h, w), of the map; what is drawn out adds to it.
        left: the map's first column in the picture.
        rows: that give way in each column of the picture (W,).
    """
    sunk = np.maximum(-offset[0, :, 1], 0).astype(np.float64)
    if not sunk.any():
        return
    deep = min(len(offset), int(np.ceil(rows.max() - min(float(offset[..., 1].min()), 0.0))) + 1)
    y, x = np.mgrid[:deep, left : left + offset.shape[1]].astype(np.float64)
    came_from = y + offset[:deep, :, 1]
    gives = np.interp(x + offset[:deep, :, 0], np.arange(len(rows)), rows)
    drawn = (came_from < gives) & (sunk > 0)
    share = gives / (gives + sunk)
    offset[:deep, :, 1][drawn] = (np.maximum(came_from + sunk, 0) * share - y)[drawn]
    stretch[:deep][drawn] /= np.sqrt(np.maximum(share, 1e-4))[drawn]
