"""Evaluate a piecewise cubic curve over [-1, 1] at many places."""

from __future__ import annotations

import numpy as np

from ofx_reenact.compiled import compiled


@compiled
def read_curve(knots: np.ndarray, powers: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    """Evaluate a piecewise cubic at ``u`` (n,), clamped to [-1, 1], into ``v`` (n,).

    The pieces lie between ``knots`` (k,). ``powers`` (4, k - 1) are their coefficients from the third power down, in
    the distance from the piece's first knot, as in scipy's ``PPoly``.
    """
    for i in range(len(u)):
        at = min(max(u[i], -1.0), 1.0)
        piece = 0
        while piece < len(knots) - 2 and at >= knots[piece + 1]:
            piece += 1
        t = at - knots[piece]
        v[i] = ((powers[0, piece] * t + powers[1, piece]) * t + powers[2, piece]) * t + powers[3, piece]
