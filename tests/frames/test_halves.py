"""Conversion to half equals numpy's bit for bit, for all kinds of values and memory layouts."""

import numpy as np
import pytest

from ofx_reenact.frames.halves import interleave_halves


def rounded(values):
    with np.errstate(over="ignore"):
        return values.astype(np.float16).view(np.uint16)


@pytest.fixture(scope="module")
def odd():
    """Return (H, W) float32: every half, the midpoints between halfs and their neighbours, and all kinds of NaN."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    bits = halves[np.isfinite(halves)].astype(np.float32).view(np.uint32)
    # Between normal halfs lie 2 ** 13 floats; below these, the distance is that to a neighbour in numbers.
    steps = [bits + np.uint32(step) for step in (0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF)]
    tiny = (np.arange(-4000, 4000, dtype=np.float32) / 4) * np.float32(2.0**-24)
    around = [np.nextafter(tiny, np.float32(way)) for way in (-1, 1)]
    special = np.array([0x7F800000, 0xFF800000, 0x7F800001, 0x7FC00000, 0xFFC01234, 0x7F802000, 0x7FFFFFFF], np.uint32)
    large = np.array([65504, 65519.996, 65520, 1e6, 3.4e38, -65520, 1e-45, -1e-45, 0.0, -0.0], np.float32)
    values = np.concatenate([*(one.view(np.float32) for one in steps), tiny, *around, special.view(np.float32), large])
    return np.resize(values, (len(values) // 300 + 1, 300))


def test_every_kind_of_float_is_rounded_as_by_numpy(odd):
    assert np.array_equal(interleave_halves([odd])[..., 0].view(np.uint16), rounded(odd))


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_planes_may_have_any_memory_layout(odd, count):
    planes = [np.roll(odd, number) for number in range(count)]
    picture = np.stack(planes, -1)
    expected = rounded(picture)
    for given in (planes, [picture[..., c] for c in range(count)], [np.asfortranarray(plane) for plane in planes]):
        made = interleave_halves(given)
        assert made.flags.c_contiguous and made.dtype == np.float16
        assert np.array_equal(made.view(np.uint16), expected)


def test_halfs_among_the_planes_stay_unchanged(odd):
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(256, 256)
    made = interleave_halves([every, odd[:256, :256]])
    assert np.array_equal(made[..., 0].view(np.uint16), every.view(np.uint16))


@pytest.mark.parametrize("shape", [(1, 1), (1, 200_000), (70_000, 1), (3, 40_000)])
def test_pictures_may_have_any_size(shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    assert np.array_equal(interleave_halves([values, -values])[..., 1].view(np.uint16), rounded(-values))
