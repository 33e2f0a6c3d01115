"""Farm jobs: the job file, its tasks, and frames after workers were killed."""

import json
import os
from pathlib import Path

import pytest
from conftest import DRIVER
from farm_jobs import small_take, small_target

from ofx_reenact.cli.main import run
from ofx_reenact.errors import FrameError, OutputError, SettingsError
from ofx_reenact.farm.farm_job import FarmJob
from ofx_reenact.settings import Settings


def job_of(folder: Path, performance_file: str, **more) -> FarmJob:
    options = {"output": str(folder / "out" / "o.####.exr"), "frames": "1-20", "performance": performance_file}
    settings = Settings(**{"target": str(small_target(folder)), **options, **more})
    return FarmJob.of(settings, chunk_size=7)


def test_tasks_share_the_analysis_and_skip_existing_frames(tmp_path, performance_file, monkeypatch):
    small_target(tmp_path)
    monkeypatch.chdir(tmp_path)
    job = FarmJob.of(Settings(target="target.png", driver=str(DRIVER), output="out/o.####.exr"), chunk_size=30)
    assert [str(chunk) for chunk in job.chunks] == ["1-30", "31-60", "61-75"]
    chosen = job.settings
    assert chosen.existing == "skip" and chosen.target == str(tmp_path / "target.png")
    assert {Path(path).parent for path in (chosen.performance, chosen.identity)} == {tmp_path / "out"}


def test_another_driver_or_option_gives_another_analysis(tmp_path):
    import shutil

    clip = tmp_path / "clip.mpg"
    shutil.copy(DRIVER, clip)
    settings = Settings(target=str(small_target(tmp_path)), driver=str(clip), output=str(tmp_path / "o.####.exr"))
    first = FarmJob.of(settings).settings.performance
    assert FarmJob.of(settings).settings.performance == first
    os.utime(clip, (1, 1))
    second = FarmJob.of(settings).settings.performance
    smoother = Settings(**{**settings.as_dict(), "smoothing": 2.0, "layers": ("rgba",), "appearance": ()})
    assert len({first, second, FarmJob.of(smoother).settings.performance}) == 3


def test_a_job_file_round_trip(tmp_path, performance_file):
    job = job_of(tmp_path, performance_file, weight_mouth=0.5, layers=("rgba", "matte"))
    job.save(tmp_path / "job.json")
    assert FarmJob.load(tmp_path / "job.json") == job


def test_a_sequence_whose_name_is_only_its_number(tmp_path, performance_file):
    assert job_of(tmp_path, performance_file, output=str(tmp_path / "####.exr")).name == "reenact"


@pytest.mark.parametrize(
    "edit",
    [
        lambda job: job["settings"].update(motion="sideways"),
        lambda job: job["settings"].update(weight_mouth="much"),
        lambda job: job["settings"].update(nonsense=1),
        lambda job: job["settings"].update(target="a\0b"),
        lambda job: job["settings"].update(target="a\udc80b"),
        lambda job: job.update(settings=[1, 2]),
        lambda job: job.update(frames="1-10:2"),
        lambda job: job.update(frames=""),
        lambda job: job.update(frames=7),
        lambda job: job.update(frames="1-3000000000"),
        lambda job: job.update(chunk_size=0),
        lambda job: job.update(chunk_size="7; rm"),
        lambda job: job.update(chunk_seconds=-1),
        lambda job: job.update(name="a\nJobDependencies=x"),
        lambda job: job.update(name=None),
        lambda job: job.update(more=1),
        lambda job: job.pop("frames"),
        lambda job: job.update(schema="other"),
    ],
)
def test_wrong_values_in_a_job_file_give_one_line(tmp_path, performance_file, capsys, edit):
    path = tmp_path / "job.json"
    job_of(tmp_path, performance_file).save(path)
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    assert run(["job", "task", str(path), "render", "--chunk=0"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(path) in said
    assert not (tmp_path / "out").exists()


def test_files_that_are_not_job_files(tmp_path, capsys):
    for content in (b"", b"\xff\xfe", b"[]", b"[" * 100_000):
        (tmp_path / "job.json").write_bytes(content)
        assert run(["job", "task", str(tmp_path / "job.json"), "render"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_job_file_of_the_node_of_version_0_1_is_refused(tmp_path, capsys):
    old = {"schema": "ofx-reenact/job/1", "name": "r", "version": "0.1.0", "settings": {}, "command": [], "file": ""}
    (tmp_path / "job.json").write_text(json.dumps(old))
    assert run(["job", "task", str(tmp_path / "job.json"), "render"]) == 2
    assert "write the job again (ofx-reenact job, or Send to farm)" in capsys.readouterr().err


def test_tasks_are_chosen_by_chunk_and_by_the_queue_s_frames(tmp_path, performance_file):
    job = job_of(tmp_path, performance_file, frames="1-19x2")
    assert str(job.select(1)) == "15-19x2" and str(job.select(frames="2-9")) == "3-9x2" and job.select() == job.frames
    for chunk in (-1, 2):
        with pytest.raises(SettingsError, match="chunks 0 to 1"):
            job.select(chunk)
    with pytest.raises(FrameError, match="none of them"):
        job.select(frames="2")


def test_an_unknown_step(tmp_path, performance_file, capsys):
    job_of(tmp_path, performance_file).save(tmp_path / "job.json")
    assert run(["job", "task", str(tmp_path / "job.json"), "paint"]) == 2
    assert "step 'paint': choose from analyse, render, verify" in capsys.readouterr().err


def test_tasks_run_in_this_process_and_frames_have_the_job_s_name(
    tmp_path, capsys, monkeypatch
):
    from ofx_reenact.provenance.attributes import read_attributes

    monkeypatch.delenv("OFX_REENACT_JOB", raising=False)
    settings = Settings(
        target=str(small_target(tmp_path)), driver=small_take(tmp_path, 3), repair="off", smoothing=0.0,
        output=str(tmp_path / "out" / "o.####.exr"),
    )  # fmt: skip
    job, file = FarmJob.of(settings, chunk_size=2, name="shot 10"), str(tmp_path / "job.json")
    job.save(Path(file))
    assert run(["job", "task", file, "analyse", "--progress=openjd"]) == 0
    assert "openjd_status: frames 1-3 tracked" in capsys.readouterr().out
    assert Path(job.settings.performance).exists() and Path(job.settings.identity).exists()
    assert run(["job", "task", file, "render", "--chunk=1", "--progress=deadline"]) == 0
    assert "Progress: 100%" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").glob("*.exr")] == ["o.0003.exr"]
    assert run(["job", "task", file, "verify"]) == 1
    assert not json.loads(job.report.read_text())["good"]
    assert run(["job", "task", file, "render", "--frames=1-2"]) == 0
    assert run(["job", "task", file, "verify"]) == 0
    assert json.loads(job.report.read_text())["good"]
    assert json.loads((tmp_path / "out" / "o.reenact.json").read_text())["job"] == "shot 10"
    assert read_attributes(tmp_path / "out" / "o.0003.exr")["reenact:job"] == "shot 10"
    assert "OFX_REENACT_JOB" not in os.environ
    # The queue's name has priority over the job's.
    monkeypatch.setenv("OFX_REENACT_JOB", "queue 7")
    (tmp_path / "out" / "o.0001.exr").unlink()
    assert run(["job", "task", file, "render"]) == 0
    assert read_attributes(tmp_path / "out" / "o.0001.exr")["reenact:job"] == "queue 7"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--preview=p.mp4"], "--preview"),
        (["--frames=90-100"], "the driver has frames"),
        (["--frames=1-10:2"], "with x"),
        (["--target=nobody.png"], "no such file"),
        (["--output=o.exr"], "####"),
        (["--appearance=a,b", "--target=nobody.png"], "no such file"),
        (["--chunk-size=0"], "chunk-size"),
    ],
)
def test_mistakes_are_reported_at_submission(tmp_path, capsys, monkeypatch, performance_file, options, said):
    small_target(tmp_path)
    monkeypatch.chdir(tmp_path)
    usual = ["--target=target.png", f"--performance={performance_file}", "--output=o.####.exr"]
    assert run(["job", "bundle", "b", *usual, *options]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_frames_of_a_killed_worker_get_into_the_sidecar(tmp_path, performance_file):
    output = tmp_path / "o.####.exr"
    options = [f"--target={small_target(tmp_path)}", f"--performance={performance_file}", f"--output={output}"]
    assert run(["render", *options, "--frames=1-4", "--repair=off"]) == 0
    sidecar = tmp_path / "o.reenact.json"
    whole = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**whole, "frames": {"1": whole["frames"]["1"]}}))
    assert run(["render", *options, "--frames=1-4", "--repair=off", "--existing=skip", "--compression=piz"]) == 0
    assert json.loads(sidecar.read_text()) == whole
    sidecar.unlink()
    (tmp_path / "o.0002.exr").unlink()
    assert run(["render", *options, "--frames=1-4", "--repair=off", "--existing=skip"]) == 0
    assert json.loads(sidecar.read_text())["frames"] == whole["frames"]


def test_a_frame_that_cannot_be_written_is_tried_twice(tmp_path, performance_file, monkeypatch):
    from ofx_reenact.engine import writer

    real, tries = writer.write_frame, []

    def failing(path, *arguments, **more):
        tries.append(path.name)
        if path.name == "o.0003.exr" or (path.name == "o.0002.exr" and tries.count(path.name) == 1):
            raise OutputError(f"{path}: cannot be written (no space left)")
        real(path, *arguments, **more)

    monkeypatch.setattr(writer, "write_frame", failing)
    named = [f"--target={small_target(tmp_path)}", f"--performance={performance_file}", "--repair=off"]
    assert run(["render", *named, f"--output={tmp_path / 'o.####.exr'}", "--frames=1-4"]) == 3
    assert sorted(path.name for path in tmp_path.glob("o.*.exr")) == ["o.0001.exr", "o.0002.exr", "o.0004.exr"]
    assert tries.count("o.0003.exr") == tries.count("o.0002.exr") == 2
