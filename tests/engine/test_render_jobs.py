"""Whole jobs: which frames are written, files beside them, errors that say what to do."""

import dataclasses
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import DRIVER, TARGET, driver_pictures
from jobs import job, pixels, write_rgb

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import FrameError, OutputError, ReenactError, SettingsError, TrackingError, WeightsError
from ofx_reenact.settings import Settings


def test_hold_black_and_error(performance, tmp_path):
    gone = performance.state.copy()
    gone[10:40] = 2
    path = tmp_path / "gap.npz"
    dataclasses.replace(performance, state=gone).save(path)
    held = render_sequence(job(tmp_path / "hold", str(path), frames="9-12"))
    assert held.held == (11, 12) and held.written == (9, 10, 11, 12) and held.faceless == (11, 12)
    black = render_sequence(job(tmp_path / "black", str(path), frames="9-12", missing="black"))
    assert black.black == (11, 12)
    assert not pixels(tmp_path / "black")[11].any() and pixels(tmp_path / "black")[10].any()
    with pytest.raises(TrackingError, match="no face in frames 11-12"):
        render_sequence(job(tmp_path / "error", str(path), frames="9-12", missing="error"))
    assert not (tmp_path / "error").exists()


def test_driver_frames_that_are_missing_or_faceless_are_named(tmp_path):
    driven = driver_pictures()
    for frame in range(1001, 1008):
        picture = next(driven)
        if frame != 1003:
            cv2.imwrite(str(tmp_path / f"d.{frame}.png"), picture * (frame != 1005))
    report = render_sequence(job(tmp_path, driver=str(tmp_path / "d.####.png")))
    assert report.written == tuple(range(1001, 1008))
    assert report.absent == (1003,) and report.faceless == (1005,) and report.bridged == (1003, 1005)
    sidecar = json.loads((tmp_path / "o.reenact.json").read_text())
    assert sidecar["frames"]["1005"]["face"] == "bridged"


def test_existing_frames(performance_file, tmp_path):
    settings = job(tmp_path, performance_file, frames="1-3")
    render_sequence(settings)
    with pytest.raises(OutputError, match="frames 1-3 already exist"):
        render_sequence(settings)
    cut = tmp_path / "o.0002.exr"
    cut.write_bytes(cut.read_bytes()[:-400])
    kept = (tmp_path / "o.0001.exr").stat().st_mtime_ns
    report = render_sequence(dataclasses.replace(settings, existing="skip"))
    assert report.skipped == (1, 3) and report.written == (2,)
    assert (tmp_path / "o.0001.exr").stat().st_mtime_ns == kept
    assert render_sequence(dataclasses.replace(settings, existing="overwrite")).written == (1, 2, 3)


def test_sidecar_of_chunks_describes_all_frames(performance_file, tmp_path):
    for frames in ("1-2", "5-6"):
        render_sequence(job(tmp_path, performance_file, frames=frames, driver=str(DRIVER)))
    sidecar = json.loads((tmp_path / "o.reenact.json").read_text())
    assert list(sidecar["frames"]) == ["1", "2", "5", "6"]
    assert sidecar["inputs"]["driver"]["files"] == 1 and len(sidecar["inputs"]["target"]["sha256"]) == 64
    assert sidecar["consent"] == "none" and sidecar["colour"]["space"] == "ACEScg"
    assert Settings.from_dict(sidecar["settings"]).frames == "5-6"


def test_identity_and_performance_files_are_written_and_read(tmp_path):
    options = {"identity": str(tmp_path / "i.safetensors"), "frames": "36"}
    render_sequence(job(tmp_path / "a", str(tmp_path / "p.npz"), driver=str(DRIVER), **options))
    made = [(tmp_path / name).read_bytes() for name in ("i.safetensors", "p.npz")]
    render_sequence(job(tmp_path / "b", str(tmp_path / "p.npz"), **options))
    assert [(tmp_path / name).read_bytes() for name in ("i.safetensors", "p.npz")] == made
    assert np.array_equal(pixels(tmp_path / "a")[36], pixels(tmp_path / "b")[36])


def test_bad_targets(target, tmp_path, performance_file):
    tiny, nan = np.ones((1, 1, 3)), target.pixels.copy()
    nan[3, 4, 1], nan[9, 9, 0] = np.nan, np.inf
    cases = {
        write_rgb(tmp_path, "one", tiny): (TrackingError, r"one\.exr: no face"),
        write_rgb(tmp_path, "blank", np.zeros((90, 90, 3))): (TrackingError, "--target-landmarks"),
        write_rgb(tmp_path, "nan", nan): (
            FrameError, r"1 NaN and 1 infinite values, the first in channel R at \(9, 9\)"
        ),
        write_rgb(tmp_path, "wide", np.zeros((16, 16384, 3))): (TrackingError, r"wide\.exr: no face"),
        str(tmp_path / "gone.exr"): (FrameError, "no such file"),
        "": (SettingsError, "--target is needed"),
    }
    for path, (kind, says) in cases.items():
        with pytest.raises(kind, match=says):
            render_sequence(job(tmp_path / "out", performance_file, target=path))
    assert not (tmp_path / "out").exists()


def test_bad_jobs(performance_file, tmp_path):
    (tmp_path / "file").touch()
    cases = [
        ({"frames": "70-90"}, FrameError, "the driver has frames 1-75, not 76-90"),
        ({"frames": "x"}, FrameError, "not understood"),
        ({"output": str(tmp_path / "o.exr")}, SettingsError, "####"),
        ({"output": str(tmp_path / "file" / "o.####.exr"), "frames": "1"}, OutputError, "cannot be"),
        ({"performance": "", "driver": ""}, SettingsError, "--driver is needed"),
        ({"reference": 500}, SettingsError, "--reference 500"),
        ({"weights": str(TARGET)}, WeightsError, "not a safetensors file"),
        ({"colorspace": "nonsense"}, FrameError, "nonsense"),
        ({"consent": str(tmp_path / "no.json")}, ReenactError, r"no\.json"),
    ]
    for options, kind, says in cases:
        with pytest.raises(kind, match=says):
            render_sequence(job(tmp_path / "out", performance_file, **options))
    assert not list(tmp_path.rglob("*.exr")) and not list(tmp_path.rglob("*tmp*"))


LIMITED = """
import resource, signal, sys
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.settings import Settings
from ofx_reenact.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    render_sequence(Settings(target={target!r}, performance={performance!r}, output={output!r}, frames="1-2"))
except OutputError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.slow
def test_full_disk(performance_file, tmp_path):
    code = LIMITED.format(target=str(TARGET), performance=performance_file, output=str(tmp_path / "o.####.exr"))
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 7, child.stderr
    assert "full or the file size" in child.stdout
    assert not list(tmp_path.iterdir())
