"""Rasterise a deformed sheet: for each pixel of the result, where in the target it comes from.

Convention: pixel (i, j) = (column, row) has its centre at (i, j); x to the right, y down; depth grows away
from the camera. A pixel belongs to the triangle that its centre lies in; the nearest triangle wins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ofx_reenact.compiled import compiled

# Triangles are larger by this on every side, so that a centre exactly on a shared edge does not fall between them.
EDGE = 1e-6


def rasterise_layers(
    positions: np.ndarray, depth: np.ndarray, layers: Sequence[np.ndarray], attributes: np.ndarray, out: np.ndarray
) -> None:
    """Draw layers of triangles, back to front, each by its own depth; the rest is as for :func:`rasterise`."""
    nearest = np.empty(out.shape[:2], np.float32)
    for triangles in layers:
        nearest.fill(np.inf)
        rasterise(positions, depth, triangles, attributes, out, nearest)


@compiled
def rasterise(
    positions: np.ndarray,
    depth: np.ndarray,
    triangles: np.ndarray,
    attributes: np.ndarray,
    out: np.ndarray,
    nearest: np.ndarray,
) -> None:
    """Draw triangles (N, 3) of either orientation into ``out`` (H, W, K) float32, interpolating attributes linearly.

    Vertices have positions (V, 2) in pixels from ``out``'s first, depth (V,) and attributes (V, K), all float64. A
    pixel is written where a triangle is nearer than ``nearest`` (H, W) float32, the depth so far; start with infinity.
    """
    height, width = nearest.shape
    count = attributes.shape[1]
    for n in range(triangles.shape[0]):
        a, b, c = triangles[n, 0], triangles[n, 1], triangles[n, 2]
        ax, ay = positions[a, 0], positions[a, 1]
        bx, by = positions[b, 0], positions[b, 1]
        cx, cy = positions[c, 0], positions[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        left = max(int(np.ceil(min(ax, bx, cx) - EDGE)), 0)
        right = min(int(np.floor(max(ax, bx, cx) + EDGE)), width - 1)
        top = max(int(np.ceil(min(ay, by, cy) - EDGE)), 0)
        bottom = min(int(np.floor(max(ay, by, cy) + EDGE)), height - 1)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
                wa = 1.0 - wb - wc
                if wa < -EDGE or wb < -EDGE or wc < -EDGE:
                    continue
                z = wa * depth[a] + wb * depth[b] + wc * depth[c]
                if z >= nearest[y, x]:
                    continue
                nearest[y, x] = z
                for k in range(count):
                    out[y, x, k] = wa * attributes[a, k] + wb * attributes[b, k] + wc * attributes[c, k]
