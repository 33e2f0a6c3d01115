"""Rasterise a deformed sheet: for each pixel of the result, where in the target it comes from.

Convention: pixel (i, j) = (column, row) has its centre at (i, j); x to the right, y down; depth grows away
from the camera. A pixel belongs to the triangle that its centre lies in; the nearest triangle wins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.threads import in_bands, share

# Triangles are larger by this on every side, so that a centre exactly on a shared edge does not fall between them.
EDGE = 1e-6
# Twice the area, in pixels, below which a triangle is none.
LEAST = 1e-9


def rasterise(
    positions: np.ndarray,
    depth: np.ndarray,
    layers: Sequence[np.ndarray],
    vectors: np.ndarray,
    values: np.ndarray,
    size: tuple[int, int],
    beside: Sequence[float] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Draw layers of triangles, back to front, each by its own depth; what vertices have is interpolated linearly.

    Args:
        positions: (V, 2) of the vertices, pixels from the result's first.
        depth: (V,) of the vertices.
        layers: triangles (N, 3) of either orientation.
        vectors: (V, 2) that each vertex has, and
        values: (V, K).
        size: width and height of the result.
        beside: the K values where there is no triangle, 0 if none are given; vectors are 0 there.

    Returns:
        Vectors (h, w, 2) and values (K, h, w), float32.
    """
    width, height = size
    moves = np.zeros((height, width, 2), np.float32)
    planes = np.zeros((values.shape[1], height, width), np.float32)
    for plane, value in zip(planes, beside, strict=False):
        if value:
            plane.fill(value)
    places = np.column_stack([positions, depth]).astype(np.float64)
    carried = np.column_stack([vectors, values]).astype(np.float64)
    nearest = np.empty((height, width), np.float32)
    for triangles in layers:
        # Each row is drawn alone, so the result does not depend on how many threads share them.
        share(_draw, ((places, triangles, carried, moves, planes, nearest, *band) for band in in_bands(height)))
    return moves, planes


@compiled
def _draw(
    places: np.ndarray,
    triangles: np.ndarray,
    carried: np.ndarray,
    moves: np.ndarray,
    planes: np.ndarray,
    nearest: np.ndarray,
    first: int,
    end: int,
) -> None:
    """Draw triangles (N, 3) into rows from ``first`` up to ``end``.

    Vertices have places (V, 3), x, y and depth, and carry (V, 2 + K), all float64.
    """
    width, count = nearest.shape[1], planes.shape[0]
    nearest[first:end] = np.inf
    for n in range(triangles.shape[0]):
        a, b, c = triangles[n, 0], triangles[n, 1], triangles[n, 2]
        ax, ay, az = places[a, 0], places[a, 1], places[a, 2]
        bx, by, bz = places[b, 0], places[b, 1], places[b, 2]
        cx, cy, cz = places[c, 0], places[c, 1], places[c, 2]
        top = max(int(np.ceil(min(ay, by, cy) - EDGE)), first)
        bottom = min(int(np.floor(max(ay, by, cy) + EDGE)), end - 1)
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if bottom < top or abs(area) < LEAST:
            continue
        left = max(int(np.ceil(min(ax, bx, cx) - EDGE)), 0)
        right = min(int(np.floor(max(ax, bx, cx) + EDGE)), width - 1)
        # Shares of the second and the third corner, and how they change along a row and down.
        b_right, b_down = (cy - ay) / area, -(cx - ax) / area
        c_right, c_down = -(by - ay) / area, (bx - ax) / area
        for y in range(top, bottom + 1):
            row_b, row_c = (y - ay) * b_down - ax * b_right, (y - ay) * c_down - ax * c_right
            for x in range(left, right + 1):
                wb, wc = row_b + x * b_right, row_c + x * c_right
                wa = 1.0 - wb - wc
                if wa < -EDGE or wb < -EDGE or wc < -EDGE:
                    continue
                z = np.float32(wa * az + wb * bz + wc * cz)
                if z >= nearest[y, x]:
                    continue
                nearest[y, x] = z
                for k in range(2):
                    moves[y, x, k] = wa * carried[a, k] + wb * carried[b, k] + wc * carried[c, k]
                for k in range(count):
                    planes[k, y, x] = wa * carried[a, k + 2] + wb * carried[b, k + 2] + wc * carried[c, k + 2]
