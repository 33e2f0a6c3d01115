"""Rasterise a deformed sheet: interpolate values of its vertices at each pixel of the result.

A pixel takes its values from the nearest triangle that contains its centre.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ofx_reenact.compiled import compiled, inlined
from ofx_reenact.threads import in_bands, run_in_threads

# Triangles are enlarged by this on every side, in pixels and as a barycentric weight, so that a pixel centre exactly on
# a shared edge is inside one of them.
EDGE = 1e-6
# A triangle whose doubled area is less than this, in square pixels, is skipped.
LEAST = 1e-9


def rasterise(
    positions: np.ndarray,
    depth: np.ndarray,
    layers: Sequence[np.ndarray],
    vectors: np.ndarray,
    values: np.ndarray,
    size: tuple[int, int],
    background: Sequence[float] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Draw layers of triangles, back to front, and interpolate the vertices' vectors and values linearly.

    Within a layer the nearest triangle is visible; a later layer covers the earlier ones.

    Args:
        positions: (V, 2), the vertices in pixels of the result.
        depth: (V,), their depths.
        layers: triangles (N, 3) of either orientation.
        vectors: (V, 2), a vector of each vertex.
        values: (V, K), values of each vertex.
        size: width and height of the result.
        background: the K values where there is no triangle, 0 by default; vectors are 0 there.

    Returns:
        Vectors (h, w, 2) and values (K, h, w), float32.
    """
    width, height = size
    moves = np.zeros((height, width, 2), np.float32)
    planes = np.zeros((values.shape[1], height, width), np.float32)
    for plane, value in zip(planes, background, strict=False):
        if value:
            plane.fill(value)
    places = np.column_stack([positions, depth]).astype(np.float64)
    carried = np.column_stack([vectors, values]).astype(np.float64)
    nearest = np.empty((height, width), np.float32)
    for triangles in layers:
        # Rows are independent, so the result does not depend on the number of threads.
        run_in_threads(
            _draw, ((places, triangles, carried, moves, planes, nearest, *band) for band in in_bands(height))
        )
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
    """Draw triangles (N, 3) into the rows from ``first`` up to, but not including, ``end``.

    ``places`` (V, 3) are x, y and depth of the vertices, ``carried`` (V, 2 + K) their vectors and values; float64.
    """
    width, count = nearest.shape[1], planes.shape[0]
    # Of depth and all carried values: at the first corner, change per column and per row, at column 0 of the row.
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
        # Change of the second and third corner's barycentric weight per column and per row; the first has the rest.
        b_right, b_down, c_right, c_down = cy / area, -cx / area, -by / area, bx / area
        a_right, a_down = -b_right - c_right, -b_down - c_down
        # Columns over which a corner's weight changes by 1.
        a_columns, b_columns, c_columns = _invert(a_right), _invert(b_right), _invert(c_right)
        at[0], by_b, by_c = places[a, 2], places[b, 2] - places[a, 2], places[c, 2] - places[a, 2]
        right[0], down[0] = b_right * by_b + c_right * by_c, b_down * by_b + c_down * by_c
        for k in range(2 + count):
            at[k + 1], by_b, by_c = carried[a, k], carried[b, k] - carried[a, k], carried[c, k] - carried[a, k]
            right[k + 1], down[k + 1] = b_right * by_b + c_right * by_c, b_down * by_b + c_down * by_c
        for y in range(top, bottom + 1):
            below = y - ay
            low, high = _narrow(left, last, ax, below * a_down + 1 + EDGE, a_columns)
            low, high = _narrow(low, high, ax, below * b_down + EDGE, b_columns)
            low, high = _narrow(low, high, ax, below * c_down + EDGE, c_columns)
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
    """Return 1 over a slope; 0 for a slope of 0."""
    return 1 / slope if slope != 0 else 0.0


@inlined
def _narrow(low: float, high: float, ax: float, weight: float, columns: float) -> tuple[float, float]:
    """Narrow the columns [low, high] of a row to those where a corner's weight is not negative.

    ``weight`` is the weight at column ``ax``; ``columns`` is the number of columns over which it changes by 1, or 0.
    """
    if columns > 0:
        low = max(low, ax - weight * columns)
    elif columns < 0:
        high = min(high, ax - weight * columns)
    elif weight < 0:
        high = low - 1
    return low, high
