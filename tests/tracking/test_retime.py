"""A performance sampled at any positions."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.tracking.performance import State
from ofx_reenact.tracking.rest import find_rest
from ofx_reenact.tracking.retime import RetimedPerformance, retime

SHAPED = ("frontal", "rotation", "scale", "translation", "confidence", "state")


@pytest.fixture(scope="module")
def p(performance):
    """The demo driver with a cut before frame 41, and frames that are held and bridged."""
    cut, state, confidence = np.zeros(75, bool), performance.state.copy(), performance.confidence.copy()
    cut[40], state[10], state[11], confidence[10:12] = True, State.BRIDGED, State.HELD, (0.0, 0.25)
    return dataclasses.replace(performance, cut=cut, state=state, confidence=confidence)


def at(performance, *positions) -> RetimedPerformance:
    return retime(performance, np.array(positions))


def test_whole_positions_are_the_rows_bit_for_bit(p):
    acted = at(p, *p.frames.tolist())
    for name in SHAPED:
        assert np.array_equal(getattr(acted, name), getattr(p, name)), name
    assert np.array_equal(find_rest(p).frontal[acted.row], find_rest(p).frontal)
    assert acted.inside.all() and np.array_equal(acted.position, p.frames)
    assert acted.frontal.dtype == find_rest(p).frontal.dtype == acted.scale.dtype == np.float64
    assert acted.state.dtype == np.uint8 and acted.confidence.dtype == np.float32
    # Positions with rounding errors: 1 + 10 · 0.1 and the like.
    rounded = 1 + np.cumsum(np.full(700, 0.1))[9::10]
    assert not np.array_equal(rounded, np.rint(rounded))
    assert np.array_equal(at(p, *rounded).rotation, p.rotation[1:71])


def test_between_two_frames(p):
    acted = at(p, 3.25)
    one, other = (p.frontal[row].astype(np.float64) for row in (2, 3))
    assert np.allclose(acted.frontal[0], 0.75 * one + 0.25 * other, atol=1e-12)
    assert np.allclose(acted.translation[0], 0.75 * p.translation[2] + 0.25 * p.translation[3], atol=1e-12)
    assert acted.scale[0] == pytest.approx(p.scale[2] ** 0.75 * p.scale[3] ** 0.25)
    turned = Rotation.from_matrix(p.rotation[2]).inv() * Rotation.from_matrix(acted.rotation[0])
    whole = Rotation.from_matrix(p.rotation[2]).inv() * Rotation.from_matrix(p.rotation[3])
    assert np.allclose(turned.as_rotvec(), 0.25 * whole.as_rotvec(), atol=1e-9)
    assert acted.inside[0] and acted.position[0] == 3.25


def test_state_and_confidence_between_frames_are_the_worse_ones(p):
    acted = at(p, 10.5, 11.5, 12.5, 13.5)
    assert acted.state.tolist() == [State.BRIDGED, State.HELD, State.HELD, State.TRACKED]
    assert acted.confidence[:3].tolist() == [0.0, 0.0, 0.25]


def test_positions_between_two_shots_take_the_nearer_frame(p):
    near, far, after = 40.25, 40.75, 41.0
    acted = at(p, near, 40.5, far, after)
    for name in SHAPED:
        values = getattr(acted, name)
        assert np.array_equal(values[0], getattr(p, name)[39]), name
        assert all(np.array_equal(values[i], getattr(p, name)[40]) for i in (1, 2, 3)), name
    rest = find_rest(p)
    found = rest.frontal[acted.row]
    assert np.array_equal(found[0], rest.frontal[39]) and np.array_equal(found[2], rest.frontal[40])
    assert not np.array_equal(found[0], found[2])


def test_the_ends_are_held_beyond_them(p):
    acted = at(p, -20, 0.5, 1, 75, 75.01, 1e9)
    assert acted.inside.tolist() == [False, False, True, True, False, False]
    assert acted.state.tolist() == [State.HELD, State.HELD, 0, 0, State.HELD, State.HELD]
    for i, row in enumerate((0, 0, 0, 74, 74, 74)):
        assert np.array_equal(acted.frontal[i], p.frontal[row]) and np.array_equal(acted.rotation[i], p.rotation[row])
    assert acted.position[4] == 75.01
    assert at(p).frontal.shape == (0, 478, 3)
