"""Whether a node's target moves: its knob and its input, nodes of an earlier version, pairs of frames."""

import json
import os
import shutil
from pathlib import Path

import pytest
from nuke_session import analysed, plate_and_take, press, wired_plate, working

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the engine's Python is a shell script here")
EARLIER = Path(__file__).with_name("earlier_script.json")


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    yield from working(monkeypatch, tmp_path)


@pytest.fixture
def shot(tmp_path):
    return plate_and_take(tmp_path)


@pytest.fixture
def node(nuke, shot):
    return wired_plate(nuke, shot)


def job_of(node):
    from reenact_nuke.read_job import read_job

    return read_job(node)


def test_videos_are_what_the_engine_takes_for_them(nuke):
    from reenact_nuke import paths

    from ofx_reenact.frames.video import VIDEOS

    assert set(paths.VIDEOS) == set(VIDEOS)


def _still(nuke, node):
    node.input(0)["file"].setValue("/shots/a/plate.exr")


def _hold(nuke, node):
    node.setInput(0, nuke.nodes.Grade(inputs=[nuke.nodes.FrameHold(inputs=[node.input(0)], first_frame=1003)]))


def _step(nuke, node):
    _hold(nuke, node)
    node.input(0).input(0)["increment"].setValue(2)


def _graded(nuke, node):
    node.setInput(0, nuke.nodes.Grade(inputs=[node.input(0)]))


def _ticked(nuke, node):
    node["reenact_target_frame_on"].setValue(True)


def _painted(nuke, node):
    node.setInput(0, nuke.nodes.Constant())


@pytest.mark.parametrize(
    ("change", "moves"),
    [(_still, False), (_hold, False), (_step, True), (_graded, True), (_ticked, False), (_painted, False)],
)
def test_auto_looks_at_what_is_connected(nuke, node, change, moves):
    assert job_of(node).moves and node["reenact_perform"].enabled()
    change(nuke, node)
    node["reenact_target_mode"].setValue("auto")
    assert job_of(node).moves == node["reenact_perform"].enabled() == moves
    assert ("target_performance" in job_of(node).settings) == moves
    node["reenact_target_mode"].setValue("still")
    assert not job_of(node).moves and not node["reenact_driver_start_on"].enabled()


def test_one_frame_cannot_move(nuke, node):
    node["reenact_target_mode"].setValue("moves")
    for change in (_still, lambda nuke, node: node.input(0)["last"].setValue(1001)):
        change(nuke, node)
        assert press(nuke, node, "render") == (
            "Reenact: the target input has only one frame: connect footage, or set 'target' to still"
        )


@pytest.mark.parametrize(
    ("first", "speed", "start", "expected"),
    [(1001, 1, None, 1), (1003, 1, None, -1), (1003, 0.5, 20, 19), (990, 1, 5, 16)],
)
def test_frames_pair_as_the_reads_show_them(nuke, node, first, speed, start, expected):
    """The engine counts from what is on disk, which begins at 1001."""
    node.input(0)["first"].setValue(first)
    node["reenact_driver_speed"].setValue(speed)
    if start is not None:
        node["reenact_driver_start_on"].setValue(True)
        node["reenact_driver_start"].setValue(start)
    assert job_of(node).settings["driver_start"] == expected


def test_frames_on_disk_are_counted_as_the_engine_counts_them(nuke, tmp_path):
    from reenact_nuke import paths

    for name in ("a.7.exr", "a.0099.exr", "a.10000.exr", "a.00010.exr", "a.0100.exr", "ba.0001.exr", "a.0005.exrs"):
        (tmp_path / name).touch()
    for name, frame in (("a.####.exr", 99), ("a.%04d.exr", 99), ("a.#.exr", 7), ("a.%05d.exr", 10), ("c.####.exr", -4)):
        assert paths.first_frame(f"{tmp_path}/{name}", -4) == frame
    (tmp_path / "a.-001.exr").touch()
    assert paths.first_frame(f"{tmp_path}/a.####.exr", 3) == -1
    assert paths.first_frame("/none/a.####.exr", 3) == 3
    assert paths.first_frame("/none/a.mov", 3) == 1
    assert paths.files("/s/a.%010d.exr", 3, 3) == ["/s/a.0000000003.exr"]


@pytest.fixture
def earlier(nuke, shot):
    """A node of the version before targets moved, between footage, out of a script that was saved then."""
    shutil.copy(EARLIER, shot / "earlier.nk")
    nuke.scriptOpen(shot / "earlier.nk")
    node = nuke.toNode("Reenact")
    assert node.knob("reenact_target_mode") is None
    nuke.SESSION.script = ""
    return node


@pytest.mark.parametrize(
    ("file", "frame", "expected"),
    [("plate.####.exr", None, 993), ("plate.####.exr", 1000, 1000), ("plate.mov", None, 1), ("plate.exr", None, None)],
)
def test_a_node_of_an_earlier_version_renders_what_it_did(nuke, earlier, file, frame, expected):
    golden = Path(__file__).parents[1] / "golden" / "nuke" / "defaults.json"
    earlier.input(0)["file"].setValue("/shots/a/" + file)
    if frame:
        earlier["reenact_target_frame_on"].setValue(True)
        earlier["reenact_target_frame"].setValue(frame)
    wanted = {
        **json.loads(golden.read_text())["settings"], "target": "/shots/a/" + file.replace("####", "%04d"),
        **({"target_frame": expected} if expected else {}),
    }  # fmt: skip
    assert job_of(earlier).settings == wanted


def test_a_node_of_an_earlier_version_works_as_it_did(nuke, earlier, shot):
    for index, name in enumerate(("plate", "take")):
        earlier.input(index)["file"].setValue(f"{shot}/{name}.####.exr")
    earlier["reenact_output"].setValue(f"{shot}/old.####.exr")
    for button in ("analyse", "render", "preview", "export_landmarks", "show_curves", "next_version"):
        assert press(nuke, earlier, button) == ""
    assert analysed() == ["take"]
    earlier.showControlPanel()
    earlier["reenact_reference_on"].setValue(True)
    for name, message in (("everything", ""), ("mouth only", ""), ("dialogue", "another version made this node")):
        earlier["reenact_preset"].setValue(name)
        jaw = earlier["reenact_weight_jaw"].value()
        assert message in press(nuke, earlier, "apply_preset")
        assert earlier["reenact_weight_jaw"].value() == jaw or not message, "all or nothing"
