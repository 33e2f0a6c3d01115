"""Rasterise a deformed sheet: for each pixel of the result, where in the target it comes from.

Convention: pixel (i, j) = (column, row) has its centre at (i, j); x to the right, y down; depth grows away
from the camera. A pixel belongs to the triangle that its centre lies in; the nearest triangle wins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ofx_reenact.compiled import compiled, inlined
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
    # Of depth and all that is carried: at the first corner, how it grows to the right and down, where the row begins.
    at, right, down, row = np.empty(3 + count), np.empty(3 + count), np.empty(3 + count), np.empty(3 + count)
    nearest[first:end] = np.inf
    for n in range(triangles.shape[0]):
        a, b, c = triangles[n, 0], triangles[n, 1], triangles[n, 2]
        ax, ay = places[a, 0], places[a, 1]
        bx, by, cx, cy = places[b, 0] - ax, places[b, 1] - ay, places[c, 0] - ax, places[c, 1] - ay
        top = max(int(np.ceil(ay + min(0.0, by, cy) - EDGE)), first)
        bottom = min(int(np.floor(ay + max(0.0, by, cy) + EDGE)), end - 1)
        area = bx * cy - by * cx
        if bottom < top or abs(area) < LEAST:
            continue
        left, last = max(ax + min(0.0, bx, cx) - EDGE, 0.0), min(ax + max(0.0, bx, cx) + EDGE, width - 1.0)
        # Shares of the second and the third corner grow so along a row and down; the first has the rest.
        b_right, b_down, c_right, c_down = cy / area, -cx / area, -by / area, bx / area
        a_right, a_down = -b_right - c_right, -b_down - c_down
        a_turn, b_turn, c_turn = _invert(a_right), _invert(b_right), _invert(c_right)
        at[0], by_b, by_c = places[a, 2], places[b, 2] - places[a, 2], places[c, 2] - places[a, 2]
        right[0], down[0] = b_right * by_b + c_right * by_c, b_down * by_b + c_down * by_c
        for k in range(2 + count):
            at[k + 1], by_b, by_c = carried[a, k], carried[b, k] - carried[a, k], carried[c, k] - carried[a, k]
            right[k + 1], down[k + 1] = b_right * by_b + c_right * by_c, b_down * by_b + c_down * by_c
        for y in range(top, bottom + 1):
            below = y - ay
            low, high = _narrow(left, last, ax, below * a_down + 1 + EDGE, a_turn)
            low, high = _narrow(low, high, ax, below * b_down + EDGE, b_turn)
            low, high = _narrow(low, high, ax, below * c_down + EDGE, c_turn)
            for k in range(3 + count):
                row[k] = at[k] + below * down[k] - ax * right[k]
            for x in range(int(np.ceil(low)), int(np.floor(high)) + 1):
                z = np.float32(row[0] + x * right[0])
                if z < nearest[y, x]:
                    nearest[y, x] = z
                    moves[y, x, 0], moves[y, x, 1] = row[1] + x * right[1], row[2] + x * right[2]
                    for k in range(count):
                        planes[k, y, x] = row[k + 3] + x * right[k + 3]


@inlined
def _invert(slope: float) -> float:
    return 1 / slope if slope != 0 else 0.0


@inlined
def _narrow(low: float, high: float, ax: float, share: float, turn: float) -> tuple[float, float]:
    """Narrow a part of a row to where a corner's share, so much at the first corner's column, is not below 0."""
    if turn > 0:
        low = max(low, ax - share * turn)
    elif turn < 0:
        high = min(high, ax - share * turn)
    elif share < 0:
        high = low - 1
    return low, high
