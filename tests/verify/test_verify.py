"""Verify: each check finds its own fault and no other, a good sequence passes, exit codes."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import DRIVER, TARGET, rgb_channels, write_exr
from jobs import standing_still
from rendered import (
    bad,
    copied,
    deepen,
    edit_sidecar,
    make_sequence,
    other_rate,
    other_space,
    other_timecode,
    put_nan,
    repeat,
    rewrite,
    shift,
    untag,
)

from ofx_reenact.cli.main import run
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.resources import resource
from ofx_reenact.tracking.performance import State
from ofx_reenact.verify.report import verify


def test_a_good_sequence_passes(sequence, tmp_path, capsys):
    assert run(["verify", sequence, "--strict", "--json", str(tmp_path / "v.json")]) == 0
    said = json.loads((tmp_path / "v.json").read_text())
    assert said["good"] and said["frames"] == "30-35" and said["whole"] == 6
    assert all(check == {"good": True, "problems": [], "notes": []} for check in said["checks"].values())
    assert "NOT GOOD" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "check", "says"),
    [
        (put_nan, "finite", "frame 33: 1 NaN or infinite values in channel G"),
        (shift, "plate", r"frame 33: data window 288x288\+9\+4, in the plate 288x288\+8\+4"),
        (deepen, "plate", "channels B float, G float, R float, in the plate B half"),
        (untag, "colour", "frame 33: no colour space"),
        (other_space, "colour", "frame 33: colour space lin_rec2020_scene, not"),
        (other_rate, "timing", "frame 33: rate 24, in the plate 24000/1001"),
        (other_timecode, "timing", "frame 33: timecode"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_fault_of_a_frame_is_found(spoilt, change, check, says):
    rewrite(spoilt, 33, change)
    found = bad(verify(spoilt))
    assert list(found) == [check]
    assert re.search(says, found[check][0])


def test_missing_and_damaged_frames_are_named(spoilt, capsys):
    frame_path(spoilt, 31).unlink()
    cut = frame_path(spoilt, 34)
    cut.write_bytes(cut.read_bytes()[:-2000])
    frame_path(spoilt, 35).write_bytes(b"")
    assert run(["verify", spoilt]) == 1
    said = capsys.readouterr().out
    assert "frame 31 of 30-35 missing" in said and "3 of the frames 30-35 decode whole" in said
    assert "frame 34: the file is damaged" in said and "frame 35: the file is empty" in said
    assert list(bad(verify(spoilt))) == ["frames"]


def test_compression_is_no_fault(spoilt):
    rewrite(spoilt, 33, lambda spec, pixels: spec.attribute("compression", "piz"))
    assert verify(spoilt).good


def test_repeats_are_found_by_the_performance(spoilt):
    repeat(spoilt, 35, of=31)
    assert bad(verify(spoilt)) == {"repeats": ("frame 35: the same pixels as frame 31, though the driver moved",)}


def test_repeats_are_found_by_the_drivers_pictures(spoilt, performance_file):
    repeat(spoilt, 32, of=31)
    edit_sidecar(spoilt, lambda content: content["settings"].update(performance="", driver=str(DRIVER)))
    assert list(bad(verify(spoilt))) == ["repeats"]
    edit_sidecar(spoilt, lambda content: content["settings"].update(driver=""))
    report = verify(spoilt)
    assert report.good and "not known" in report.answers["repeats"].notes[0]
    assert list(bad(verify(spoilt, performance=performance_file))) == ["repeats"]
    assert list(bad(verify(spoilt, strict=True))) == ["repeats"]


@pytest.fixture(scope="module")
def gap(performance, tmp_path_factory) -> str:
    """A performance file whose face is held from frame 32 on."""
    states, rows = performance.state.copy(), performance.frames.tolist()
    held, last = [rows.index(f) for f in (32, 33, 34, 35)], rows.index(31)
    states[held] = State.HELD
    moved = {}
    for name in ("frontal", "rotation", "scale", "translation", "raw_mesh", "raw_landmarks"):
        moved[name] = getattr(performance, name).copy()
        moved[name][held] = moved[name][last]
    path = tmp_path_factory.mktemp("gap") / "p.npz"
    dataclasses.replace(performance, state=states, **moved).save(path)
    return str(path)


@pytest.mark.parametrize("missing", ["hold", "black"])
def test_held_and_black_frames_may_repeat(gap, tmp_path, missing):
    sequence = make_sequence(tmp_path, gap, frames="31-33", missing=missing)
    report = verify(sequence)
    assert report.good, bad(report)
    assert report.answers["faces"].notes == ("frames 32-33: no face of the driver; held",)


def test_frames_in_which_nothing_moves_enough_for_the_plate_may_repeat(performance, tmp_path):
    """The driver moves by more than 0.1 mm, but by less than a quarter of a pixel of this small plate."""
    nearly = standing_still(performance)
    rows = [nearly.frames.tolist().index(frame) for frame in (31, 32)]
    nearly.frontal[rows, :, 1] += np.array([[0.012], [0.024]])
    nearly.save(tmp_path / "p.npz")
    # ``copy`` takes the driver's motion unchanged; with the default it would be larger.
    sequence = make_sequence(tmp_path, str(tmp_path / "p.npz"), frames="31-32", retarget="copy")
    report = verify(sequence)
    assert np.array_equal(*(read_plate(frame_path(sequence, frame)).rgb for frame in (31, 32)))
    assert report.good, bad(report)


@pytest.fixture(scope="module")
def deep(performance_file, tmp_path_factory) -> str:
    """A sequence of a plate that has a depth channel, infinite where there is nothing."""
    folder = tmp_path_factory.mktemp("deep")
    rgb = cv2.resize(read_plate(TARGET).rgb, (288, 288), interpolation=cv2.INTER_AREA)
    depth = np.full(rgb.shape[:2], 12.5, np.float32)
    depth[:40] = np.inf
    write_exr(folder / "plate.exr", rgb_channels(rgb) | {"Z": depth})
    return make_sequence(folder, performance_file, target=str(folder / "plate.exr"), frames="31-32")


def test_an_infinite_depth_of_the_plate_is_no_fault(deep, tmp_path):
    assert verify(deep, strict=True).good
    alone = copied(deep, tmp_path / "alone")
    Path(deep).parent.joinpath("plate.exr").rename(tmp_path / "away.exr")
    try:
        notes = verify(alone).answers["finite"].notes
    finally:
        (tmp_path / "away.exr").rename(Path(deep).parent / "plate.exr")
    assert len(notes) == 1 and "in channel Z; whether the plate has them is not known" in notes[0]


def test_a_depth_that_is_not_the_plates_is_a_fault(deep, tmp_path):
    spoilt = copied(deep, tmp_path / "spoilt")

    def spoil(spec, pixels):
        pixels[100, 100, list(spec.channelnames).index("Z")] = np.inf

    rewrite(spoilt, 32, spoil)
    assert any("values in channel Z" in text for text in bad(verify(spoilt))["finite"])


def test_a_sidecar_that_hides_a_lost_face_is_found(spoilt, gap):
    report = verify(spoilt, performance=gap)
    assert bad(report)["faces"] == (
        "frames 32-35: the face was tracked according to the sidecar, held according to the performance",
    )


def test_memory_is_flat_in_the_number_of_frames(sequence, tmp_path):
    import tracemalloc

    peaks = []
    for count in (8, 64):
        folder = tmp_path / str(count)
        folder.mkdir()
        for frame in range(1, count + 1):
            (folder / f"o.{frame:04d}.exr").symlink_to(frame_path(sequence, 30 + frame % 6))
        tracemalloc.start()
        verify(str(folder / "o.####.exr"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    plate = read_plate(frame_path(sequence, 30))
    # The number of frames decoded at once depends on the machine; the other frames must not stay in memory.
    assert peaks[1] - peaks[0] < 3 * plate.rgb.nbytes


def test_the_frames_option_sets_the_range(sequence):
    assert list(bad(verify(sequence, frames="30-36"))) == ["frames"]
    assert verify(sequence, frames="30-31").good


def test_names_with_unusual_characters(sequence, tmp_path):
    hostile = copied(sequence, tmp_path / "a b'\";$(touch x)\n--frames é")
    assert run(["verify", hostile]) == 0
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["o.exr"], 2, "####"),
        (["o.####.exr"], 1, "no frames of this name"),
        (["o.####.exr", "--frames", "x"], 1, "not understood"),
        (["o.####.exr", "--performance", "no.npz"], 1, "no.npz"),
    ],
)
def test_wrong_arguments_are_explained(tmp_path, monkeypatch, capsys, arguments, code, says):
    monkeypatch.chdir(tmp_path)
    assert run(["verify", *arguments]) == code
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said


def test_progress_for_programs(sequence, capsys):
    assert run(["verify", sequence, "--progress", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["done"] for e in events if e["event"] == "progress"] == [1, 2, 3, 4, 5, 6]
    assert events[-1]["event"] == "report" and events[-1]["good"]


def test_verify_imports_little(sequence):
    code = (
        "import sys\nfrom ofx_reenact.cli.main import run\n"
        f"assert run(['verify', {sequence!r}]) == 0\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr


def test_frames_of_a_video_have_its_rate(performance_file, tmp_path):
    clip = str(resource("demo", "plate.mpg"))
    output = make_sequence(tmp_path, performance_file, target=clip, target_frame=1, frames="31-32")
    report = verify(output)
    assert report.good, bad(report)
    assert read_plate(frame_path(output, 31)).fps == Sequence.open(clip).fps == 25
