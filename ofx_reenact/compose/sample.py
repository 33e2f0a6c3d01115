"""Read a picture between its pixels: Catmull-Rom, no clamp of range, no ringing, rows shared over threads."""

from __future__ import annotations

import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.threads import cores, share


def sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample a picture at continuous positions.

    Positions on a pixel's centre give that pixel's value exactly. Elsewhere the value stays within the range of
    the 4×4 pixels around it: a cubic's overshoot beside a highlight would otherwise draw dark or negative rims,
    the brighter the highlight. Positions outside give the picture's edge.

    Args:
        picture: (H, W, C) float32, any range, finite.
        x, y: (h, w) positions; pixel (i, j) has its centre at (i, j).

    Returns:
        (h, w, C) float32.
    """
    out = np.empty((*x.shape, picture.shape[2]), np.float32)
    picture = np.ascontiguousarray(picture, dtype=np.float32)
    x, y = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(y, dtype=np.float64)
    # Each row is computed alone, so the result does not depend on how many threads share them.
    bands = np.array_split(np.arange(x.shape[0]), max(1, min(cores(), x.shape[0] // 16)))
    share(_sample, ((picture, x[b], y[b], out[b[0] : b[-1] + 1]) for b in bands if len(b)))
    return out


@compiled
def _sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    height, width, channels = picture.shape
    wx = np.empty(4)
    wy = np.empty(4)
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            px = min(max(x[row, column], 0.0), width - 1.0)
            py = min(max(y[row, column], 0.0), height - 1.0)
            ix, iy = int(np.floor(px)), int(np.floor(py))
            fx, fy = px - ix, py - iy
            if fx == 0.0 and fy == 0.0:
                for c in range(channels):
                    out[row, column, c] = picture[iy, ix, c]
                continue
            _weights(fx, wx)
            _weights(fy, wy)
            for c in range(channels):
                total = 0.0
                low, high = np.inf, -np.inf
                for j in range(4):
                    sy = min(max(iy + j - 1, 0), height - 1)
                    for i in range(4):
                        sx = min(max(ix + i - 1, 0), width - 1)
                        value = picture[sy, sx, c]
                        total += wx[i] * wy[j] * value
                        low, high = min(low, value), max(high, value)
                out[row, column, c] = min(max(total, low), high)


@compiled
def _weights(t: float, w: np.ndarray) -> None:
    w[0] = ((-0.5 * t + 1.0) * t - 0.5) * t
    w[1] = (1.5 * t - 2.5) * t * t + 1.0
    w[2] = ((-1.5 * t + 2.0) * t + 0.5) * t
    w[3] = (0.5 * t - 0.5) * t * t
