"""The gaze by hand and the gaze of a performance."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import make_shot

from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.shot.asked import ask
from ofx_reenact.shot.gaze import EYEBALL, SCHEMA, gaze_by_hand, parse_gaze, read_gaze
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT
from ofx_reenact.tracking.performance import State
from ofx_reenact.tracking.rest import find_rest
from ofx_reenact.warp.gaze import SEEN, follow_gaze

LOCKED = {"reference": 20, "motion": "locked", "strength": 0.0}


def curve(folder: Path, frames: object, schema: str = SCHEMA) -> str:
    path = folder / "gaze.json"
    path.write_text(json.dumps({"schema": schema, "frames": frames}))
    return str(path)


def test_a_curve_is_linear_between_its_frames_and_held_at_its_ends(tmp_path):
    path = curve(tmp_path, {"20": [10, -20], "10": [0, 0]})
    made = gaze_by_hand(Settings(gaze_file=path, gaze="5,0"), [1, 10, 15, 20, 99])
    degrees = np.array([[5, 0], [5, 0], [10, -10], [15, -20], [15, -20]])
    assert made.shape == (5, 2, 2)
    assert np.allclose(made[:, 0], EYEBALL * np.sin(np.radians(degrees)) * (1, -1)) and np.array_equal(
        made[:, 0], made[:, 1]
    )


def test_no_gaze_by_hand_is_none(tmp_path):
    assert gaze_by_hand(Settings(), [1, 2]) is None
    assert gaze_by_hand(Settings(gaze="0,0", gaze_file=curve(tmp_path, {"1": [0, 0]})), [1, 2]) is None


@pytest.mark.parametrize("text", ["10", "1,2,3", "a,b", "nan,0", "70,0", "inf,0", ","])
def test_a_gaze_that_is_no_direction_is_refused(text):
    with pytest.raises(SettingsError, match=r"--gaze .*degrees"):
        parse_gaze(text)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ({"7": [1]}, "frame 7: give degrees"), ({"7": [1, True]}, "frame 7"), ({"7": [1, 90]}, "frame 7"),
        ({"x": [1, 2]}, "frame 'x' is no whole number"), ({}, "give \"frames\""), ([1], "give \"frames\""),
        ({"7": "1,2"}, "frame 7"),
    ],
)  # fmt: skip
def test_a_curve_that_is_none_names_file_and_frame(tmp_path, frames, said):
    path = curve(tmp_path, frames)
    with pytest.raises(SettingsError) as refused:
        read_gaze(Path(path))
    assert path in str(refused.value) and said in str(refused.value) and "\n" not in str(refused.value)


def test_gaze_by_hand_turns_the_eyes_and_nothing_else(target, identity, performance, weights):
    still = make_shot(identity, target, performance, weights, Settings(**LOCKED))
    assert np.array_equal(still.render(36).colour, target.pixels)
    made = make_shot(identity, target, performance, weights, Settings(**LOCKED, gaze="15,0")).render(36)
    changed = (made.colour != target.pixels).any(-1)
    mesh = identity.face.mesh[:, :2]
    y, x = np.nonzero(changed)
    for contour, iris in ((EYE_RIGHT, IRIS_RIGHT), (EYE_LEFT, IRIS_LEFT)):
        eye = mesh[[*contour[0], *contour[1]]]
        width = np.linalg.norm(eye[0] - eye[8])
        column, row = np.rint(mesh[iris[0]] + (EYEBALL * np.sin(np.radians(15)) * width, 0)).astype(int)
        came = made.stmap[row, column] - (column, row)
        assert came[0] == pytest.approx(-EYEBALL * np.sin(np.radians(15)) * width, abs=1), "the iris moves as asked"
        near = (x > eye[:, 0].min() - 5) & (x < eye[:, 0].max() + 5)
        near &= (y > eye[:, 1].min() - 5) & (y < eye[:, 1].max() + 5)
        assert near.sum() > 50
        x, y = x[~near], y[~near]
    assert not len(x), "beside the eyes it is the picture, bit for bit"
    assert made.matte.max() == 1 and not made.still


def test_gaze_by_hand_of_zero_changes_nothing(target, identity, performance, weights):
    one, other = (
        make_shot(identity, target, performance, weights, Settings(reference=20, gaze=gaze)).render(36).colour
        for gaze in ("", "0,0")
    )
    assert np.array_equal(one, other)


def test_the_gaze_goes_on_through_a_blink_and_is_what_was_seen_of_it(face):
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


def test_gaze_by_hand_turns_the_eyes_of_a_plate_where_its_face_is_shown(identity, performance, weights):
    rest, lost = find_rest(performance, None), performance.state.copy()
    lost[:10] = State.HELD
    own = dataclasses.replace(performance, state=lost)
    motion = ask(identity.person, own, rest, performance, rest, Settings(gaze="10,-5"), weights)
    first = min(motion.rows)
    assert not motion.look[:10].any() and np.allclose(motion.gaze, 0)
    wanted = EYEBALL * np.sin(np.radians([10, 5]))
    assert np.allclose(motion.look[30:], wanted) and len(motion.look) == len(motion.rows) > first
    without = ask(identity.person, own, rest, performance, rest, Settings(), weights)
    assert without.look is None and np.array_equal(without.expression, motion.expression)
