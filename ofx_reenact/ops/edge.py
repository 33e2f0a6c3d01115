"""Squeeze a map below the picture's upper edge: :mod:`ofx_reenact.warp.headroom` says why."""

from __future__ import annotations

import numpy as np

from ofx_reenact.compiled import compiled

# Least value of (rows that give way) / (rows that they have to fill); the stretch divides by its root.
THIN = 1e-3


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
