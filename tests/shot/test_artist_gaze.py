"""The artist's turn of the eyes, and the gaze of a performance."""

import dataclasses

import numpy as np
import pytest
from conftest import make_shot
from scipy.spatial.transform import Rotation

from ofx_reenact.settings import Settings
from ofx_reenact.shot.artist_gaze import EYEBALL_RADIUS, direct_gaze, hold_gaze
from ofx_reenact.shot.curves import animate
from ofx_reenact.shot.fit_moving_target import fit_moving_motion
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT
from ofx_reenact.tracking.performance import State
from ofx_reenact.tracking.rest import find_rest
from ofx_reenact.warp.gaze import SEEN, follow_gaze

LOCKED = {"reference": 20, "motion": "locked", "strength": 0.0}


def test_each_eye_turns_by_the_common_angle_and_its_own():
    animated = animate(Settings(gaze_x=10, gaze_y=-5, gaze_left_x=20, gaze_right_y=45), [1, 2])
    degrees = np.array([[10, 40], [30, -5]])
    made = direct_gaze(animated, np.eye(3)[None], np.eye(3))
    assert made.shape == (2, 2, 2) and np.allclose(made, EYEBALL_RADIUS * np.sin(np.radians(degrees)) * (1, -1))
    assert direct_gaze(animate(Settings(), [1, 2]), np.eye(3)[None], np.eye(3)) is None


def test_a_locked_gaze_undoes_the_heads_turn():
    turn = Rotation.from_rotvec([[0, 0, 0], [0, 20, 0], [0, -20, 0]], degrees=True).as_matrix()
    rest = Rotation.from_euler("y", 10, degrees=True).as_matrix()
    made = direct_gaze(animate(Settings(gaze="lock"), [1, 2, 3]), turn @ rest, rest)
    # When the nose turns to the picture's left, the eyes turn to its right.
    nose = (turn @ rest @ [0, 0, -1])[:, 0] - (rest @ [0, 0, -1])[0]
    assert np.allclose(made[0], 0) and (np.sign(made[1:, :, 0]) == -np.sign(nose[1:, None])).all()
    assert np.allclose(np.abs(made[1:, :, 0]), EYEBALL_RADIUS * np.sin(np.radians(20))) and np.allclose(made[..., 1], 0)


def test_the_artists_gaze_turns_the_eyes_and_nothing_else(target, identity, performance, weights):
    still = make_shot(identity, target, performance, weights, Settings(**LOCKED))
    assert np.array_equal(still.render(36).colour, target.pixels)
    made = make_shot(identity, target, performance, weights, Settings(**LOCKED, gaze_x=15)).render(36)
    changed = (made.colour != target.pixels).any(-1)
    mesh = identity.face.mesh[:, :2]
    y, x = np.nonzero(changed)
    for contour, iris in ((EYE_RIGHT, IRIS_RIGHT), (EYE_LEFT, IRIS_LEFT)):
        eye = mesh[[*contour[0], *contour[1]]]
        width = np.linalg.norm(eye[0] - eye[8])
        column, row = np.rint(mesh[iris[0]] + (EYEBALL_RADIUS * np.sin(np.radians(15)) * width, 0)).astype(int)
        came = made.stmap[row, column] - (column, row)
        assert came[0] == pytest.approx(-EYEBALL_RADIUS * np.sin(np.radians(15)) * width, abs=1), "moves as asked"
        near = (x > eye[:, 0].min() - 5) & (x < eye[:, 0].max() + 5)
        near &= (y > eye[:, 1].min() - 5) & (y < eye[:, 1].max() + 5)
        assert near.sum() > 50
        x, y = x[~near], y[~near]
    assert not len(x), "outside the eyes it is the picture, bit for bit"
    assert made.matte.max() == 1 and not made.unchanged


def test_lids_follow_a_gaze_up_or_down_and_corners_stay(target, identity, performance, weights):
    down, still = (
        make_shot(identity, target, performance, weights, Settings(**LOCKED, **turned)).motion
        for turned in ({"gaze_y": -20}, {})
    )
    row = down.rows[36]
    way = (down.expression - still.expression)[row]
    shift = EYEBALL_RADIUS * np.sin(np.radians(20))
    for contour in (EYE_RIGHT, EYE_LEFT):
        width = np.linalg.norm(identity.face.frontal[contour[0][8], :2] - identity.face.frontal[contour[0][0], :2])
        upper, lower = (way[half[4], 1] / width / shift for half in contour)
        assert upper == pytest.approx(0.7, abs=0.01) and lower == pytest.approx(0.3, abs=0.01)
        assert np.allclose(way[[contour[0][0], contour[0][8]]], 0, atol=1e-6)
    assert np.abs(way[:, [0, 2]]).max() == 0


def test_a_kept_gaze_is_the_targets_own(target, identity, performance, weights):
    kept, followed = (
        make_shot(identity, target, performance, weights, Settings(reference=20, gaze=gaze)).motion
        for gaze in ("keep", "follow")
    )
    assert not kept.gaze.any() and np.abs(followed.gaze).max() > 0.02 and kept.artist_gaze is None
    assert np.array_equal(kept.expression, followed.expression), "lids blink as the driver's"


def test_the_gaze_is_held_through_a_blink_and_scaled_by_what_trackers_see(face):
    rest = face.frontal
    driver = np.repeat(rest[None], 5, axis=0).copy()
    for contour, iris in ((EYE_RIGHT, IRIS_RIGHT), (EYE_LEFT, IRIS_LEFT)):
        width = np.linalg.norm(rest[contour[0][0], :2] - rest[contour[0][-1], :2])
        driver[1:, list(iris), 0] += 0.1 * width
        upper, lower = list(contour[0][1:-1]), list(contour[1][1:-1])
        driver[2, upper, 1] = driver[2, lower, 1]
        driver[2, list(iris), :2] += 0.3 * width
    made = follow_gaze(driver, rest)
    assert np.allclose(made[0], 0)
    assert np.allclose(made[1:, :, 0], 0.1 / SEEN[0], atol=1e-6) and np.allclose(made[..., 1], 0, atol=1e-6)


def test_the_artists_gaze_turns_a_plates_eyes_where_its_face_is_tracked(identity, performance, weights):
    rest, lost = find_rest(performance, None), performance.state.copy()
    lost[:10] = State.HELD
    own = dataclasses.replace(performance, state=lost)
    motion = fit_moving_motion(identity.person, own, rest, performance, rest, Settings(gaze_x=10, gaze_y=-5), weights)
    first = min(motion.rows)
    assert not motion.artist_gaze[:10].any() and np.allclose(motion.gaze, 0)
    wanted = EYEBALL_RADIUS * np.sin(np.radians([10, 5]))
    assert np.allclose(motion.artist_gaze[30:], wanted) and len(motion.artist_gaze) == len(motion.rows) > first
    without = fit_moving_motion(identity.person, own, rest, performance, rest, Settings(), weights)
    assert without.artist_gaze is None and np.array_equal(without.expression[:10], motion.expression[:10])


def test_a_locked_gaze_undoes_the_plates_own(identity, performance, weights):
    rest = find_rest(performance, None)
    motion = fit_moving_motion(identity.person, performance, rest, performance, rest, Settings(gaze="lock"), weights)
    own = follow_gaze(performance.frontal.astype(np.float64), rest.frontal)
    at_rest = int(rest.frames[0]) - int(performance.frames[0])
    turned = hold_gaze(performance.rotation, performance.rotation[at_rest])
    assert np.allclose(motion.artist_gaze[30:40], (turned - own)[30:40]) and np.allclose(motion.gaze, 0)
