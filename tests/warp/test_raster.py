"""The rasteriser: the nearest triangle wins, and no pixel falls between two."""

import numpy as np

from ofx_reenact.warp.raster import rasterise


def test_nearest_triangle_wins():
    square = np.array([[0, 0], [9, 0], [0, 9], [9, 9.0]])
    positions = np.concatenate([square, square])
    depth = np.array([5.0] * 4 + [1.0] * 4)
    triangles = np.array([[0, 1, 2], [1, 2, 3], [4, 5, 6], [5, 6, 7]])
    for order in (triangles, triangles[::-1].copy()):
        out, nearest = np.zeros((10, 10, 1), np.float32), np.full((10, 10), np.inf, np.float32)
        rasterise(positions, depth, order, depth[:, None].copy(), out, nearest)
        assert (out == 1).all()


def test_raster_leaves_no_seams():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(0, 33, 4.0), np.arange(0, 33, 4.0)), -1)
    inner = rng.normal(scale=0.8, size=grid.shape)
    inner[[0, -1]] = inner[:, [0, -1]] = 0
    points = (grid + inner).reshape(-1, 2)
    a = np.arange(81).reshape(9, 9)
    quads = [a[:-1, :-1], a[:-1, 1:], a[1:, :-1], a[1:, 1:]]
    p, q, r, s = (quad.ravel() for quad in quads)
    triangles = np.concatenate([np.stack([p, q, r], 1), np.stack([q, r, s], 1)])
    out, nearest = np.zeros((33, 33, 2), np.float32), np.full((33, 33), np.inf, np.float32)
    rasterise(points, np.zeros(81), triangles, points, out, nearest)
    assert np.isfinite(nearest).all()
    y, x = np.mgrid[:33, :33]
    assert np.allclose(out[..., 0], x, atol=1e-4) and np.allclose(out[..., 1], y, atol=1e-4)
