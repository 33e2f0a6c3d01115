"""Curves in a render: a frame is the same alone and in a range, and says what it was made from."""

import json

import numpy as np
import pytest
from jobs import job, pixels

from ofx_reenact.cli.main import run
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import OutputError
from ofx_reenact.provenance import sidecar_path


def write(path, interpolation="smooth", **curves):
    said = {name: {"interpolation": interpolation, "frames": keys} for name, keys in curves.items()}
    path.write_text(json.dumps({"schema": "ofx-reenact/curves/1", "curves": said}))
    return str(path)


@pytest.fixture
def curved(tmp_path):
    curves = write(
        tmp_path / "c.json", weight_mouth={"20": 0, "29": 1}, gaze_x={"20": -20, "29": 20}, neck={"20": 0.2, "29": 0.5}
    )
    return {"curves": curves, "frames": "20-29"}


def test_a_frame_alone_is_the_frame_of_a_range_and_its_curve_counts(tmp_path, performance_file, curved):
    (tmp_path / "range").mkdir()
    render_sequence(job(tmp_path / "range", performance_file, **curved))
    whole = pixels(tmp_path / "range")
    for frame in (20, 24):
        alone = tmp_path / str(frame)
        alone.mkdir()
        render_sequence(job(alone, performance_file, **{**curved, "frames": str(frame)}))
        assert np.array_equal(pixels(alone)[frame], whole[frame])
    plain = tmp_path / "plain"
    plain.mkdir()
    render_sequence(job(plain, performance_file, frames="29"))
    assert not np.array_equal(pixels(plain)[29], whole[29])


def test_frames_know_their_curves(tmp_path, performance_file, curved):
    settings = job(tmp_path, performance_file, **{**curved, "frames": "24"})
    render_sequence(settings)
    said = json.loads(sidecar_path(settings.output).read_text())
    assert said["inputs"]["curves"]["name"] == curved["curves"] and len(said["inputs"]["curves"]["sha256"]) == 64
    write(tmp_path / "c.json", weight_mouth={"20": 1, "29": 0})
    with pytest.raises(OutputError, match="frames 24 already exist, made from other inputs"):
        render_sequence(job(tmp_path, performance_file, **{**curved, "frames": "24", "existing": "skip"}))


def test_a_file_that_is_none_ends_the_command_before_anything_is_tracked(tmp_path, capsys):
    path = write(tmp_path / "c.json", "fast", neck={"1": 0.2})
    line = ["render", "--target", "t.exr", "--driver", "d.####.exr", "--output", str(tmp_path / "o.####.exr")]
    assert run([*line, "--curves", path]) == 2
    said = capsys.readouterr().err
    assert f"{path}: neck: interpolation fast: choose from constant, linear, smooth" in said.replace("\n", " ")
    assert [one.name for one in tmp_path.iterdir()] == ["c.json"]


def test_a_turn_as_it_was_written_before_still_turns(tmp_path, performance_file):
    line = ["render", "--target", job(tmp_path).target, "--performance", performance_file, "--frames", "20"]
    for folder, turned in (("before", ["--gaze", "10,-5"]), ("now", ["--gaze-x", "10", "--gaze-y=-5"])):
        (tmp_path / folder).mkdir()
        assert run([*line, "--output", str(tmp_path / folder / "o.####.exr"), *turned]) == 0
    assert np.array_equal(pixels(tmp_path / "before")[20], pixels(tmp_path / "now")[20])
