"""The rasteriser: the nearest triangle wins, and no pixel is lost between two."""

import numpy as np

from ofx_reenact import threads
from ofx_reenact.ops.raster import rasterise


def test_nearest_triangle_wins():
    square = np.array([[0, 0], [9, 0], [0, 9], [9, 9.0]])
    positions = np.concatenate([square, square])
    depth = np.array([5.0] * 4 + [1.0] * 4)
    triangles = np.array([[0, 1, 2], [1, 2, 3], [4, 5, 6], [5, 6, 7]])
    for order in (triangles, triangles[::-1].copy()):
        _, (seen,) = rasterise(positions, depth, [order], positions, depth[:, None], (10, 10))
        assert (seen == 1).all()


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
    found, (covered,) = rasterise(points, np.zeros(81), [triangles], points, np.ones((81, 1)), (33, 33))
    assert np.allclose(covered, 1)
    y, x = np.mgrid[:33, :33]
    assert np.allclose(found[..., 0], x, atol=1e-4) and np.allclose(found[..., 1], y, atol=1e-4)


def test_later_layers_cover_earlier_ones_whatever_their_depth():
    corners = np.array([[0, 0], [9, 0], [0, 9], [9, 9], [0, 0], [4, 0], [0, 4.0]])
    depth = np.array([1.0] * 4 + [5.0] * 3)
    layers = [np.array([[0, 1, 2]]), np.array([[4, 5, 6]])]
    _, (seen, other) = rasterise(corners, depth, layers, corners, np.column_stack([depth, depth]), (10, 10), (0, 7))
    assert seen[0, 0] == 5 and seen[0, 8] == 1 and seen[9, 9] == 0 and other[9, 9] == 7


def test_rasterising_does_not_depend_on_threads(monkeypatch):
    rng = np.random.default_rng(1)
    points, triangles = rng.uniform(-5, 95, (300, 3)), rng.integers(0, 300, (500, 3))
    results = []
    for workers in (1, 2, 5):
        monkeypatch.setattr(threads, "cores", lambda workers=workers: workers)
        results.append(rasterise(points[:, :2], points[:, 2], [triangles], points[:, :2], points, (90, 90)))
    for moves, planes in results[1:]:
        assert np.array_equal(moves, results[0][0]) and np.array_equal(planes, results[0][1])
