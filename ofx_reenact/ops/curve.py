"""A curve of cubic pieces over [-1, 1], read at many places."""

from __future__ import annotations

import numpy as np

from ofx_reenact.compiled import compiled


@compiled
def read_curve(knots: np.ndarray, powers: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    """Read a curve of cubic pieces at places ``u`` (n,), held in [-1, 1], into ``v`` (n,).

    The pieces lie between knots (k,); their powers (4, k - 1) go from the third down.
    """
    for i in range(len(u)):
        at = min(max(u[i], -1.0), 1.0)
        piece = 0
        while piece < len(knots) - 2 and at >= knots[piece + 1]:
            piece += 1
        t = at - knots[piece]
        v[i] = ((powers[0, piece] * t + powers[1, piece]) * t + powers[2, piece]) * t + powers[3, piece]
