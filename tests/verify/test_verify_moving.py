"""Verify of moving targets: each frame is compared with its plate; which frames may repeat."""

import shutil
from pathlib import Path

import pytest
from moving import FIRST, FRAMES, make_plate, moving_job, track_plate
from rendered import bad, copied, edit_sidecar, other_timecode, repeat, rewrite, swap

from ofx_reenact.cli.main import run
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.verify.checked_sequence import read_expected
from ofx_reenact.verify.report import verify

NOTHING = {f"weight_{name}": 0.0 for name in ("jaw", "mouth", "eye_right", "eye_left", "brow_right", "brow_left")}


@pytest.fixture(scope="module")
def moving(moving_plate, performance_file, tmp_path_factory) -> str:
    """A sequence of a target that moves."""
    folder = tmp_path_factory.mktemp("moving_frames")
    settings = moving_job(folder, moving_plate, performance_file, parts_file=str(folder / "parts.json"))
    render_sequence(settings)
    return settings.output


@pytest.fixture
def wrong(moving, tmp_path) -> str:
    """A copy for a test to change."""
    return copied(moving, tmp_path / "s")


def test_a_good_sequence_passes_without_reading_plates_pixels(moving, monkeypatch):
    monkeypatch.setattr(Sequence, "read", lambda *_, **__: pytest.fail("a plate's pixels were read"))
    report = verify(moving, strict=True)
    assert report.good, bad(report)
    assert report.frames.numbers == tuple(FRAMES)
    assert not any(answer.notes for answer in report.answers.values())


def test_all_frames_of_the_target_are_expected(wrong):
    frame_path(wrong, FIRST + 5).unlink()
    edit_sidecar(wrong, lambda content: content["frames"].pop(str(FIRST + 5)))
    assert read_expected(wrong, "", {})[2].numbers == tuple(FRAMES)
    assert list(bad(verify(wrong))) == ["frames"]


def test_the_timecode_is_that_of_the_same_frame(wrong):
    rewrite(wrong, FIRST + 3, other_timecode)
    found = bad(verify(wrong))
    assert list(found) == ["timing"] and f"frame {FIRST + 3}: timecode" in found["timing"][0]


def test_exchanged_frames_have_each_others_timecode(wrong):
    swap(wrong, FIRST + 1, FIRST + 2)
    found = bad(verify(wrong))
    assert {"timing", "provenance"} <= set(found) and len(found["timing"]) == 2


def test_a_repeat_is_a_fault_where_the_target_moved(wrong):
    repeat(wrong, FIRST + 4, of=FIRST + 2)
    said = f"frame {FIRST + 4}: the same pixels as frame {FIRST + 2}, though the target moved"
    assert bad(verify(wrong)) == {"repeats": (said,)}


def test_a_repeat_of_a_target_that_is_gone_is_a_note(wrong):
    repeat(wrong, FIRST + 4, of=FIRST + 2)
    edit_sidecar(wrong, lambda content: content["settings"].update(target="gone.####.exr"))
    edit_sidecar(wrong, lambda content: content["inputs"]["target"].update(name="gone.####.exr"))
    notes = verify(wrong).answers["repeats"].notes
    assert len(notes) == 1 and "whether target or driver moved is not known (gone.####.exr" in notes[0]


def test_a_plate_that_repeats_may_repeat_where_the_driver_did_not_move(performance_file, tmp_path):
    """But not where the driver moved: then the frame was not rendered."""
    plate = make_plate(tmp_path / "plate", (30, 31, 31, 31, 34))
    track_plate(plate)
    settings = moving_job(tmp_path, plate, performance_file, driver_speed=0.01, **NOTHING)
    render_sequence(settings)
    report = verify(settings.output, strict=True)
    assert report.good, bad(report)
    edit_sidecar(settings.output, lambda content: content["settings"].update(driver_speed=5.0))
    for frame in FRAMES[1:4]:
        rewrite(settings.output, frame, lambda spec, pixels: spec.attribute("reenact:still", 0))
    found = bad(verify(settings.output))["repeats"]
    assert found == (f"frames {FIRST + 2}-{FIRST + 3}: the same pixels as frame {FIRST + 1}, though the driver moved",)


def test_a_plate_that_is_gone_or_changed_is_reported(moving, moving_plate, wrong, tmp_path):
    folder = tmp_path / "plate"
    shutil.copytree(Path(moving_plate).parent, folder)

    def move(content):
        for name in ("target", "target_performance"):
            path = str(folder / Path(content["settings"][name]).name)
            content["settings"][name] = content["inputs"][name]["name"] = path

    edit_sidecar(wrong, move)
    assert verify(wrong, strict=True).good
    (folder / f"plate.{FIRST + 2}.exr").unlink()
    report = verify(wrong)
    assert list(bad(report)) == ["sidecar"] and "5 files, 6 when rendered" in bad(report)["sidecar"][0]
    assert any(f"frame {FIRST + 2}: not compared with the plate" in n for n in report.answers["timing"].notes)
    shutil.copy(folder / f"plate.{FIRST + 1}.exr", folder / f"plate.{FIRST + 2}.exr")
    found = bad(verify(wrong))
    assert "another SHA-256" in found["sidecar"][0] and f"frame {FIRST + 2}: timecode" in found["timing"][0]


def test_the_performances_can_be_given(moving, moving_plate, performance_file, wrong):
    def forget(content):
        content["settings"].update(performance="gone.npz", target_performance="gone.npz")

    edit_sidecar(wrong, forget)
    named = [f"--performance={performance_file}", f"--target-performance={Path(moving_plate).parent / 'plate.npz'}"]
    assert run(["verify", wrong, *named, "--json", str(Path(wrong).parent / "v.json")]) == 0
    assert run(["verify", wrong, "--target-performance=none.npz"]) == 1


def test_another_targets_performance_is_found(wrong, performance_file):
    edit_sidecar(wrong, lambda content: content["inputs"]["target_performance"].update(name=performance_file))
    found = bad(verify(wrong))
    assert any("this performance was made from" in text and "--target-performance" in text for text in found["origin"])
