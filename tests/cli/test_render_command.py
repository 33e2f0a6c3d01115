"""``render``: what it prints for people and for programs, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from conftest import TARGET

from ofx_reenact.cli.main import run


@pytest.fixture(scope="module")
def small_target(tmp_path_factory) -> Path:
    """The demo target at a third of its size; all tests of this module share an identity file beside it."""
    path = tmp_path_factory.mktemp("target") / "t.png"
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(TARGET)), (320, 320), interpolation=cv2.INTER_AREA))
    return path


@pytest.fixture
def line(small_target, performance_file, tmp_path) -> list[str]:
    return [
        "render", "--target", str(small_target), "--performance", performance_file,
        "--output", str(tmp_path / "o.####.exr"), "--identity", str(small_target.with_name("i.npz")), "--repair", "off",
    ]  # fmt: skip


def test_render_prints_what_it_wrote(line, tmp_path, capfd):
    assert run([*line, "--frames", "36-37", "--layers", "rgba,matte"]) == 0
    said = capfd.readouterr().out
    assert "2 frames written" in said and "o.reenact.json" in said and "ACEScg" in said
    seen = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert seen == ["o.0036.exr", "o.0037.exr", "o.reenact.json"]
    assert {path.name for path in tmp_path.iterdir()} - set(seen) <= {".o.reenact.json.lock"}


def test_progress_as_json_lines(line, capfd):
    assert run([*line, "--frames", "36-37", "--progress", "json"]) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    steps = [event for event in events if event["event"] == "progress" and event["stage"] == "render"]
    assert [(step["frame"], step["done"], step["total"]) for step in steps] == [(None, 0, 2), (36, 1, 2), (37, 2, 2)]
    assert events[-1]["event"] == "report" and events[-1]["written"] == [36, 37]


def test_errors_are_one_line_without_traceback(line, tmp_path, capfd):
    assert run([*line, "--frames", "900", "--progress", "json"]) == 1
    said = capfd.readouterr()
    assert said.err.count("\n") == 1 and said.err.startswith("error: --frames 900: the driver has frames 1-75")
    assert json.loads(said.out.splitlines()[-1])["event"] == "error"
    assert not list(tmp_path.iterdir())


def test_exit_code_is_3_if_some_frames_failed(line, tmp_path, capfd):
    (tmp_path / "o.0037.exr").mkdir()
    (tmp_path / "o.0037.exr" / "x").touch()
    assert run([*line, "--frames", "36-38", "--existing", "overwrite"]) == 3
    said = capfd.readouterr().out
    assert "frame 37 failed" in said and "2 frames written" in said


@pytest.mark.slow
def test_paths_with_unusual_characters(small_target, performance_file, tmp_path):
    """In a new process, as users run it."""
    folder = tmp_path / 'it\'s a "földer" $(x); 顔'
    folder.mkdir()
    target = folder / "a b.png"
    target.write_bytes(small_target.read_bytes())
    line = [
        sys.executable, "-m", "ofx_reenact", "render", "--target", str(target), "--performance", performance_file,
        "--frames", "36", "--output", str(folder / "o ü.####.exr"), "--identity", str(folder / "i'.npz"),
        "--repair", "off",
    ]  # fmt: skip
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert (folder / "o ü.0036.exr").is_file() and (folder / "i'.npz").is_file()
