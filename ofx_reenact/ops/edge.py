"""Squeeze a map below the picture's upper edge; :mod:`ofx_reenact.warp.headroom` explains why."""

from __future__ import annotations

import numpy as np

from ofx_reenact.compiled import compiled

# Least ratio of the rows that can be stretched to the rows that they have to fill. The stretch is divided by its root.
THIN = 1e-3


@compiled
def keep_edge(offset: np.ndarray, stretch: np.ndarray, left: int, rows: np.ndarray) -> None:
    """Squeeze a map, in place, so that no pixel comes from above the picture.

    In each column the positions between the map's first one and ``rows`` are redistributed between the picture's edge
    and ``rows``.

    Args:
        offset: (h, w, 2) float32 pixels, a map whose first row is the picture's.
        stretch: (h, w) float32, the map's stretch.
        left: column of the picture at which the map begins.
        rows: (W,) float64, height below the picture's upper edge that can be stretched, by column of the picture.
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
            stretchable = rows[before] + (x - before) * (rows[min(before + 1, last)] - rows[before])
            if came_from < stretchable:
                fraction = stretchable / (stretchable + sunk)
                offset[row, column, 1] = max(came_from + sunk, 0.0) * fraction - row
                stretch[row, column] /= np.sqrt(max(fraction, THIN))
