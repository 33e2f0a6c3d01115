"""Keyed knobs become the engine's curves, and curves become keys."""

import json
from pathlib import Path

import numpy as np
import pytest
from nuke_session import begin, plate_and_take, press, requests, wired, working

from ofx_reenact.settings import Settings
from ofx_reenact.shot.curves import animate, read_curves


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    return begin(monkeypatch, tmp_path)


@pytest.fixture
def engine(monkeypatch, tmp_path):
    yield from working(monkeypatch, tmp_path)


def keyed(node, name, **keys):
    import nuke

    held = node["reenact_" + name]
    held.setAnimated()
    held.animation(0).addKey([nuke.AnimationKey(int(frame[1:]), value) for frame, value in keys.items()])
    return held


def make(nuke, folder):
    plate_and_take(folder)
    return wired(
        nuke, folder / "plate.%04d.exr", folder / "take.%04d.exr", folder / "out.####.exr", (1, 3), (1001, 1006)
    )


def test_keys_are_a_file_of_curves_that_the_engine_reads(nuke, tmp_path):
    from reenact_nuke import curve_files

    node = make(nuke, tmp_path)
    keyed(node, "weight_mouth", f1001=0.0, f1004=1.5, f1006=1.5)
    keyed(node, "gaze_x", f1003=20.0)
    path = tmp_path / "curves.json"
    path.write_text(curve_files.curves_text(node, 1001, 1006))
    curves = json.loads(path.read_text())["curves"]
    assert curves["weight_mouth"] == {"interpolation": "linear", "frames": {"1001": 0.0, "1004": 1.5, "1006": 1.5}}
    made = animate(Settings(curves=str(path)), range(1001, 1007))
    held = node["reenact_weight_mouth"]
    assert np.allclose(made.of("weight_mouth"), [held.getValueAt(frame) for frame in range(1001, 1007)])
    assert made.of("gaze_x").tolist() == [20.0] * 6


def test_a_curve_of_nukes_own_is_asked_for_in_every_frame_and_held_in_the_options_range(nuke, tmp_path, monkeypatch):
    from reenact_nuke import curve_files

    node = make(nuke, tmp_path)
    held = keyed(node, "strength", f1=0.0, f9=2.0)
    monkeypatch.setattr(held, "getValueAt", lambda frame: 2.2 * np.sin(frame / 3) ** 2)
    path = tmp_path / "curves.json"
    path.write_text(curve_files.curves_text(node, 1, 9))
    made = read_curves(Path(path))["strength"].at(np.arange(1.0, 10))
    assert np.allclose(made, np.minimum(2.2 * np.sin(np.arange(1, 10) / 3) ** 2, 2), atol=2e-6)


def test_a_render_writes_what_is_keyed_once_and_names_it(engine, tmp_path):
    nuke = engine
    node = make(nuke, tmp_path)
    node["reenact_target_mode"].setValue("moves")
    node["reenact_strength"].setValue(0.5)
    held = keyed(node, "weight_jaw", f1001=0.0, f1006=1.0)
    press(nuke, node, "render")
    first = requests("render")[-1]["settings"]
    assert first["strength"] == 0.5 and "weight_jaw" not in first
    written = json.loads(Path(first["curves"]).read_text())
    assert written["curves"]["weight_jaw"]["frames"] == {"1001": 0.0, "1006": 1.0}
    node["reenact_existing"].setValue("overwrite")
    press(nuke, node, "render")
    assert requests("render")[-1]["settings"]["curves"] == first["curves"]
    held.animation(0).addKey([nuke.AnimationKey(1003, 2.0)])
    press(nuke, node, "render")
    other = requests("render")[-1]["settings"]["curves"]
    assert other != first["curves"] and json.loads(Path(first["curves"]).read_text()) == written


def test_a_preview_has_the_curves_of_the_whole_range(engine, tmp_path):
    nuke = engine
    node = make(nuke, tmp_path)
    node["reenact_target_mode"].setValue("moves")
    keyed(node, "neck", f1001=0.1, f1006=0.6)
    nuke.SESSION.frame = 1002
    press(nuke, node, "preview")
    settings = requests("preview")[-1]["settings"]
    assert settings["frames"] == "1002"
    assert read_curves(Path(settings["curves"]))["neck"].frames.tolist() == [1001, 1006]


def test_a_file_becomes_keys_and_the_same_file_again(nuke, tmp_path):
    from reenact_nuke import curve_files

    node, path = make(nuke, tmp_path), tmp_path / "curves.json"
    curves = {
        "weight_mouth": {"interpolation": "linear", "frames": {"1001": 0.0, "1004": 1.0, "1006": 0.25}},
        "gaze_left_y": {"interpolation": "constant", "frames": {"1001": -5.0, "1005": 10.0}},
    }
    path.write_text(json.dumps({"schema": "ofx-reenact/curves/1", "curves": curves}))
    assert curve_files.set_keys(node, str(path)) == "Keys were set on weight_mouth, gaze_left_y"
    again = tmp_path / "again.json"
    assert str(again) in curve_files.save(node, str(again), 1001, 1006)
    frames = range(1001, 1007)
    for name in curves:
        one, other = (animate(Settings(curves=str(file)), frames).of(name) for file in (path, again))
        assert np.array_equal(one, other)
    assert json.loads(again.read_text())["curves"]["weight_mouth"] == curves["weight_mouth"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as curves"), ("{}", 'expected {"schema"'),
        ('{"schema": "ofx-reenact/curves/1", "curves": {"motion": {"frames": {"1": 1}}}}', "motion cannot have a"),
        ('{"schema": "ofx-reenact/curves/1", "curves": {"neck": {"frames": {}}}}', "neck: needs keys"),
        ('{"schema": "ofx-reenact/curves/1", "curves": {"neck": 1}}', "neck: needs keys"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_changes_no_knob(nuke, tmp_path, content, message):
    from reenact_nuke import curve_files
    from reenact_nuke.errors import ReenactError

    node, path = make(nuke, tmp_path), tmp_path / "curves.json"
    path.write_text(content)
    with pytest.raises(ReenactError, match=message.replace("{", r"\{")):
        curve_files.set_keys(node, str(path))
    assert curve_files.curves_text(node, 1, 9) == ""


def test_nothing_keyed_and_a_file_that_is_there_are_said(nuke, tmp_path):
    from reenact_nuke import curve_files
    from reenact_nuke.errors import ReenactError

    node, path = make(nuke, tmp_path), tmp_path / "curves.json"
    with pytest.raises(ReenactError, match="no knob has keys"):
        curve_files.save(node, str(path), 1, 9)
    keyed(node, "neck", f1=0.1)
    path.write_text("mine")
    with pytest.raises(ReenactError, match="exists already; name another file"):
        curve_files.save(node, str(path), 1, 9)
    assert path.read_text() == "mine"


def test_curves_that_cannot_be_written_leave_nothing(nuke, tmp_path, monkeypatch):
    from reenact_nuke import curve_files
    from reenact_nuke.errors import ReenactError

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(curve_files.os, "replace", full)
    with pytest.raises(ReenactError, match=r"curves.json: the curves cannot be written \(No space left on device\)"):
        curve_files.write(str(tmp_path / "new" / "curves.json"), "{}")
    assert not list((tmp_path / "new").iterdir())
