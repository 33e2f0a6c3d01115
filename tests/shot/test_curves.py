"""Curves: options over the frames of a result."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import make_shot

from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.shot.curves import ANIMATABLE, GAZE_SCHEMA, SCHEMA, animate, read_curves
from ofx_reenact.shot.fit_moving_target import fit_moving_motion
from ofx_reenact.tracking.landmarks import LIPS_INNER
from ofx_reenact.tracking.rest import find_rest
from ofx_reenact.tracking.surface import measure_gap


def curves(folder: Path, of: object, schema: str = SCHEMA, what: str = "curves") -> str:
    path = folder / "curves.json"
    path.write_text(json.dumps({"schema": schema, what: of}))
    return str(path)


def keys(interpolation: str = "linear", **frames: float) -> dict[str, object]:
    return {"interpolation": interpolation, "frames": {name.lstrip("f"): value for name, value in frames.items()}}


def test_options_that_can_have_curves():
    assert set(ANIMATABLE) == {
        "strength", "weight_pose", "weight_position", "weight_jaw", "weight_mouth", "weight_eye_right",
        "weight_eye_left", "weight_brow_right", "weight_brow_left", "gaze_x", "gaze_y", "gaze_right_x", "gaze_right_y",
        "gaze_left_x", "gaze_left_y", "neck", "shading",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("interpolation", "wanted"),
    [
        ("constant", [0, 0, 0, 1, 0.5, 0.5]),
        ("linear", [0, 0, 0.5, 1, 0.5, 0.5]),
        ("smooth", [0, 0, 0.71875, 1, 0.5, 0.5]),
    ],
)
def test_values_between_keys_and_beyond_them(tmp_path, interpolation, wanted):
    path = curves(tmp_path, {"weight_mouth": keys(interpolation, f20=1.0, f10=0.0, f30=0.5)})
    made = animate(Settings(curves=path, strength=0.5), [1, 10, 15, 20, 30, 99])
    assert np.allclose(made.of("weight_mouth"), wanted) and np.array_equal(made.of("strength"), np.full(6, 0.5))


def test_smooth_never_leaves_the_two_keys_it_is_between(tmp_path):
    path = curves(tmp_path, {"strength": keys("smooth", f1=0.0, f5=2.0, f6=2.0, f20=0.1)})
    made = animate(Settings(curves=path), range(1, 21)).of("strength")
    assert made.min() >= 0 and made.max() <= 2 and (np.diff(made[:5]) >= 0).all() and (np.diff(made[5:]) <= 0).all()


def test_a_value_depends_on_the_frame_alone(tmp_path):
    settings = Settings(curves=curves(tmp_path, {"neck": keys("smooth", f1=0.1, f7=0.9, f31=0.3)}))
    whole = animate(settings, range(1, 40)).of("neck")
    assert [animate(settings, [frame]).of("neck")[0] for frame in range(1, 40)] == whole.tolist()


def test_an_old_gaze_file_is_read_as_two_curves(tmp_path):
    path = curves(tmp_path, {"20": [10, -20], "10": [0, 0]}, GAZE_SCHEMA, "frames")
    made = animate(Settings.from_dict({"gaze_file": path, "gaze": "5,0"}), [1, 10, 15, 20, 99])
    assert np.allclose(made.of("gaze_x"), [0, 0, 5, 10, 10]) and np.allclose(made.of("gaze_y"), [0, 0, -10, -20, -20])


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ({}, 'give "curves"'), ([1], 'give "curves"'),
        ({"motion": keys(f1=1)}, "'motion' has no curve; options that have one: strength"),
        ({"strength": 1}, "strength: give keys"), ({"strength": {"frames": {}}}, "strength: give keys"),
        ({"strength": keys("fast", f1=1)}, "strength: interpolation fast: choose from constant, linear, smooth"),
        ({"strength": {**keys(f1=1), "ease": 1}}, "strength: 'ease' is not known"),
        ({"strength": keys(x=1)}, "strength: frame 'x' is no whole number"),
        ({"strength": keys(f7=3)}, "frame 7: --strength 3: give a number from 0 to 2"),
        ({"gaze_x": keys(f7=61)}, "frame 7: --gaze-x 61: give a number from -60 to 60"),
        ({"strength": keys(f7=True)}, "frame 7: --strength True: give a number"),
        ({"strength": {"frames": {"7": 1, "07": 0}}}, "strength: frame 7 has two keys"),
    ],
)  # fmt: skip
def test_an_invalid_curves_file_is_refused_by_option_and_frame(tmp_path, of, message):
    path = curves(tmp_path, of)
    with pytest.raises(SettingsError) as refused:
        read_curves(Path(path))
    assert path in str(refused.value) and message in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ({"7": [1]}, "frame 7: give degrees"), ({"7": [1, True]}, "frame 7"), ({"7": [1, 90]}, "frame 7"),
        ({"x": [1, 2]}, "frame 'x' is no whole number"), ({}, 'give "frames"'), ({"7": "1,2"}, "frame 7"),
    ],
)  # fmt: skip
def test_an_invalid_gaze_file_is_refused(tmp_path, frames, message):
    with pytest.raises(SettingsError, match="curves.json.*" + message):
        read_curves(Path(curves(tmp_path, frames, GAZE_SCHEMA, "frames")))


def test_another_schema_is_refused(tmp_path):
    with pytest.raises(SettingsError, match='expected a curves file with "schema": "ofx-reenact/curves/1"'):
        read_curves(Path(curves(tmp_path, {"strength": keys(f1=1)}, "ofx-reenact/job/1")))


def test_the_mouth_opens_by_its_curve(tmp_path, target, identity, performance, weights):
    first = int(performance.frames[0])
    last = first + len(performance.frames) - 1
    path = curves(tmp_path, {"strength": {"frames": {str(first): 0, str(last): 1}}})
    # Shading is smoothed over frames with other strengths, so it is off here.
    alike = {"reference": 20, "motion": "locked", "shading": 0.0}
    rest, shot, whole = (
        make_shot(identity, target, performance, weights, Settings(**alike, **more))
        for more in ({"strength": 0.0}, {"curves": path}, {})
    )

    def gaps(made):
        frontal = identity.face.frontal[:468] + made.motion.expression
        return measure_gap(frontal, LIPS_INNER)

    share = np.linspace(0, 1, len(performance.frames))
    asked = gaps(rest) + share * (gaps(whole) - gaps(rest))
    opened = np.abs(gaps(whole) - gaps(rest))
    assert opened.max() > 0.3 and np.abs(gaps(shot) - asked).max() < 0.1 * opened.max()
    for row in (0, 30, len(share) - 1):
        constant = make_shot(identity, target, performance, weights, Settings(**alike, strength=share[row]))
        frame = first + row
        assert np.array_equal(constant.render(frame).colour, shot.render(frame).colour), "as with a number"


def test_curves_of_neck_and_shading(tmp_path, target, identity, performance, weights):
    first = int(performance.frames[0])
    path = curves(tmp_path, {
        "neck": keys("constant", **{f"f{first}": 0.1, f"f{first + 36}": 0.9}),
        "shading": keys("constant", **{f"f{first}": 0.0, f"f{first + 36}": 2.0}),
    })  # fmt: skip
    shot = make_shot(identity, target, performance, weights, Settings(reference=20, curves=path))
    for frame, neck, shading in ((first + 20, 0.1, 0.0), (first + 40, 0.9, 2.0)):
        settings = Settings(reference=20, neck=neck, shading=shading)
        plain = make_shot(identity, target, performance, weights, settings)
        same = make_shot(identity, target, performance, weights, Settings(reference=20))
        made = shot.render(frame).colour
        assert np.array_equal(made, plain.render(frame).colour) and not np.array_equal(made, same.render(frame).colour)


def test_a_moving_target_follows_its_curve(tmp_path, identity, performance, weights):
    frames = performance.frames.tolist()
    path = curves(tmp_path, {"strength": {"frames": {str(frames[20]): 0, str(frames[60]): 1}}})
    rest = find_rest(performance, None)
    held = np.repeat(performance.frontal[:1], len(frames), axis=0)
    driver = dataclasses.replace(performance, frontal=held)
    driver_rest = find_rest(driver, None)
    made, whole = (
        fit_moving_motion(identity.person, performance, rest, driver, driver_rest, Settings(**more), weights).expression
        for more in ({"curves": path}, {})
    )
    assert np.abs(made[:21]).max() < 1e-12 and np.array_equal(made[60:], whole[60:])
    assert np.allclose(made[40], whole[40] / 2) and np.abs(whole[40]).max() > 0.05
