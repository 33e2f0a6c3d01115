"""Sampling a picture, and pixels that must not change."""

import numpy as np

from ofx_reenact.compose.composite import compose
from ofx_reenact.ops.sample import sample
from ofx_reenact.warp.stmap import STMap


def test_sampling_on_pixels_is_exact_and_outside_is_the_edge():
    picture = np.random.default_rng(0).normal(scale=100, size=(20, 30, 4)).astype(np.float32)
    y, x = np.mgrid[:20, :30].astype(float)
    assert np.array_equal(sample(picture, x, y), picture)
    assert np.array_equal(sample(picture, x - 50, y * 0)[:, 0], np.repeat(picture[:1, 0], 20, axis=0))


def test_sampling_follows_smooth_pictures():
    y, x = np.mgrid[:40, :40].astype(float)
    picture = np.stack([x * 0.3 - y, np.sin(x / 5) * 50, x * 0], -1).astype(np.float32)
    sampled = sample(picture, x[5:-5, 5:-5] + 0.37, y[5:-5, 5:-5] - 0.21)
    at = x[5:-5, 5:-5] + 0.37
    assert np.allclose(sampled[..., 0], at * 0.3 - (y[5:-5, 5:-5] - 0.21), atol=1e-4)
    assert np.allclose(sampled[..., 1], np.sin(at / 5) * 50, atol=0.3)


def test_highlights_do_not_ring_and_keep_their_range():
    picture = np.full((12, 12, 3), 0.01, np.float32)
    picture[6, 6] = 5000
    picture[2, 2] = -3
    y, x = np.mgrid[:12, :12].astype(float)
    for shift in (0.2, 0.5, 0.9):
        sampled = sample(picture, x + shift, y)
        assert sampled[5:8].min() >= np.float32(0.01) and sampled.min() >= -3
        assert 2500 <= sampled.max() <= 5000


def test_sampling_does_not_depend_on_threads(monkeypatch):
    import ofx_reenact.threads as module

    picture = np.random.default_rng(0).normal(size=(200, 100, 3)).astype(np.float32)
    y, x = np.mgrid[:200, :100] + 0.3
    results = []
    for workers in (1, 2, 7):
        monkeypatch.setattr(module, "cores", lambda workers=workers: workers)
        results.append(sample(picture, x, y))
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_compose_leaves_unmoved_pixels_alone():
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(30, 40, 4)).astype(np.float32)
    picture[12, 12] = -0.0
    offset = np.zeros((20, 20, 2), np.float32)
    offset[5:10, 5:10] = 0.5
    stmap = STMap(10, 5, offset, np.ones((20, 20), np.float32), np.ones((20, 20), np.float32))
    composed = compose(picture, stmap, [], np.zeros(4, np.float32))
    kept = ~offset.any(-1)
    assert np.array_equal(composed.colour[kept].view(np.uint32), picture[5:25, 10:30][kept].view(np.uint32))
    assert (composed.colour[~kept] != picture[5:25, 10:30][~kept]).any()
