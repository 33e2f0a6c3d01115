"""Whose files a node works from: copies, versions of a script, drivers that change, files that others wrote."""

import json
import os
from pathlib import Path

import pytest
from nuke_session import press, requests, scripted, set_root, settle, wired

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the engine's Python is a shell script here")


@pytest.fixture
def nuke(monkeypatch, tmp_path):
    import sys

    yield scripted(monkeypatch, tmp_path, "fine")
    sys.modules["reenact_nuke.engine_session"].SESSION.stop()


@pytest.fixture
def drivers(tmp_path):
    """Two drivers of three frames, A and B."""
    for name in "ab":
        for frame in (1, 2, 3):
            (tmp_path / f"{name}.{frame:04d}.exr").write_text(f"driver {name}, frame {frame}")
    return tmp_path / "a.####.exr", tmp_path / "b.####.exr"


def node_of(nuke, tmp_path, driver):
    return wired(nuke, "/none.exr", driver, tmp_path / "o_v001.####.exr", (1, 3))


def rendered_from(node):
    """The driver that the performance of the node's last render was tracked from."""
    performance = requests("render")[-1]["settings"]["performance"]
    return json.loads(Path(performance).read_text())["settings"]["driver"]


def copy_of(nuke, node, tmp_path):
    node.setSelected(True)
    nuke.nodeCopy(tmp_path / "copied.json")
    node.setSelected(False)
    copied = nuke.nodePaste(tmp_path / "copied.json")
    for index in (0, 1):
        copied.setInput(index, node.input(index))
    return copied


def test_a_node_made_in_the_place_of_another_does_not_render_its_driver(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    first = node["reenact_performance"].value()
    nuke.delete(node)
    again = node_of(nuke, tmp_path, drivers[1])
    assert again.name() == "Reenact"
    press(nuke, again, "render")
    assert rendered_from(again).endswith("b.%04d.exr") and again["reenact_performance"].value() != first


def test_a_pasted_copy_leaves_the_original_s_files_alone(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    path = Path(node["reenact_performance"].value())
    before = path.read_text()
    other = copy_of(nuke, node, tmp_path)
    assert other["reenact_id"].value() != node["reenact_id"].value()
    # The same driver is not tracked a second time.
    assert "Reenact writes to the same output" in press(nuke, other, "render", True)
    assert len(requests("analyse")) == 1 and rendered_from(other).endswith("a.%04d.exr")
    other.setInput(1, nuke.nodes.Read(file=str(drivers[1]), first=1, last=3))
    press(nuke, other, "render", True)
    assert rendered_from(other).endswith("b.%04d.exr") and path.read_text() == before
    other["disable"].setValue(True)
    assert press(nuke, node, "render") == ""
    assert rendered_from(node).endswith("a.%04d.exr") and len(requests("analyse")) == 2


def test_a_copied_group_is_a_copy_of_the_node_in_it(nuke, tmp_path, drivers):
    group = nuke.nodes.Group(name="Shot")
    with group:
        node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    group.setSelected(True)
    nuke.nodeCopy(tmp_path / "copied.json")
    other = nuke.nodePaste(tmp_path / "copied.json").node("Reenact")
    assert other.fullName() == "Shot1.Reenact"
    assert other["reenact_id"].value() != node["reenact_id"].value()


def test_a_copy_made_without_this_module_gets_an_id_when_it_is_used(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "analyse")
    node["onCreate"].setValue("")
    other = copy_of(nuke, node, tmp_path)
    assert other["reenact_id"].value() == node["reenact_id"].value()
    from reenact_nuke import node_files

    assert node_files.get_id(other) != node_files.get_id(node)


@pytest.mark.parametrize("button", ["render", "farm"])
def test_frames_of_two_nodes_are_not_mixed_without_a_question(nuke, tmp_path, drivers, monkeypatch, button):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "analyse")
    other = copy_of(nuke, node, tmp_path)
    assert "frames of both would be mixed. Continue?" in press(nuke, other, button, False)
    monkeypatch.setattr(nuke, "GUI", False)
    with pytest.raises(RuntimeError, match=r"Reenact writes to the same output, .* Name another output, or disable"):
        nuke.click(other, "reenact_do_" + button)
    assert not requests("render") and not requests("job")


@pytest.mark.parametrize("what", ["inputs/driver.####.exr", "preview/preview.####.exr", "job.json"])
def test_every_file_of_a_copy_is_its_own(nuke, tmp_path, drivers, what):
    from reenact_nuke import node_files

    node = node_of(nuke, tmp_path, drivers[0])
    output = str(tmp_path / "o_v001.####.exr")
    first = node_files.path_beside(node, output, what)
    other = copy_of(nuke, node, tmp_path)
    other.setName(node.name(), uncollide=False)
    assert node_files.path_beside(other, output, what) != first == node_files.path_beside(node, output, what)


def test_a_script_that_is_opened_again_keeps_its_files(nuke, tmp_path, drivers):
    nuke.SESSION.script = str(tmp_path / "shot_v001.nk")
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    kept = node["reenact_id"].value()
    nuke.scriptSaveAs(tmp_path / "shot_v001.nk")
    nuke.scriptOpen(tmp_path / "shot_v001.nk")
    again = nuke.toNode("Reenact")
    press(nuke, again, "render")
    assert again["reenact_id"].value() == kept and len(requests("analyse")) == 1


def test_two_versions_of_a_script_do_not_write_the_same_files(nuke, tmp_path, drivers):
    one, two = tmp_path / "shot_v001.nk", tmp_path / "shot_v002.nk"
    nuke.SESSION.script = str(one)
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    nuke.scriptSaveAs(one)
    nuke.scriptSaveAs(two)
    press(nuke, node, "render")
    assert len(requests("analyse")) == 1, "what is right already is not made again"
    node.input(1)["file"].setValue(str(drivers[1]))
    press(nuke, node, "render")
    assert rendered_from(node).endswith("b.%04d.exr")
    nuke.scriptSaveAs(two)
    nuke.scriptOpen(one)
    node = nuke.toNode("Reenact")
    press(nuke, node, "render")
    assert rendered_from(node).endswith("a.%04d.exr") and len(requests("analyse")) == 2


def test_an_undone_analysis_is_undone(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    names = ("reenact_tracked", "reenact_performance")
    before = {name: node[name].value() for name in names}
    node["reenact_smoothing"].setValue(2.0)
    press(nuke, node, "analyse")
    # What undo does: the knobs' values come back, files do not.
    node["reenact_smoothing"].setValue(json.loads(before["reenact_tracked"])["settings"].get("smoothing", 1.0))
    for name in names:
        node[name].setValue(before[name])
    press(nuke, node, "render")
    assert len(requests("analyse")) == 2
    assert requests("render")[-1]["settings"]["performance"] == before["reenact_performance"]


def test_a_driver_that_was_delivered_again_is_tracked_again(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    press(nuke, node, "render")
    assert len(requests("analyse")) == 1
    (tmp_path / "a.0002.exr").write_text("another performance of the same name")
    press(nuke, node, "preview")
    assert len(requests("analyse")) == 2
    (tmp_path / "a.0003.exr").unlink()
    press(nuke, node, "preview")
    assert len(requests("analyse")) == 3


def test_a_performance_that_somebody_else_wrote_is_not_trusted_nor_replaced(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    path = Path(node["reenact_performance"].value())
    path.write_text("of another driver")
    press(nuke, node, "render")
    assert path.read_text() == "of another driver"
    assert node["reenact_performance"].value() != str(path) and rendered_from(node).endswith("a.%04d.exr")


def test_a_performance_that_the_artist_named_is_theirs(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    theirs = tmp_path / "take 3.npz"
    node["reenact_performance"].setValue(str(theirs))
    press(nuke, node, "render")
    assert theirs.exists() and node["reenact_performance"].value() == str(theirs), "written where the artist chose"
    node["reenact_smoothing"].setValue(2.0)
    press(nuke, node, "render")
    assert len(requests("analyse")) == 2 and node["reenact_performance"].value() == str(theirs)
    # A copy that needs another one makes its own.
    other = copy_of(nuke, node, tmp_path)
    other["reenact_smoothing"].setValue(3.0)
    before = theirs.read_text()
    press(nuke, other, "render", True)
    other["disable"].setValue(True)
    assert theirs.read_text() == before and other["reenact_performance"].value() != str(theirs)
    # One that is there already is used, and overwritten only if the artist agrees.
    found = tmp_path / "found.npz"
    found.write_text("of the command line")
    node["reenact_performance"].setValue(str(found))
    press(nuke, node, "render")
    assert found.read_text() == "of the command line" and len(requests("analyse")) == 3
    assert "it will be overwritten. Track again?" in press(nuke, node, "analyse", False)
    assert found.read_text() == "of the command line"
    press(nuke, node, "analyse", True)
    assert found.read_text() != "of the command line"


def landmarks_by_hand(nuke, node, tmp_path):
    source = tmp_path / "l.json"
    source.write_text(json.dumps({"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[5.0, 5.0]] * 68}}))
    from reenact_nuke import buttons

    buttons.import_landmarks(node, str(source))
    settle(nuke)


def test_landmarks_by_hand_go_into_a_file_of_their_own(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "analyse")
    first = Path(node["reenact_performance"].value())
    before = first.read_text()
    landmarks_by_hand(nuke, node, tmp_path)
    placed = Path(node["reenact_performance"].value())
    assert first.read_text() == before and placed != first and "by hand: 1" in node["reenact_status"].value()
    press(nuke, node, "render")
    assert requests("render")[-1]["settings"]["performance"] == str(placed) and len(requests("analyse")) == 1
    # New times of the same pictures lose nothing: whether they are others, the engine sees.
    for frame in (1, 2, 3):
        os.utime(tmp_path / f"a.{frame:04d}.exr", (1, 1))
    assert press(nuke, node, "render") == ""
    for change, reason in (
        (lambda: placed.write_text("another"), "was changed outside this node since landmarks were placed by hand"),
        (placed.unlink, "does not exist any more since landmarks were placed by hand"),
    ):
        change()
        assert reason in press(nuke, node, "render")
    assert len(requests("analyse")) == 1


def test_landmarks_of_another_driver_are_not_corrected(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "analyse")
    node.input(1)["file"].setValue(str(drivers[1]))
    for button in ("export_landmarks", "show_curves", "farm"):
        assert "press Analyse" in press(nuke, node, button)


def test_a_rendered_driver_is_rendered_again_when_something_above_it_changed(nuke, tmp_path):
    set_root(nuke, first_frame=1, last_frame=2)
    node = node_of(nuke, tmp_path, "/none.exr")
    constant = nuke.nodes.Constant(color=[0.5, 0.5, 0.5, 1])
    group = nuke.nodes.Group(name="Look", inputs=[constant])
    with group:
        inside = nuke.nodes.Input(name="In")
        offset = nuke.nodes.Constant(color=[0.1, 0, 0, 1])
        keep = nuke.nodes.Switch(inputs=[inside, offset])
        nuke.nodes.Output(inputs=[keep])
    node.setInput(1, nuke.nodes.NoOp(inputs=[nuke.nodes.Grade(inputs=[group])]))
    nuke.nodes.Constant(color=[0, 0, 0, 1])
    press(nuke, node, "render")
    press(nuke, node, "render")
    for node_above in (constant, keep):
        node_above.setXYpos(500, 20)
    press(nuke, node, "render")
    assert len(requests("analyse")) == 1
    tracked = 1
    for change in (
        lambda: constant["color"].setValue([0.25, 0.5, 0.5, 1]), lambda: keep["which"].setValue(1),
        lambda: offset["color"].setValue([0.2, 0, 0, 1]), lambda: keep.setInput(0, offset),
        lambda: set_root(nuke, last_frame=1),
    ):  # fmt: skip
        change()
        press(nuke, node, "render")
        tracked += 1
        assert len(requests("analyse")) == tracked


def test_a_rendered_driver_of_an_earlier_version_of_the_script_is_used_while_it_fits(nuke, tmp_path):
    set_root(nuke, first_frame=1, last_frame=2)
    nuke.SESSION.script = str(tmp_path / "shot_v001.nk")
    node = node_of(nuke, tmp_path, "/none.exr")
    constant = nuke.nodes.Constant(color=[0.5, 0.5, 0.5, 1])
    node.setInput(1, constant)
    press(nuke, node, "render")
    driver = requests("render")[-1]["settings"]["driver"]
    before = {path.name: path.stat().st_mtime_ns for path in Path(driver).parent.iterdir()}
    nuke.scriptSaveAs(tmp_path / "shot_v002.nk")
    press(nuke, node, "render")
    assert len(requests("analyse")) == 1 and requests("render")[-1]["settings"]["driver"] == driver
    constant["color"].setValue([0.25, 0.5, 0.5, 1])
    press(nuke, node, "render")
    assert len(requests("analyse")) == 2 and requests("render")[-1]["settings"]["driver"] != driver
    assert {path.name: path.stat().st_mtime_ns for path in Path(driver).parent.iterdir()} == before


def test_what_a_job_reads_stays(nuke, tmp_path, drivers):
    from reenact_nuke import farm

    node = node_of(nuke, tmp_path, drivers[0])
    node.setInput(0, nuke.nodes.Constant(color=[0.5, 0.5, 0.5, 1]))
    press(nuke, node, "analyse")
    sent = []
    farm.register(sent.append)
    for _ in range(2):
        press(nuke, node, "farm")
    one, two = requests("job")
    assert one["file"] != two["file"] and Path(one["file"]).exists()
    targets = [Path(job["settings"]["target"].replace("####", "0001")) for job in (one, two)]
    assert targets[0] != targets[1] and all(target.exists() for target in targets)
    before = targets[0].read_bytes()
    node.input(0)["color"].setValue([1, 0, 0, 1])
    press(nuke, node, "preview")
    assert targets[0].read_bytes() == before


def test_a_node_of_an_earlier_version_goes_on_with_its_performance(nuke, tmp_path, drivers):
    node = node_of(nuke, tmp_path, drivers[0])
    press(nuke, node, "render")
    known = json.loads(node["reenact_tracked"].value())
    old = {name: known[name] for name in ("performance", "settings", "hand_made")}
    node["reenact_tracked"].setValue(json.dumps(old))
    node.removeKnob(node["reenact_id"])
    press(nuke, node, "render")
    assert len(requests("analyse")) == 1 and node["reenact_id"].value()


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"performance": "/p.npz"}', '{"id": 3, "script": null}'])
def test_what_a_node_remembers_may_be_damaged(nuke, tmp_path, drivers, content):
    node = node_of(nuke, tmp_path, drivers[0])
    for name in ("reenact_tracked", "reenact_id"):
        node[name].setValue(content)
    assert press(nuke, node, "render") == "" and rendered_from(node).endswith("a.%04d.exr")
