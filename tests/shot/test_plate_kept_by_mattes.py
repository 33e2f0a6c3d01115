"""A frame in which mattes keep the plate: colour and maps are mixed as documented, bit for bit."""

import numpy as np
import pytest

from ofx_reenact.shot.frame import Frame


@pytest.mark.parametrize("channels", [3, 4])
def test_the_plate_stays_where_it_is_kept(channels):
    rng = np.random.default_rng(1)
    made, plate = (rng.normal(size=(30, 50, channels)).astype(np.float32) for _ in range(2))
    kept = np.clip(rng.normal(size=(30, 50)), 0, 1).astype(np.float32)
    # NaN must not leak through a matte of 0 or 1.
    made[kept >= 1], plate[kept <= 0] = np.nan, np.nan
    before = made.copy()
    frame = Frame(made, 1.0).keep_plate(plate, kept)
    mixed = before + (plate - before) * kept[..., None]
    assert frame.colour.dtype == np.float32 and np.array_equal(made, before, equal_nan=True)
    assert np.array_equal(frame.colour[kept >= 1], plate[kept >= 1])
    assert np.array_equal(frame.colour[kept <= 0], before[kept <= 0])
    between = (kept > 0) & (kept < 1)
    assert between.any() and np.array_equal(frame.colour[between], mixed[between])


def test_where_the_plate_is_kept_maps_are_the_plates():
    frame = Frame(np.zeros((20, 30, 3), np.float32), 1.0, portrait=np.ones((20, 30), np.float32))
    kept = np.zeros((20, 30), np.float32)
    kept[5:9, 7:11] = 1
    held = frame.keep_plate(np.ones((20, 30, 3), np.float32), kept)
    y, x = np.mgrid[:20, :30]
    assert held.stmap.dtype == np.float32 and np.array_equal(held.stmap, np.dstack([x, y]))
    assert np.array_equal(held.matte, 1 - kept) and np.array_equal(held.colour[..., 0], kept)


def test_a_black_frame_shows_the_plate_where_it_is_kept():
    kept = np.zeros((20, 30), np.float32)
    kept[5:9, 7:11] = 1
    black = Frame(np.zeros((20, 30, 4), np.float32), 0.0, black=True)
    plate = np.random.default_rng(3).normal(size=(20, 30, 4)).astype(np.float32)
    held = black.keep_plate(plate, kept)
    own = np.dstack(np.meshgrid(np.arange(30), np.arange(20)))
    assert np.array_equal(held.colour, plate * kept[..., None]) and np.array_equal(held.stmap, own * kept[..., None])
    assert np.array_equal(held.shading, kept) and np.array_equal(held.confidence, kept)
    assert not held.matte.any() and not held.parts.any() and not held.unchanged
    for name in ("stmap", "matte", "shading", "parts", "confidence"):
        assert not getattr(black, name).any(), name


def test_a_map_is_mixed_with_each_pixels_own_position(monkeypatch):
    moved = np.random.default_rng(2).normal(size=(20, 30, 2)).astype(np.float32)
    monkeypatch.setattr(Frame, "_stmap", lambda frame: moved)
    kept = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)
    held = Frame(np.zeros((20, 30, 3), np.float32), 1.0, plate_matte=kept)
    own = np.dstack(np.meshgrid(np.arange(30), np.arange(20))).astype(np.float32)
    expected = np.where(kept[..., None] < 1, moved + (own - moved) * kept[..., None], own)
    assert np.array_equal(held.stmap, expected)
