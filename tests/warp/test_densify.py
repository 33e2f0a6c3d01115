"""The target's motion from landmarks and the driver's mesh: weights, expression, head poses."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify


def test_weights_of_one_are_exactly_one():
    names = ("jaw", "mouth", "eye_right", "eye_left", "brow_right", "brow_left", "nose")
    assert (densify.spread_region_weights(dict.fromkeys(names, 1.0)) == 1).all()
    spread = densify.spread_region_weights(dict.fromkeys(names, 1.0) | {"mouth": 0.0})
    assert spread[list(MESH68[48:])].max() < 0.01
    assert spread[list(MESH68[17:27] + MESH68[36:48])].min() > 0.99
    assert spread.min() >= 0 and spread.max() <= 1


def test_expression_meets_the_landmarks(performance):
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=(len(performance.frames), 68, 2))
    moved = densify.transfer_expression(performance.frontal, performance.frontal[3], wanted)
    assert np.allclose(moved[:, list(MESH68), :2], wanted, atol=1e-5)


def test_cheeks_move_with_the_mouths_gain(performance):
    rest, cheeks, mouth = performance.frontal[3], list(densify.CHEEKS), list(MESH68[48:])
    driven = (performance.frontal - rest)[:, :FACE_POINTS]
    wanted = driven[:, list(MESH68), :2] * np.where(np.arange(68) < 48, 0.1, 0.7)[:, None]
    moved = densify.transfer_expression(performance.frontal, rest, wanted)
    assert np.allclose(moved[:, mouth, :2], 0.7 * driven[:, mouth, :2], atol=1e-5)
    assert np.allclose(moved[:, cheeks, :2], 0.7 * driven[:, cheeks, :2], atol=0.02), "whatever nose and jaw do"


def test_gain_is_a_slope_and_one_without_motion():
    driver = np.random.default_rng(0).normal(size=(20, 5, 2))
    assert densify.measure_gain(0.6 * driver, driver) == pytest.approx(0.6, abs=1e-3)
    assert densify.measure_gain(np.zeros_like(driver), np.zeros_like(driver)) == 1
    assert densify.measure_gain(-driver, driver) == 0 and densify.measure_gain(9 * driver, driver) == 2


def heads(count=4) -> densify.Heads:
    turns = Rotation.from_euler("y", [[0], [10], [20], [-15]], degrees=True).as_matrix()
    return densify.Heads(turns, np.array([2.0, 2.1, 2.2, 1.9]), np.arange(12.0).reshape(4, 3))


def test_head_motions(face):
    target = face.head
    relative = densify.head_poses(target, heads(), 0, "relative", np.ones(4), np.ones(4))
    assert np.allclose(relative.rotation[0], target.rotation)
    turn = relative.rotation[2] @ target.rotation.T
    assert np.degrees(Rotation.from_matrix(turn).magnitude()) == pytest.approx(20)
    assert relative.scale[2] / relative.scale[0] == pytest.approx(1.1)
    absolute = densify.head_poses(target, heads(), 0, "absolute", np.ones(4), np.ones(4))
    assert np.allclose(absolute.rotation, heads().rotation)
    locked = densify.head_poses(target, heads(), 0, "locked", np.ones(4), np.ones(4))
    assert (locked.rotation == target.rotation).all() and (locked.translation == target.translation).all()
    half = densify.head_poses(target, heads(), 0, "relative", np.full(4, 0.5), np.zeros(4))
    turn = half.rotation[2] @ target.rotation.T
    assert np.degrees(Rotation.from_matrix(turn).magnitude()) == pytest.approx(10)
    assert np.allclose(half.scale, target.scale) and np.allclose(half.translation, target.translation)


def test_the_shift_of_the_head_is_limited():
    far = densify.limit_shift(np.array([[100.0, 0, 0], [0.5, 0, 0]]))
    assert np.linalg.norm(far[0]) <= densify.MAX_SHIFT
    assert far[1, 0] == pytest.approx(0.5, rel=0.01)


def test_plane_map_maps_the_result_to_the_target(face):
    turn = Rotation.from_euler("xyz", [5, 12, -8], degrees=True).as_matrix()
    moved = Similarity(turn @ face.head.rotation, face.head.scale * 1.1, face.head.translation + 9)
    points = np.array([[1.0, 4.0, -3.0], [-2.0, 3.0, -3.0]])
    affine = densify.plane_map(moved, face.head, -3.0, np.zeros(3))
    result = np.column_stack([moved.apply(points)[:, :2], np.ones(2)])
    assert np.allclose(result @ affine.T, face.head.apply(points)[:, :2])
