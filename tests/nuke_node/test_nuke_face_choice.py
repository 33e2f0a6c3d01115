"""The knobs that choose a face: numbers as before, positions, pictures, and nodes of an earlier version."""

import json
import os
from pathlib import Path

import pytest
from nuke_session import plate_and_take, press, wired_plate, working

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the engine's Python is a shell script here")
EARLIER = Path(__file__).with_name("earlier_script.json")


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    yield from working(monkeypatch, tmp_path)


@pytest.fixture
def node(nuke, tmp_path):
    return wired_plate(nuke, plate_and_take(tmp_path))


def face(node):
    from reenact_nuke import knobs

    return knobs.values(node).get("face")


@pytest.mark.parametrize(
    ("content", "value"),
    [("1", None), ("", None), (" 2 ", 2), ("960,540@1001", "960,540@1001"), ("/p/who.####.exr", "/p/who.####.exr")],
)
def test_value_of_the_knob(node, content, value):
    node["reenact_face"].setValue(content)
    assert face(node) == value


def test_a_picture_is_an_absolute_path_and_what_it_holds_counts(nuke, node, tmp_path):
    nuke.root()["project_directory"].setValue(str(tmp_path))
    node["reenact_face"].setValue("who.png")
    assert face(node) == str(tmp_path / "who.png")


def test_a_node_of_an_earlier_version_keeps_its_number(nuke, tmp_path):
    script = tmp_path / "earlier.nk"
    script.write_bytes(EARLIER.read_bytes())
    nuke.scriptOpen(script)
    node = nuke.toNode("Reenact")
    assert (node["reenact_face"].Class(), face(node)) == ("Int_Knob", None)
    node["reenact_face"].setValue(3)
    assert face(node) == 3


def test_a_preset_keeps_numbers_and_no_positions(nuke, node, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    from reenact_nuke import presets

    node["reenact_face"].setValue("2")
    node["reenact_target_face"].setValue("10,20@5")
    kept = json.loads(Path(presets.save(node, "two")).read_text())["values"]
    assert kept["face"] == 2 and "target_face" not in kept
    node["reenact_face"].setValue("1")
    presets.apply(node, "two")
    assert face(node) == 2 and node["reenact_target_face"].value() == "10,20@5"


def test_another_face_is_tracked_again(nuke, node):
    press(nuke, node, "analyse")
    from reenact_nuke import performance_files, read_job, tracked_inputs

    def needs_tracking():
        return performance_files.needs_tracking(node, read_job.read_job(node), tracked_inputs.DRIVER)

    assert not needs_tracking()
    node["reenact_face"].setValue("30,40")
    assert needs_tracking()
