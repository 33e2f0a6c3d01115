"""Benchmarks: structure, units, sums and errors; never how fast this machine is."""

import itertools
import json
import sys
import types
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from ofx_reenact.bench import peers, processes, stages
from ofx_reenact.bench.clock import Clock
from ofx_reenact.bench.plates import fit_picture, make_moving, make_shot
from ofx_reenact.bench.processes import Length, Run, memory_fields, run_together
from ofx_reenact.cli.bench_tables import table
from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.stages import observe_stages, stage

# Tiny networks under the names of the real ones. A convolution 1×1 of 3 → 3 channels on 256² is 2·9·256² operations.
CONVOLUTION = 2 * 9 * 256 * 256 / 1e9
NETWORK = """
import torch
{head}
class {name}(torch.nn.Module):
    def __init__(self, **sizes):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 3, 1)
    def forward(self, {inputs}):
        return {result}
"""


def network(name: str, inputs: str, result: str, head: str = "") -> str:
    return NETWORK.format(name=name, inputs=inputs, result=result, head=head)


UTIL = "from modules.util import NAME"
ADDED = "self.layer(source + kp_driving['value'] + kp_source['value'])"
FIRST_ORDER = {
    "config/vox-256.yaml": "model_params: {common_params: {num_kp: 10}, kp_detector_params: {}, generator_params: {}}",
    "sync_batchnorm/__init__.py": "NAME = 'theirs'",
    "modules/util.py": "from sync_batchnorm import NAME",
    "modules/keypoint_detector.py": network("KPDetector", "x", "{'value': self.layer(x)}", UTIL),
    "modules/generator.py": network("OcclusionAwareGenerator", "source, kp_driving, kp_source", ADDED, UTIL),
}
WARPED = "{'out': self.layer(feature_3d) + kp_source.mean()}"
LIVE_PORTRAIT = {
    "src/config/models.yaml": "model_params: {appearance_feature_extractor_params: {}, motion_extractor_params: {}, "
    "warping_module_params: {num_kp: 21}, spade_generator_params: {}}",
    "src/modules/appearance_feature_extractor.py": network("AppearanceFeatureExtractor", "x", "self.layer(x)"),
    "src/modules/motion_extractor.py": network("MotionExtractor", "x", "self.layer(x)"),
    "src/modules/warping_network.py": network("WarpingNetwork", "feature_3d, kp_source, kp_driving", WARPED),
    "src/modules/spade_generator.py": network("SPADEDecoder", "feature", "self.layer(feature)"),
}


# Stages that have nothing to do in a frame in which nothing moves.
MOVING = ("shade", "warp: STMap", "warp: sample", "translate")


def checkout(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


class Worker:
    def __init__(self, sleep):
        self.sleep = sleep

    @stage("out")
    def outer(self):
        self.sleep(2)
        self.inner()
        self.inner()

    @stage("in")
    def inner(self):
        self.sleep(5)

    @stage("out")
    def fails(self):
        self.inner()
        raise ValueError("as asked")


def test_clock_times_each_stage_without_the_stages_inside_it(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("ofx_reenact.bench.clock.time", types.SimpleNamespace(perf_counter=lambda: now[0]))

    def sleep(seconds: float) -> None:
        now[0] += seconds

    clock = Clock()
    with observe_stages(clock):
        Worker(sleep).outer()
        seconds, gflop = clock.take()
        assert clock.take() == ({}, {})
        with pytest.raises(ValueError, match="as asked"):
            Worker(sleep).fails()
        after, _ = clock.take()
    assert seconds == {"in": 10, "out": 2} and after == {"in": 5, "out": 0}
    assert not gflop
    Worker(sleep).outer()
    assert clock.take() == ({}, {}), "nobody watches any more"


def test_pictures_are_half_float_zip_and_the_driver_goes_back_and_forth(tmp_path):
    shot = make_shot(tmp_path, "256", 20)
    paths = [Path(shot.driver.replace("####", f"{frame:04d}")) for frame in range(1, 21)]
    for path in (shot.target, *paths):
        spec = oiio.ImageInput.open(str(path)).spec()
        assert (spec.width, spec.height, str(spec.format), spec.channelnames) == (256, 256, "half", ("R", "G", "B"))
        assert spec.get_string_attribute("compression") == "zip"
    pixels = [read_plate(path).rgb for path in paths]
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(pixels))
    assert all(np.array_equal(pixels[15 + i], pixels[15 - i]) for i in range(1, 5))


def test_frames_of_a_moving_target_differ_and_its_still_is_the_first(tmp_path):
    still, moving = make_moving(tmp_path, "256", 4)
    assert (still.kind, moving.kind) == ("still", "moving") and still.driver == moving.driver
    pixels = [read_plate(str(moving.target).replace("####", f"{frame:04d}")).rgb for frame in range(1, 5)]
    assert all(not np.array_equal(a, b) for a, b in itertools.combinations(pixels, 2))
    assert np.array_equal(read_plate(still.target).rgb, pixels[0])
    assert still.output != moving.output
    # Each frame has grain of its own: where the picture does not move, it shows in the ratio of two frames.
    ratio = pixels[1][60:90, 4:34, 1] / pixels[0][60:90, 4:34, 1]
    assert ratio.std() == pytest.approx(0.02 * 2**0.5, rel=0.3)


def test_a_moving_target_is_compared_with_its_still_pass_by_pass():
    samples = [stages._Samples(whole=[2.0, 8.0, 4.0], rendered=[1.0, 2.0, 4.0])]
    samples.append(stages._Samples(whole=[3.0, 8.0, 8.0], rendered=[1.0, 3.0, 5.0]))
    render, analysed = stages._compare_with_still("256", {("256", "still"): samples[0], ("256", "moving"): samples[1]})
    assert (render.what, render.samples, render.ratio) == ("rendered", 3, 1.25)
    assert (render.still_milliseconds, render.moving_milliseconds) == (2000, 3000)
    assert (analysed.what, analysed.ratio) == ("whole", 1.5)


def test_a_stage_without_samples_has_no_row():
    samples = stages._Samples()
    samples.seconds["read"] = [0.1, 0.3]
    (row,) = stages._rows(("256", "still"), samples, stages._Samples(), 100.0)
    assert (row.target, row.stage, row.samples, row.share) == ("still", "read", 2, 1)


def test_a_picture_is_fitted_without_cropping():
    picture = np.zeros((10, 10, 3), np.float32)
    picture[:, :5] = 1
    wide = fit_picture(picture, 40, 20)
    assert wide.shape == (20, 40, 3)
    assert wide[:, :18].min() > 0.99 and wide[:, 22:].max() < 0.01


@pytest.mark.slow
def test_stages_of_a_shot(capsys, tmp_path):
    line = ["bench", "stages", "--size", "256", "--frames", "4", "--runs", "1", "--device", "cpu"]
    assert run([*line, "--folder", str(tmp_path), "--json"]) == 0
    assert not list(tmp_path.iterdir())
    result = json.loads(capsys.readouterr().out)
    assert (result["schema"], result["kind"]) == ("ofx-reenact/bench/2", "stages")
    assert result["settings"] == {
        "size": ["256"], "frames": 4, "runs": 1, "profile": "warp", "moving": False, "device": "cpu", "threads": 0,
    }  # fmt: skip
    assert result["machine"]["cores"] >= 1 and result["versions"]["torch"] and result["peak_gflop_per_second"] > 0
    rows = {row["stage"]: row for row in result["tables"]["stages"]}
    assert tuple(rows) == tuple(stage for stage in stages.STAGES if stage not in ("plate", "parts"))
    assert "moving" not in result["tables"]
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1)
    for name, row in rows.items():
        assert 0 < row["milliseconds_p5"] <= row["milliseconds"] <= row["milliseconds_p95"], name
        assert row["per_second"] == pytest.approx(1000 / row["milliseconds"])
        assert row["per"] == ("shot" if name in stages.ONCE else "frame")
        assert row["samples"] == (1 if name in stages.ONCE else 4) or name in MOVING, name
        assert (row["gflop"] > 0) == (row["of_peak"] is not None) == (name in stages.NETWORKS), name
    rendered, whole = result["tables"]["shots"]
    assert (rendered["what"], whole["what"]) == ("rendered", "whole")
    assert (whole["frames"], whole["samples"], whole["size"]) == (4, 1, "256")
    each = sum(row["milliseconds"] for row in rows.values() if row["per"] == "shot") / 4
    assert whole["serial_milliseconds"] > each and rendered["serial_milliseconds"] is None
    assert rendered["frames_per_second"] == pytest.approx(1000 / rendered["milliseconds"])


@pytest.mark.slow
def test_stages_of_a_moving_target_beside_a_still(capsys, tmp_path):
    line = ["bench", "stages", "--moving", "--size", "256", "--frames", "6", "--runs", "1", "--device", "cpu"]
    assert run([*line, "--folder", str(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    tables = result["tables"]
    rows = {(row["target"], row["stage"]): row for row in tables["stages"]}
    assert ("moving", "plate") in rows and not {("still", "plate"), ("still", "parts")} & set(rows)
    # A moving target is tracked as well as the driver.
    assert (rows["still", "track"]["samples"], rows["moving", "track"]["samples"]) == (6, 12)
    took = {(row["target"], row["what"]): row["milliseconds"] for row in tables["shots"]}
    assert list(took) == [("still", "rendered"), ("still", "whole"), ("moving", "rendered"), ("moving", "whole")]
    for row in tables["moving"]:
        assert row["still_milliseconds"] == took["still", row["what"]]
        assert row["ratio"] == pytest.approx(took["moving", row["what"]] / took["still", row["what"]])


@pytest.mark.slow
def test_memory_against_length(capsys, tmp_path):
    assert run(["bench", "memory", "--frames", "3,2", "--folder", str(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    lengths = result["tables"]["lengths"]
    assert [row["frames"] for row in lengths] == [2, 3]
    # torch and OpenCV alone are more than 100 MiB, and no small render takes 100 GiB.
    assert all(100 < row["mebibytes"] < 1e5 and row["milliseconds"] > 0 for row in lengths)
    start, each = (result[name]["mebibytes"] for name in ("without_frames", "each_frame"))
    assert start + 2 * each == pytest.approx(lengths[0]["mebibytes"])


def test_a_fitted_line_is_the_value_without_frames_and_the_increase_per_frame():
    lengths = [Length(frames=n, **memory_fields([Run(4 + 0.25 * n, 1, 300 + 0.5 * n)])) for n in (10, 40, 160)]
    assert processes.fit_line(lengths, "mebibytes") == pytest.approx((300, 0.5))
    assert processes.fit_line(lengths, "milliseconds") == pytest.approx((4000, 250))


def test_speedup_is_computed_within_a_round():
    rounds = [{1: [Run(10, 8, 1)], 2: [Run(12, 9, 1), Run(16, 9, 1)]}, {1: [Run(20, 8, 1)], 2: [Run(20, 9, 1)] * 2}]
    scaled = processes._scaling_row(4, 2, 1, rounds)
    assert (scaled.frames, scaled.samples, scaled.milliseconds) == (8, 2, 18000)
    assert scaled.speedup == pytest.approx(np.median([2 * 10 / 16, 2 * 20 / 20]))
    assert scaled.cpu_milliseconds == pytest.approx(18000 / 8)


@pytest.mark.slow
def test_several_renders_at_the_same_time(capsys, tmp_path):
    line = ["bench", "scaling", "--processes", "2", "--frames", "2", "--size", "256", "--runs", "1"]
    assert run([*line, "--folder", str(tmp_path)]) == 0
    rows = [row.split("|")[1:-1] for row in capsys.readouterr().out.splitlines() if row.startswith("| ")]
    assert [cell.strip() for cell in rows[0]][:3] == ["processes", "frames", "n"]
    assert [[int(cell) for cell in row[:3]] for row in rows[1:]] == [[2, 4, 1]]
    assert float(rows[1][5]) == 1, "a speed-up is against the first number of processes"


def test_the_error_of_a_failed_render_is_reported(tmp_path):
    with pytest.raises(ReenactError, match=r"failed: .*none\.exr: no such file"):
        run_together([["render", "-t", str(tmp_path / "none.exr"), "-d", "d.mpg", "-o", str(tmp_path / "o.####.exr")]])


def test_networks_of_other_projects_are_timed_beside_ours(capsys, tmp_path, monkeypatch):
    pytest.importorskip("yaml")
    ours = types.ModuleType("modules")
    monkeypatch.setitem(sys.modules, "modules", ours)
    first, live = checkout(tmp_path / "fom", FIRST_ORDER), checkout(tmp_path / "live", LIVE_PORTRAIT)
    path = list(sys.path)
    assert run(["bench", "peers", str(first), str(live), "--runs", "2", "--device", "cpu", "--json"]) == 0
    assert sys.modules["modules"] is ours and sys.path == path
    assert not {"src.modules.motion_extractor", "sync_batchnorm"} & set(sys.modules)
    result = json.loads(capsys.readouterr().out)
    rows = result["tables"]["peers"]
    assert [(row["project"], row["per"]) for row in rows] == [
        ("ofx_reenact", "frame"), ("ofx_reenact", "frame"),
        ("first-order-model", "frame"), ("first-order-model", "target"),
        ("LivePortrait", "frame"), ("LivePortrait", "target"),
    ]  # fmt: skip
    assert [row["gflop"] / CONVOLUTION for row in rows[2:]] == pytest.approx([2, 1, 3, 2])
    assert rows[0]["ratio"] == 1
    assert all(row["milliseconds_p5"] <= row["milliseconds"] <= row["milliseconds_p95"] for row in rows)
    assert {row["samples"] for row in rows} == {2}


def test_an_incomplete_checkout_is_refused(tmp_path):
    with pytest.raises(ReenactError, match="none: no such folder; name a checkout of first-order-model or Live"):
        peers.build_networks(tmp_path / "none", "cpu")
    with pytest.raises(ReenactError, match="no checkout of first-order-model or LivePortrait"):
        peers.build_networks(tmp_path, "cpu")
    half = checkout(tmp_path / "half", {k: v for k, v in FIRST_ORDER.items() if k != "modules/generator.py"})
    with pytest.raises(ReenactError, match=r"first-order-model, modules/generator\.py is missing"):
        peers.build_networks(half, "cpu")


def test_a_checkout_that_cannot_be_built_is_refused(tmp_path):
    pytest.importorskip("yaml")
    other = FIRST_ORDER | {"modules/generator.py": "class OcclusionAwareGenerator:\n    pass\n"}
    with pytest.raises(ReenactError, match=r"cannot be built from this checkout \(TypeError: .*requirements.txt"):
        peers.build_networks(checkout(tmp_path, other), "cpu")


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (["stages", "--size", "8k"], 2, "--size 8k: choose from 256, 1080p, uhd"),
        (["stages", "--profile", "nice"], 2, "--profile nice: choose from warp, portrait"),
        (["stages", "--moving", "--size", "8k"], 2, "--size 8k: choose from 256, 1080p, uhd"),
        (["start", "--size", "8k"], 2, "--size 8k: choose from 256, 1080p, uhd"),
        (["stages", "--device", "tpu"], 2, "--device tpu: choose from auto, cpu, cuda, mps"),
        (["compare", ".", "--measure", "joy"], 2, "--measure joy: choose from rendered, analyse, stages, memory"),
        (["compare", "/nowhere/at/all"], 1, "/nowhere/at/all: not a checkout of ofx_reenact; name the folder"),
        (["memory", "--frames", "10,0"], 2, "--frames 10,0: give whole numbers from 1 on"),
        (["scaling", "--processes", "two"], 2, "--processes two: give whole numbers from 1 on"),
        (["memory", "--folder", "/nowhere/at/all"], 1, "/nowhere/at/all: no folder can be made there"),
        (["peers", "/nowhere/at/all"], 1, "/nowhere/at/all: no such folder"),
    ],
)
def test_wrong_options_are_named(capsys, line, code, said):
    assert run(["bench", *line]) == code
    assert said in capsys.readouterr().err


def test_tables_are_markdown_with_empty_cells_for_unknown_values():
    columns = (("a", "a", "{}"), ("share", "b", "{:.0%}"))
    assert table([{"a": "x", "b": 0.5}, {"a": "long", "b": None}], columns) == [
        "| a    | share |", "|------|-------|", "| x    | 50%   |", "| long |       |",
    ]  # fmt: skip
