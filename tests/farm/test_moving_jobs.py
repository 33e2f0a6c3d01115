"""Farm jobs of a moving target: frames, files that chunks share, mistakes."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import DRIVER, write_exr
from moving import COUNT, FIRST, FRAMES, START

from ofx_reenact.cli.main import run
from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.farm.bundle import make_asset_references, make_parameter_values, make_template
from ofx_reenact.farm.farm_job import FarmJob
from ofx_reenact.settings import Settings


def job_of(folder: Path, plate: str, **more) -> FarmJob:
    options = {"driver": str(DRIVER), "driver_start": START, "repair": "off", **more}
    return FarmJob.of(Settings(target=plate, output=str(folder / "o.####.exr"), **options), chunk_size=4)


def test_the_targets_frames_are_the_jobs(tmp_path, moving_plate):
    job = job_of(tmp_path, moving_plate)
    assert job.frames.numbers == tuple(FRAMES)
    assert [str(chunk) for chunk in job.chunks] == ["1001-1004", "1005-1006"]
    names = ("performance", "target_performance", "identity", "parts_file")
    shared = [Path(getattr(job.settings, name)) for name in names]
    assert len(set(shared)) == 4 and {path.parent for path in shared} == {tmp_path}


def test_one_frame_of_a_moving_target_is_a_still(tmp_path, moving_plate):
    job = job_of(tmp_path, moving_plate, target_frame=FIRST + 1)
    assert (job.frames.first, job.frames.last) == (1, 75)
    assert not job.settings.target_performance and not job.settings.parts_file


def test_options_that_change_the_face_change_only_the_parts_file(tmp_path, moving_plate):
    first, second = (job_of(tmp_path, moving_plate, weight_mouth=weight).settings for weight in (1.0, 0.5))
    assert first.target_performance == second.target_performance and first.parts_file != second.parts_file
    for options in ({"parts": "off"}, {"profile": "portrait"}):
        assert not job_of(tmp_path, moving_plate, **options).settings.parts_file


def test_a_bundle_shares_and_maps_what_is_analysed(tmp_path, moving_plate):
    write_exr(tmp_path / "m.exr", {"A": np.zeros((288, 360), np.float32)})
    write_exr(tmp_path / "n.exr", {"A": np.ones((288, 360), np.float32)})
    job = job_of(tmp_path, moving_plate, holdout=str(tmp_path / "m.exr"), mask=str(tmp_path / "n.exr"))
    made = make_template(job)
    defined = {one["name"]: one for one in made["parameterDefinitions"]}
    kinds = {"TargetPerformance": "OUT", "PartsFile": "OUT", "Holdout": "IN", "Mask": "IN", "Target": "NONE"}
    assert {name: (defined[name]["type"], defined[name]["dataFlow"]) for name in kinds} == {
        name: ("PATH", flow) for name, flow in kinds.items()
    }
    analyse, render, verify = (step["script"]["actions"]["onRun"]["args"] for step in made["steps"])
    assert "--parts-file={{Param.PartsFile}}" in analyse and "--holdout={{Param.Holdout}}" in render
    assert "--target-performance={{Param.TargetPerformance}}" in verify
    assets = make_asset_references(job)["assetReferences"]
    assert {str(Path(moving_plate).parent / f"plate.{frame}.exr") for frame in FRAMES} <= set(
        assets["inputs"]["filenames"]
    )
    assert {str(tmp_path / "m.exr"), str(tmp_path / "n.exr")} <= set(assets["inputs"]["filenames"])
    assert assets["outputs"]["directories"] == [str(tmp_path)]


def test_a_bundle_with_every_option_has_at_most_50_parameters(tmp_path, moving_plate):
    given = {
        "consent": "c.json", "weights": "w.safetensors", "fdgan_weights": "f.safetensors", "landmarks": "l.json",
        "target_landmarks": "t.json", "colorspace": "ACEScg", "driver_colorspace": "sRGB", "layer": "rgba",
        "driver_layer": "rgba", "reference": 3, "target_reference": FIRST, "appearance": ("a.png",), "depth": "float",
        "device": "cpu", "holdout": "",
    }  # fmt: skip
    job = job_of(tmp_path, moving_plate, **given)
    names = [one["name"] for one in make_template(job)["parameterDefinitions"]]
    assert len(names) == 50 and set(make_parameter_values(job)) == set(names)
    # All options that are not at their defaults are among them.
    assert {"Depth", "Device", "DriverStart", "Consent", "TargetReference"} <= set(names)


def test_tasks_render_the_targets_frames_from_one_analysis(tmp_path, moving_plate, capsys):
    job, file = job_of(tmp_path, moving_plate), str(tmp_path / "job.json")
    job.save(Path(file))
    assert run(["job", "task", file, "analyse", "--progress=openjd"]) == 0
    said = capsys.readouterr().out
    assert "openjd_status: frames 1-75 tracked" in said
    assert f"openjd_status: target: frames {FIRST}-{FIRST + COUNT - 1} tracked" in said
    names = ("performance", "target_performance", "identity", "parts_file")
    made = {name: Path(getattr(job.settings, name)) for name in names}
    before = {path: path.read_bytes() for path in made.values()}
    for chunk in (1, 0):
        assert run(["job", "task", file, "render", f"--chunk={chunk}"]) == 0
    assert {path: path.read_bytes() for path in made.values()} == before
    assert run(["job", "task", file, "verify"]) == 0
    assert json.loads(job.report.read_text())["frames"] == f"{FIRST}-{FIRST + COUNT - 1}"
    sidecar = json.loads((tmp_path / "o.reenact.json").read_text())
    assert len(sidecar["takes"]) == 1 and sidecar["inputs"]["target"]["files"] == COUNT
    assert {"target_performance", "parts_file"} <= set(sidecar["inputs"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"frames": "1-10"}, "--frames 1-10: the target has frames 1001-1006, not 1-10"),
        ({"driver_start": 90}, "--driver-start 90: no frame of the target meets one of the driver's 1-75"),
        ({"driver_start": 72, "missing": "error"}, "the driver's frames 1-75 do not reach the target's 1005-1006"),
        ({"holdout": "m.####.exr"}, "no frames of this name"),
        ({"holdout": "small.exr"}, "the holdout is 9 x 8 pixels, the target 360 x 288"),
        ({"mask": "small.exr"}, "the mask is 9 x 8 pixels, the target 360 x 288"),
        ({"driver": ""}, "--driver is needed"),
    ],
)
def test_mistakes_are_reported_at_submission(tmp_path, moving_plate, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    write_exr(tmp_path / "small.exr", {"A": np.zeros((8, 9), np.float32)})
    with pytest.raises((FrameError, SettingsError)) as raised:
        job_of(tmp_path, moving_plate, **options)
    assert says in str(raised.value) and "\n" not in str(raised.value)
    # A driver that ends early is otherwise no error.
    assert job_of(tmp_path, moving_plate, driver_start=72, frames="1001-1004", missing="error")


def test_a_target_with_missing_frames_is_refused(tmp_path, moving_plate):
    for frame in (1001, 1002, 1005):
        (tmp_path / f"p.{frame}.exr").symlink_to(Path(moving_plate).parent / f"plate.{frame}.exr")
    with pytest.raises(FrameError, match=r"p\.####\.exr: frames 1003-1004 are missing"):
        job_of(tmp_path, str(tmp_path / "p.####.exr"))
