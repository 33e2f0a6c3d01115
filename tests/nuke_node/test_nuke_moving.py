"""A target that moves: what the node tracks and remembers of it, and its requests to the engine."""

import json
import os
import shutil
import sys
from pathlib import Path

import nuke_pixels
import pytest
from nuke_session import (
    analysed,
    plate_and_take,
    press,
    requests,
    scripted,
    set_root,
    settle,
    wired,
    wired_plate,
    working,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the engine's Python is a shell script here")


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


def names_of(settings):
    return {name: Path(settings[name]).name.split(".", 2)[2] for name in ("identity", "parts_file")}


def test_analyse_tracks_both_and_makes_what_renders_share(nuke, node, shot):
    node["reenact_target_face"].setValue("2")
    node["reenact_smoothing"].setValue(2.0)
    assert press(nuke, node, "analyse") == ""
    driver, target, shared = requests("analyse")
    assert driver["settings"] == {
        "driver": f"{shot}/take.%04d.exr", "smoothing": 2.0, "driver_colorspace": "lin_rec709",
        "performance": node["reenact_performance"].value(),
    }  # fmt: skip
    # A target is tracked as 'ofx-reenact track' tracks a driver.
    assert target["settings"] == {
        "driver": f"{shot}/plate.%04d.exr", "face": 2, "smoothing": 2.0, "driver_colorspace": "lin_rec709",
        "performance": node["reenact_target_performance"].value(),
    }  # fmt: skip
    assert (shared["fresh"], shared["settings"]["target"]) == (False, f"{shot}/plate.%04d.exr")
    for name in ("performance", "target_performance", "identity", "parts_file"):
        assert Path(shared["settings"][name]).is_file() and Path(shared["settings"][name]).parent == shot
    assert {"output", "frames", "layers"}.isdisjoint(shared["settings"])
    assert node["reenact_status"].value() == (
        "driver 1-1 analysed, reference frame 1; lowest confidence 0.90 | "
        "target 1-1 analysed, reference frame 1; lowest confidence 0.90"
    )
    press(nuke, node, "render")
    assert len(requests("analyse")) == 3, "nothing is tracked again"
    settings = requests("render")[0]["settings"]
    assert settings["frames"] == "1001-1006" and shared["settings"].items() <= settings.items()
    assert node["reenact_status"].value().startswith(
        "1 frames written in 0.1 s; 2 without the target's face, unchanged; 1 of 1 frames take mouth or eyes from "
    )


def test_progress_names_whose_face_is_tracked(nuke):
    from reenact_nuke import progress

    event = {"stage": "driver", "frame": 7, "done": 1, "total": 9}
    assert progress.describe(event, "target") == "Tracking the target, frame 7, 1 of 9"
    assert progress.describe(event) == "Tracking frame 7, 1 of 9"


def test_result_and_preview_have_the_target_s_numbers(nuke, node):
    press(nuke, node, "render")
    read = node.node("Result")
    assert (read["first"].value(), read["last"].value()) == (1001, 1006)
    nuke.frame(1004)
    press(nuke, node, "preview")
    assert requests("preview")[0]["settings"]["frames"] == "1004"


def test_only_who_changed_is_tracked_again(nuke, node, shot):
    press(nuke, node, "render")
    assert analysed() == ["take", "plate"]
    kept = Path(node["reenact_performance"].value())
    before = kept.read_text()
    (shot / "plate.1003.exr").write_text("delivered again")
    press(nuke, node, "render")
    assert analysed() == ["take", "plate", "plate"]
    assert node["reenact_performance"].value() == str(kept) and kept.read_text() == before
    node["reenact_face"].setValue("2")
    press(nuke, node, "preview")
    node["reenact_target_face"].setValue("2")
    press(nuke, node, "preview")
    assert analysed() == ["take", "plate", "plate", "take", "plate"]
    node["reenact_range"].setValue("custom")
    node["reenact_weight_mouth"].setValue(0.5)
    node["reenact_driver_speed"].setValue(0.5)
    node["reenact_head"].setValue("driver")
    node["reenact_regions"].setValue("eyes")
    press(nuke, node, "preview")
    assert len(analysed()) == 5


def test_parts_are_chosen_again_when_what_they_depend_on_changed(nuke, node):
    press(nuke, node, "render")
    first = {"identity": "identity.safetensors", "parts_file": "parts.json"}
    assert names_of(requests("render")[-1]["settings"]) == first
    for name, value in (("depth", "float"), ("existing", "skip"), ("missing", "black")):
        node["reenact_" + name].setValue(value)
        press(nuke, node, "render")
        assert names_of(requests("render")[-1]["settings"]) == first
    node["reenact_regions"].setValue("dialogue")
    press(nuke, node, "render")
    assert names_of(requests("render")[-1]["settings"]) == {**first, "parts_file": "parts.2.json"}
    node["reenact_appearance"].setValue("/smile.exr")
    press(nuke, node, "render")
    second = {"identity": "identity.2.safetensors", "parts_file": "parts.3.json"}
    assert names_of(requests("render")[-1]["settings"]) == second
    press(nuke, node, "analyse")
    press(nuke, node, "render")
    remade = {"identity": "identity.3.safetensors", "parts_file": "parts.4.json"}
    assert names_of(requests("render")[-1]["settings"]) == remade


def test_a_preview_makes_no_parts_file_and_uses_the_one_that_fits(nuke, node):
    press(nuke, node, "preview")
    assert "parts_file" not in requests("preview")[-1]["settings"]
    press(nuke, node, "render")
    press(nuke, node, "preview")
    made = requests("render")[-1]["settings"]["parts_file"]
    assert requests("preview")[-1]["settings"]["parts_file"] == made
    node["reenact_weight_jaw"].setValue(0.5)
    press(nuke, node, "preview")
    assert "parts_file" not in requests("preview")[-1]["settings"]


def test_a_parts_file_that_the_artist_named_is_theirs(nuke, node, shot):
    node["reenact_parts_file"].setValue(f"{shot}/by hand.json")
    (shot / "by hand.json").write_text("by hand")
    for _ in range(2):
        press(nuke, node, "render")
        assert requests("render")[-1]["settings"]["parts_file"] == f"{shot}/by hand.json"
        node["reenact_weight_jaw"].setValue(0.5)
    assert (shot / "by hand.json").read_text() == "by hand"


@pytest.mark.parametrize("damaged", ["{", "[]", '{"identity": 3, "parts_file": {"path": 7}}'])
def test_what_is_remembered_of_them_may_be_damaged(nuke, node, damaged):
    node["reenact_kept"].setValue(damaged)
    node["reenact_target_tracked"].setValue(damaged)
    assert press(nuke, node, "render") == "" and analysed() == ["take", "plate"]


def by_hand(nuke, node, shot):
    """Place landmarks by hand, of the input in *landmarks of*."""
    source = shot / "l.json"
    source.write_text(json.dumps({"schema": "ofx-reenact/landmarks/1", "frames": {"1": [[5.0, 5.0]] * 68}}))
    from reenact_nuke import buttons

    buttons.import_landmarks(node, str(source))
    settle(nuke)


@pytest.mark.parametrize(("whose", "other"), [("driver", "target"), ("target", "driver")])
def test_landmarks_of_either_are_corrected_and_guarded(nuke, node, shot, whose, other):
    press(nuke, node, "analyse")
    knobs = {"driver": "reenact_performance", "target": "reenact_target_performance"}
    before = {name: node[knob].value() for name, knob in knobs.items()}
    node["reenact_landmarks_of"].setValue(whose)
    by_hand(nuke, node, shot)
    placed = Path(node[knobs[whose]].value())
    assert requests("place")[-1]["performance"] == before[whose] != str(placed)
    assert node[knobs[other]].value() == before[other] and Path(before[whose]).exists()
    assert "by hand: 1" in node["reenact_status"].value()
    text = placed.read_text()
    press(nuke, node, "render")
    assert len(analysed()) == 2 and placed.read_text() == text
    # The other one may be tracked again without a word; the one that was corrected may not.
    footage = {"driver": "take.0002.exr", "target": "plate.1002.exr"}
    (shot / footage[other]).write_text("delivered again")
    press(nuke, node, "render")
    assert len(analysed()) == 3 and placed.read_text() == text
    node[{"driver": "reenact_face", "target": "reenact_target_face"}[whose]].setValue("3")
    changed = f"the {whose} or its tracking options were changed since landmarks were placed"
    assert changed in press(nuke, node, "render")
    assert f"Landmarks of the {whose} placed by hand in frames 1 will be lost." in press(nuke, node, "analyse", False)
    assert len(analysed()) == 3


def test_a_tracker_of_one_is_not_imported_as_the_other_s(nuke, node):
    press(nuke, node, "analyse")
    node["reenact_landmarks_of"].setValue("target")
    press(nuke, node, "export_landmarks")
    tracker = nuke.toNode("Reenact_target_landmarks")
    assert tracker.input(0) is node.input(0)
    tracker.setSelected(True)
    node["reenact_landmarks_of"].setValue("driver")
    assert press(nuke, node, "import_landmarks") == (
        "Reenact_target_landmarks has the landmarks of the target: set 'landmarks of' to target to import it"
    )
    node["reenact_landmarks_of"].setValue("target")
    tracker["tracks"].move(0, 0, 1, 33.0)
    assert press(nuke, node, "import_landmarks") == "" and len(requests("place")) == 1
    press(nuke, node, "show_curves")
    assert requests("curves")[-1]["performance"] == node["reenact_target_performance"].value()


def test_a_still_has_no_landmarks_over_time(nuke, node):
    node["reenact_target_mode"].setValue("still")
    node["reenact_landmarks_of"].setValue("target")
    for button in ("export_landmarks", "import_landmarks", "show_curves"):
        assert press(nuke, node, button) == "Reenact: the target is a still: set 'landmarks of' to driver"


def test_a_farm_s_job_has_everything_and_nothing_of_it_is_written_again(nuke, node, shot):
    from reenact_nuke import farm

    farm.register(lambda job: "sent")
    assert "read the same performance of the driver" in press(nuke, node, "farm")
    press(nuke, node, "analyse")
    node["reenact_target_face"].setValue("2")
    assert "read the same performance of the target" in press(nuke, node, "farm")
    press(nuke, node, "render")
    node["reenact_regions"].setValue("dialogue")
    node["reenact_driver_start_on"].setValue(True)
    node["reenact_driver_start"].setValue(2)
    assert press(nuke, node, "farm") == "sent"
    (job,) = requests("job")
    assert job["settings"].items() >= {"regions": "dialogue", "driver_start": 2, "target_face": 2}.items()
    # Made before any machine begins, so that all have the same.
    files = [Path(job["settings"][name]) for name in ("performance", "target_performance", "identity", "parts_file")]
    assert all(file.is_file() for file in files)
    before = [file.read_text() for file in files]
    node["reenact_weight_mouth"].setValue(0.5)
    node["reenact_appearance"].setValue("/smile.exr")
    for button in ("analyse", "render", "preview"):
        press(nuke, node, button)
    assert [file.read_text() for file in files] == before


def test_a_copy_makes_its_own_files(nuke, node, shot):
    press(nuke, node, "render")
    node.setSelected(True)
    nuke.nodeCopy(shot / "copied.json")
    node.setSelected(False)
    other = nuke.nodePaste(shot / "copied.json")
    for index in (0, 1):
        other.setInput(index, node.input(index))
    other["reenact_output"].setValue(str(shot / "b.####.exr"))
    before = {path.name: path.read_text() for path in shot.glob("o.*")}
    press(nuke, other, "render")
    assert analysed() == ["take", "plate"], "what is right already is not made again"
    other["reenact_target_face"].setValue("2")
    other["reenact_weight_jaw"].setValue(0.5)
    press(nuke, other, "render")
    assert before == {path.name: path.read_text() for path in shot.glob("o.*")}
    assert analysed() == ["take", "plate", "plate"]


def test_a_target_that_nuke_renders_moves(nuke, node, shot):
    """Rendered whole and into a folder that is never written to again: farms read its pixels."""
    from reenact_nuke import farm

    farm.register(lambda job: "sent")
    look = nuke.nodes.Constant(color=[0.5, 0.5, 0.5, 1])
    set_root(nuke, first_frame=1001, last_frame=1004)
    node.setInput(0, look)
    node["reenact_target_mode"].setValue("moves")
    node["reenact_range"].setValue("custom")
    for name, frame in (("first", 1002), ("last", 1003)):
        node["reenact_" + name].setValue(frame)
    press(nuke, node, "render")
    settings = requests("render")[-1]["settings"]
    folder = Path(settings["target"]).parent
    assert sorted(path.name for path in folder.iterdir()) == [f"target.{n}.exr" for n in range(1001, 1005)]
    assert (settings["frames"], settings["driver_start"]) == ("1002-1003", 1)
    done = len(nuke.SESSION.executed)
    for button in ("render", "preview", "farm"):
        press(nuke, node, button)
    assert len(nuke.SESSION.executed) == done and requests("job")[-1]["settings"]["target"] == settings["target"]
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    look["color"].setValue([1, 0, 0, 1])
    press(nuke, node, "render")
    other = Path(requests("render")[-1]["settings"]["target"]).parent
    assert other != folder and len(list(other.iterdir())) == 4
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert analysed() == ["take", "target", "target"]
    done = len(nuke.SESSION.executed)
    node["reenact_target_face"].setValue("2")
    press(nuke, node, "render")
    assert (len(analysed()), len(nuke.SESSION.executed)) == (4, done), "tracked again, from the same frames"
    set_root(nuke, last_frame=1005)
    press(nuke, node, "render")
    assert (len(analysed()), len(nuke.SESSION.executed)) == (5, done + 5)
    # What the node cannot see, the artist knows.
    press(nuke, node, "analyse")
    assert (len(analysed()), len(nuke.SESSION.executed)) == (7, done + 10)


def test_a_rendered_target_whose_performance_the_artist_named_is_rendered_once(nuke, node, shot):
    node.setInput(0, nuke.nodes.Constant(color=[0.5, 0.5, 0.5, 1]))
    set_root(nuke, first_frame=1001, last_frame=1003)
    node["reenact_target_mode"].setValue("moves")
    node["reenact_target_performance"].setValue(f"{shot}/theirs.npz")
    (shot / "theirs.npz").write_text("theirs")
    for _ in range(2):
        press(nuke, node, "render")
    assert [frame for _, frame, _ in nuke.SESSION.executed] == [1001, 1002, 1003]
    target = Path(requests("render")[-1]["settings"]["target"])
    assert analysed() == ["take"] and (shot / "theirs.npz").read_text() == "theirs"
    # The rendered frames were deleted.
    shutil.rmtree(target.parent)
    press(nuke, node, "preview")
    assert len(list(target.parent.iterdir())) == 3 and len(nuke.SESSION.executed) == 6


def test_a_rendered_driver_of_a_moving_target_is_rendered_whole(nuke, node):
    node.setInput(1, nuke.nodes.Grade(inputs=[nuke.nodes.Constant(color=[0.5, 0.5, 0.5, 1])]))
    set_root(nuke, first_frame=11, last_frame=13)
    press(nuke, node, "render")
    assert [frame for _, frame, _ in nuke.SESSION.executed] == [11, 12, 13]
    assert requests("render")[-1]["settings"]["driver_start"] == 11
    node["reenact_range"].setValue("custom")
    for name in ("first", "last"):
        node["reenact_" + name].setValue(1002)
    press(nuke, node, "render")
    assert len(analysed()) == 2, "the frames to render are the target's"


def test_mattes_are_rendered_as_alpha_for_the_frames_that_are(nuke, node, shot):
    from reenact_nuke import farm

    farm.register(lambda job: "sent")
    node.setInput(4, nuke.nodes.Constant(color=[0.9, 0, 0, 0.25]))
    nuke.frame(1003)
    press(nuke, node, "preview")
    assert [frame for _, frame, _ in nuke.SESSION.executed] == [1003]
    press(nuke, node, "render")
    file = requests("render")[-1]["settings"]["holdout"]
    written = sorted(path.name for path in Path(file).parent.iterdir())
    assert written == [f"holdout.{n}.exr" for n in range(1001, 1007)]
    pixels = nuke_pixels.evaluate(nuke.nodes.Read(file=file.replace("####", "1004"), raw=True), 1004)
    assert {float(pixels[name][0, 0]) for name in nuke_pixels.RGBA} == {0.25}
    assert {n.Class() for n in node.nodes()}.isdisjoint({"Write", "Expression"})
    press(nuke, node, "farm")
    of_job = requests("job")[-1]["settings"]["holdout"]
    assert of_job != file and len(list(Path(of_job).parent.iterdir())) == 6
    # A mask is rendered beside it, with its own alpha.
    node.setInput(5, nuke.nodes.Constant(color=[0.9, 0, 0, 0.75]))
    press(nuke, node, "render")
    mask = requests("render")[-1]["settings"]["mask"]
    pixels = nuke_pixels.evaluate(nuke.nodes.Read(file=mask.replace("####", "1004"), raw=True), 1004)
    assert mask.endswith("/mask.####.exr") and {float(pixels[name][0, 0]) for name in nuke_pixels.RGBA} == {0.75}
    # A still has them, too, in the driver's frames.
    node["reenact_target_mode"].setValue("still")
    press(nuke, node, "render")
    written = sorted(path.name for path in Path(file).parent.iterdir())
    assert written == [f"{name}.000{n}.exr" for name in ("holdout", "mask") for n in (1, 2, 3)]


def test_a_tracker_that_reads_files_needs_one_of_each(nuke, node):
    node["reenact_tracker"].setValue("file")
    node["reenact_landmarks"].setValue("/d.json")
    assert press(nuke, node, "analyse").startswith("target landmarks: tracker 'file' needs a file (JSON)")
    node["reenact_target_landmarks"].setValue("/t.json")
    press(nuke, node, "analyse")
    tracked = [one["settings"] for one in requests("analyse")[:2]]
    assert [(one["tracker"], one["landmarks"]) for one in tracked] == [("file", "/d.json"), ("file", "/t.json")]


def test_frames_in_the_viewer_become_options(nuke, node):
    nuke.frame(1004)
    for button, option in (("set_target_reference", "target_reference"), ("set_driver_start", "driver_start")):
        press(nuke, node, button)
        assert job_of(node).settings[option] == 1004 and node["reenact_" + option].enabled()


def test_errors_in_a_terminal_are_one_line(monkeypatch, shot):
    nuke = scripted(monkeypatch, shot, "fine", gui=False)
    node = wired(nuke, shot / "plate.exr", shot / "take.####.exr", shot / "o.####.exr", (1, 3))
    node["reenact_target_mode"].setValue("moves")
    with pytest.raises(RuntimeError, match="only one frame") as caught:
        nuke.click(node, "reenact_do_render")
    assert "\n" not in str(caught.value)
    sys.modules["reenact_nuke.engine_session"].SESSION.stop()
