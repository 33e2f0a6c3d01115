"""What pictures lose is given back: by region and direction, and nothing where nothing moves."""

import numpy as np
import pytest

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_RIGHT, LIPS_OUTER, MESH68
from ofx_reenact.warp.emphasis import emphasise

FACE = canonical().points
RIGHT, LEFT = LIPS_OUTER[0][0], LIPS_OUTER[0][-1]


def pushed(points, axis: int, way: float = 0.5) -> np.ndarray:
    moved = np.zeros((1, 468, 3))
    moved[:, list(points), axis] = way
    return moved


@pytest.mark.parametrize("moving", [False, True])
def test_nothing_asked_gives_nothing(moving):
    assert not emphasise(np.zeros((3, 468, 3)), FACE, moving=moving).any()


def test_brows_of_a_still_rise_further_than_they_were_read():
    brows = MESH68[17:27]
    moved = emphasise(pushed(brows, 1, -0.4), FACE, moving=False)[0, list(brows), 1]
    assert (moved < -0.4 * 1.5).all()
    assert (moved > -0.4 * 2.25).all(), "but not out of the face"


def test_parts_of_a_plate_lose_nothing_but_the_width_of_the_mouth():
    lids = [point for half in EYE_RIGHT for point in half[1:-1]]
    assert emphasise(pushed(lids, 1), FACE, moving=True)[0, lids, 1] == pytest.approx(0.5, abs=0.01)
    wide = pushed([LEFT], 0, 0.5)
    for way in (wide, -wide):
        assert 0.6 < abs(emphasise(way, FACE, moving=True)[0, LEFT, 0]) < 0.65


def test_lips_drawn_together_are_drawn_further_than_lips_drawn_apart():
    def width(way: float) -> float:
        moved = emphasise(pushed([LEFT], 0, way) + pushed([RIGHT], 0, -way), FACE, moving=False)[0]
        return float(moved[LEFT, 0] - moved[RIGHT, 0])

    assert -width(-0.3) > 1.3 * width(0.3) > 0.6


def test_twice_the_motion_is_emphasised_twice_as_much():
    moved = np.random.default_rng(1).normal(size=(4, 468, 3)) * 0.1
    once, twice = (emphasise(moved * share, FACE, moving=False) for share in (1, 2))
    assert np.allclose(once * 2, twice)
