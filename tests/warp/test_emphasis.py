"""Motion is amplified by region and direction, and no motion remains none."""

import numpy as np
import pytest

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_RIGHT, LIPS_OUTER, MESH68
from ofx_reenact.warp.emphasis import emphasise

FACE = canonical().points
RIGHT, LEFT = LIPS_OUTER[0][0], LIPS_OUTER[0][-1]


def pushed(points, axis: int, distance: float = 0.5) -> np.ndarray:
    moved = np.zeros((1, 468, 3))
    moved[:, list(points), axis] = distance
    return moved


@pytest.mark.parametrize("moving", [False, True])
def test_no_motion_remains_none(moving):
    assert not emphasise(np.zeros((3, 468, 3)), FACE, moving=moving).any()


def test_brows_of_a_still_rise_further_than_tracked():
    brows = MESH68[17:27]
    moved = emphasise(pushed(brows, 1, -0.4), FACE, moving=False)[0, list(brows), 1]
    assert (moved < -0.4 * 1.5).all()
    assert (moved > -0.4 * 2.25).all(), "but within reason"


def test_only_the_width_of_the_mouth_is_amplified_on_a_plate():
    lids = [point for half in EYE_RIGHT for point in half[1:-1]]
    assert emphasise(pushed(lids, 1), FACE, moving=True)[0, lids, 1] == pytest.approx(0.5, abs=0.01)
    wide = pushed([LEFT], 0, 0.5)
    for distance in (wide, -wide):
        assert 0.6 < abs(emphasise(distance, FACE, moving=True)[0, LEFT, 0]) < 0.65


def test_narrowing_the_mouth_is_amplified_more_than_widening():
    def width(distance: float) -> float:
        moved = emphasise(pushed([LEFT], 0, distance) + pushed([RIGHT], 0, -distance), FACE, moving=False)[0]
        return float(moved[LEFT, 0] - moved[RIGHT, 0])

    assert -width(-0.3) > 1.3 * width(0.3) > 0.6


def test_amplification_is_linear():
    moved = np.random.default_rng(1).normal(size=(4, 468, 3)) * 0.1
    once, twice = (emphasise(moved * factor, FACE, moving=False) for factor in (1, 2))
    assert np.allclose(once * 2, twice)
