"""Torch computes what the CPU's loops do: meshes, pictures, curves; and the same bits each time, in any batches."""

import cv2
import numpy as np
import pytest
import torch
from backends import DEVICES, apart, torch_ops

from ofx_reenact.ops.backend import ops_for
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.ops.on_torch import OnTorch

ROUNDING = 1e-6


@pytest.fixture(params=DEVICES, scope="module")
def others(request) -> dict[str, OnTorch]:
    return torch_ops(request.param)


def mesh(seed: int, whole: bool) -> tuple[np.ndarray, list[np.ndarray]]:
    """Vertices (V, 3) in and around a picture of 90×80, and layers of triangles; ``whole``: on whole pixels."""
    rng = np.random.default_rng(seed)
    points, triangles = rng.uniform(-8, 98, (60, 3)), rng.integers(0, 60, (50, 3))
    return np.round(points / 7) * 7 if whole else points, [triangles[:20], triangles[20:]]


def drawn(ops, points: np.ndarray, layers: list[np.ndarray], size=(90, 80)) -> list[np.ndarray]:
    made = ops.rasterise(points[:, :2], points[:, 2], layers, points[:, :2], points[:, ::-1], size, (0, 7, 1))
    return [ops.fetch(part) for part in made]


@pytest.mark.parametrize("whole", [False, True])
def test_meshes_are_drawn_alike(others, whole):
    for seed in range(4):
        points, layers = mesh(seed, whole)
        # Many triangles lie at one depth: the first of them wins.
        points[:, 2] = np.round(points[:, 2] / 40)
        moves, planes = drawn(CPU, points, layers)
        assert (planes[1] == 7).any() and (planes[1] != 7).mean() > 0.5
        for name in ("whole", "batches"):
            again = drawn(others[name], points, layers)
            assert apart(moves, again[0]) < ROUNDING and apart(planes, again[1]) < ROUNDING
        # Float32 positions may be on the other side of an edge.
        again = drawn(others["float32"], points, layers)
        wrong = np.abs(moves - again[0]).max(-1) > 1e-3
        assert wrong.mean() < (0.02 if whole else 0.004)


def test_nothing_is_drawn_outside_triangles(others):
    points, layers = mesh(0, False)
    beyond, flat = points + np.array([500, 0, 0]), points * [1, 0, 1]
    for ops in (CPU, *others.values()):
        for none in (beyond, flat):
            moves, planes = drawn(ops, none, [layers[0]])
            assert not moves.any() and (planes == np.array([0, 7, 1])[:, None, None]).all()
        assert not drawn(ops, points, [np.empty((0, 3), np.int64)])[0].any()
    assert apart(drawn(CPU, points, layers, (1, 1))[0], drawn(others["whole"], points, layers, (1, 1))[0]) < ROUNDING
    # Flat, and just below a row of pixels.
    below = np.array([[0, 1 + 5e-7, 0], [9, 1 + 5e-7, 0], [4, 1.1, 0]])
    for ops in (CPU, others["whole"]):
        assert not drawn(ops, below, [np.array([[0, 1, 2]])])[0].any()


def test_float32_positions_leave_no_seams(others):
    points = np.random.default_rng(0).normal(scale=0.8, size=(9, 9, 3)) * [1, 1, 0]
    points[[0, -1]] = points[:, [0, -1]] = 0
    points[..., :2] += np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), -1) * 120
    a = np.arange(81).reshape(9, 9)
    p, q, r, s = (quad.ravel() for quad in (a[:-1, :-1], a[:-1, 1:], a[1:, :-1], a[1:, 1:]))
    triangles = np.concatenate([np.stack([p, q, r], 1), np.stack([q, r, s], 1)])
    found = drawn(others["float32"], points.reshape(-1, 3), [triangles], (961, 961))[0]
    y, x = np.mgrid[:961, :961]
    assert np.abs(found - np.stack([x, y], -1)).max() < 1e-3


@pytest.fixture(params=[1, 3, 4])
def picture(request) -> np.ndarray:
    """A picture with values over ten powers of ten, and a negative zero."""
    rng = np.random.default_rng(request.param)
    light = rng.normal(size=(40, 50, request.param)) * 10.0 ** rng.uniform(-4, 6, (40, 50, 1))
    light[7, 9] = -0.0
    return light.astype(np.float32)


def test_pictures_are_sampled_alike(others, picture):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-6, 56, (33, 44)), rng.uniform(-6, 46, (33, 44))
    x[:8], y[:8] = np.round(x[:8]), np.round(y[:8])
    made = CPU.sample(picture, x, y)
    for ops in others.values():
        again = ops.fetch(ops.sample(picture, x, y))
        assert apart(made, again) < ROUNDING and np.array_equal(made[:8], again[:8])
        there = ops.fetch(ops.sample(ops.put(picture), ops.put(x, torch.float64), ops.put(y, torch.float64)))
        assert np.array_equal(there, again), "positions on the host and on the device give the same"


def offsets(height: int, width: int) -> np.ndarray:
    """Offsets (h, w, 2): none in five rows, whole pixels in the next five, then some that leave the picture."""
    offset = (np.random.default_rng(1).normal(size=(height, width, 2)) * 8).astype(np.float32)
    offset[:5], offset[5:10] = 0, np.round(offset[5:10])
    return offset


def test_pictures_are_warped_alike_and_pixels_that_do_not_move_keep_every_bit(others, picture):
    offset = offsets(30, 40)
    shading = np.random.default_rng(2).uniform(0.5, 1.5, (30, 40)).astype(np.float32)
    shading[:10] = 1
    factor = None if picture.shape[2] < 3 else shading
    made = CPU.warp(picture, offset, 4, 5, factor)
    assert (np.signbit(made) & (made == 0)).any()
    for ops in others.values():
        again = ops.fetch(ops.warp(ops.put(picture), ops.put(offset), 4, 5, factor))
        assert apart(made, again) < ROUNDING
        assert np.array_equal(made[:10].view(np.uint32), again[:10].view(np.uint32))
        around = np.full((50, 60, picture.shape[2]), 3, np.float32)
        ops.warp(picture, offset, 4, 5, factor, around[10:40, 7:47])
        assert np.array_equal(around[10:40, 7:47], again) and (around[:10] == 3).all() and (around[:, 47:] == 3).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4)])
def test_windows_and_pictures_may_be_tiny(others, size):
    picture = np.random.default_rng(0).normal(size=(*size, 4)).astype(np.float32)
    offset = offsets(*size) / 8 + np.float32(0.3)
    made = CPU.warp(picture, offset, -1, 0)
    for ops in others.values():
        assert apart(made, ops.fetch(ops.warp(picture, offset, -1, 0))) < ROUNDING
        assert apart(CPU.blur(picture, 3.0), ops.fetch(ops.blur(picture, 3.0))) < 1e-5


def test_highlights_do_not_ring(others):
    picture = np.full((12, 12, 3), 0.01, np.float32)
    picture[6, 6], picture[2, 2] = 1e30, -3
    y, x = np.mgrid[:12, :12].astype(float)
    for ops in others.values():
        for shift in (0.2, 0.5, 0.9):
            sampled = ops.fetch(ops.sample(picture, x + shift, y))
            assert sampled[5:8].min() >= np.float32(0.01) and sampled.min() >= -3 and sampled.max() <= 1e30


def test_vectors_are_sampled_alike(others):
    rng = np.random.default_rng(3)
    vectors, x, y = offsets(40, 50), rng.uniform(-6, 56, (20, 30)), rng.uniform(-6, 46, (20, 30))
    x, y = x.astype(np.float32), y.astype(np.float32)
    made = CPU.remap(vectors, x, y)
    for ops in others.values():
        assert apart(made, ops.fetch(ops.remap(ops.put(vectors), x, y))) < ROUNDING


@pytest.mark.parametrize("sigma", [0.4, 1.3, 6.0, 25.0])
def test_pictures_are_blurred_alike(others, sigma):
    rng = np.random.default_rng(4)
    for picture in (rng.normal(size=(40, 50)), rng.normal(size=(40, 50, 3))):
        made = CPU.blur(picture.astype(np.float32), sigma)
        assert np.array_equal(made, cv2.GaussianBlur(picture.astype(np.float32), (0, 0), sigma))
        for ops in others.values():
            assert apart(made, ops.fetch(ops.blur(picture, sigma))) < 1e-5


def test_the_upper_edge_is_kept_alike(others):
    rng = np.random.default_rng(5)
    rows, offset = rng.uniform(5, 30, 60), offsets(30, 40) * np.float32(0.7)
    offset[0, 3:] -= 4
    made, stretch = offset.copy(), rng.uniform(0.5, 2, (30, 40)).astype(np.float32)
    thin = stretch.copy()
    CPU.keep_edge(made, thin, 9, rows)
    assert 0.1 < (thin != stretch).mean() < 0.9
    for ops in others.values():
        its, thinner = ops.put(offset.copy()), ops.put(stretch.copy())
        ops.keep_edge(its, thinner, 9, rows)
        assert apart(made, ops.fetch(its)) < 1e-5 and apart(thin, ops.fetch(thinner)) < 1e-5


def test_curves_are_evaluated_alike(others):
    rng = np.random.default_rng(6)
    knots, powers = np.array([-1, -0.3, 0.2, 0.9, 1]), rng.normal(size=(4, 4))
    places = np.concatenate([knots, rng.uniform(-1.3, 1.3, 59)]).reshape(8, 8)
    read = CPU.read_curve(knots, powers, places)
    for name, ops in others.items():
        assert np.abs(read - ops.fetch(ops.read_curve(knots, powers, places))).max() < (
            1e-5 if name == "float32" else 1e-12
        )


def test_bits_are_the_same_each_time_and_in_any_batches(others):
    whole, batches = others["whole"], others["batches"]
    points, layers = mesh(9, False)
    rng = np.random.default_rng(7)
    picture, offset = rng.normal(size=(200, 150, 3)).astype(np.float32), offsets(200, 150)
    x, y = rng.uniform(-5, 155, (90, 90)), rng.uniform(-5, 205, (90, 90))
    first = [*drawn(whole, points, layers), whole.fetch(whole.warp(picture, offset, 0, 0)),
             whole.fetch(whole.sample(picture, x, y))]  # fmt: skip
    for ops in (whole, batches):
        again = [*drawn(ops, points, layers), ops.fetch(ops.warp(picture, offset, 0, 0)),
                 ops.fetch(ops.sample(picture, x, y))]  # fmt: skip
        assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_an_array_fetched_as_own_shares_no_memory(others):
    for ops in (CPU, OnTorch("cpu"), *others.values()):
        there = ops.put(np.ones((2, 2), np.float32))
        ops.fetch(there, own=True)[:] = 5
        assert (ops.fetch(there) == 1).all()


def test_operations_are_chosen_by_the_device():
    assert ops_for("cpu") is CPU and isinstance(ops_for("meta"), OnTorch)
