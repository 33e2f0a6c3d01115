"""The edge of a written matte: how far it is eroded, dilated and feathered, and that nothing else changes."""

import numpy as np
import pytest

from ofx_reenact.compose.matte_edge import shape_matte

SIDE = 161


def disc(radius: float, soft: float = 1.0) -> np.ndarray:
    """A disc whose edge fades over some pixels around its radius."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    return np.clip((radius - np.hypot(x, y)) / soft + 0.5, 0, 1).astype(np.float32)


def radius_of(matte: np.ndarray) -> float:
    return float(np.sqrt(matte.sum() / np.pi))


@pytest.mark.parametrize("soft", [1.0, 12.0])
@pytest.mark.parametrize("erode", [0.5, 1.0, 2.25, 7.5, 20.0])
def test_a_disc_shrinks_and_grows_by_the_radius(erode, soft):
    for sign in (1, -1):
        shaped = shape_matte(disc(50, soft), sign * erode, 0)
        assert shaped.dtype == np.float32 and shaped.min() >= 0 and shaped.max() <= 1
        # Measured by its area, the edge moves by the radius, all the way round.
        assert radius_of(shaped) == pytest.approx(50 - sign * erode, abs=0.15 + 0.02 * erode)
        expected = disc(50 - sign * erode, soft)
        assert np.abs(shaped - expected).max() < 0.5 * (1 + 0.04 * erode) / soft + 0.02


def test_straight_edges_move_by_fractions_of_a_pixel():
    edge = np.zeros((20, 60), np.float32)
    edge[:, :30] = 1
    for erode in (0.25, 3.5, -0.75, -4.25):
        assert np.allclose(shape_matte(edge, erode, 0).sum(1), 30 - erode, atol=1e-4)
    # A matte has no edge where it leaves the picture.
    assert shape_matte(edge, 5, 0)[:, 0].min() == 1 and np.ptp(shape_matte(edge, 5, 3), axis=0).max() < 1e-6


def test_a_feather_is_as_wide_inside_as_outside():
    edge = np.zeros((20, 120), np.float32)
    edge[:, :60] = 1
    row = shape_matte(edge, 0, 10)[10]
    assert np.all(np.diff(row) <= 0) and row[59] + row[60] == pytest.approx(1, abs=1e-5)
    assert row[50] == pytest.approx(0.97, abs=0.01) and row[69] == pytest.approx(0.03, abs=0.01)
    assert row[30] == 1 and row[90] == 0


def test_without_options_the_matte_is_the_same_and_an_empty_one_stays_empty():
    matte = disc(30, 8)
    assert shape_matte(matte, 0, 0) is matte
    nothing = np.zeros((9, 9), np.float32)
    assert not shape_matte(nothing, -3, 4).any() and not shape_matte(disc(10), 12, 3).any()


def test_large_and_small_steps_agree():
    rng = np.random.default_rng(5)
    matte = (disc(40, 6) * rng.uniform(0.6, 1, (SIDE, SIDE))).astype(np.float32)
    before = matte.copy()
    eroded = shape_matte(matte, 3, 0)
    assert np.array_equal(matte, before)
    # The minimum over all pixels within 3, and over points on the circle between pixels.
    near = [(y, x) for y in range(-3, 4) for x in range(-3, 4) if x * x + y * y <= 9]
    brute = np.min([np.roll(matte, one, (0, 1)) for one in near], 0)
    assert np.all(eroded <= brute) and np.mean(brute - eroded) < 0.02
