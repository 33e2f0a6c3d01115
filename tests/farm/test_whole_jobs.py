"""Whole jobs on this machine: with any chunk size, queue or killed process, the pixels are those of one render."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
import slurm_cluster
from farm_jobs import processes, same_frames, small_take, small_target

from ofx_reenact.cli.main import run
from ofx_reenact.frames.plate import read_plate

pytest.importorskip("openjd.sessions", reason="the farm extra is not installed")
pytestmark = pytest.mark.slow
COMMAND = (sys.executable, "-m", "ofx_reenact")
FRAMES, CHUNK, CHUNKS = 14, 2, 7
KILLS = 10


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> Path:
    """A target, a driver, and renders without chunks: ``whole`` without and ``repaired`` with FD-GAN."""
    made = tmp_path_factory.mktemp("shot")
    small_target(made)
    small_take(made, FRAMES)
    for name, more in (("whole", []), ("repaired", ["--repair=on"])):
        assert run(["render", *options(made, made / name, *more), f"--performance={made / 'whole.npz'}"]) == 0
    return made


@pytest.fixture(autouse=True)
def install(monkeypatch):
    monkeypatch.setenv("OFX_REENACT_PYTHON", sys.executable)


def options(shot: Path, out: Path, repair: str = "--repair=off") -> list[str]:
    named = [f"--target={shot / 'target.png'}", f"--driver={shot / 'take.####.png'}", f"--output={out / 'o.####.exr'}"]
    return [*named, "--layers=rgba,matte", repair]


def bundle(shot: Path, out: Path, *repair: str) -> Path:
    folder = out / "bundle"
    assert run(["job", "bundle", str(folder), *options(shot, out, *repair), f"--chunk-size={CHUNK}"]) == 0
    return folder


def assert_as_whole(shot: Path, out: Path, name: str = "whole") -> None:
    whole = list(range(1, FRAMES + 1))
    assert same_frames(str(out / "o.####.exr"), str(shot / name / "o.####.exr")) == whole
    sidecar = json.loads((out / "o.reenact.json").read_text())
    assert [int(frame) for frame in sidecar["frames"]] == whole


def test_two_workers_in_chunks(shot, tmp_path):
    made = bundle(shot, tmp_path, "--repair=on")
    line = [*COMMAND, "job", "run", str(made), "--workers=2"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=3000, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_as_whole(shot, tmp_path, "repaired")
    report = json.loads((made / "report.json").read_text())
    renders = [task for task in report["tasks"] if task["step"] == "Render"]
    assert len(renders) == CHUNKS and all(task["tries"] == 1 for task in renders)
    begun = sorted(float(re.search(r"begun after ([\d.]+) s", task["said"])[1]) for task in renders)
    # The first chunk of each worker loads the engine; the others start at once, however fast this machine is.
    assert begun[len(begun) // 2] < begun[-1] / 4, begun


def test_openjd_runs_the_bundle(shot, tmp_path):
    openjd = Path(sys.executable).with_name("openjd")
    if not openjd.exists():
        pytest.skip("the openjd command is not beside this Python")
    made = bundle(shot, tmp_path)
    line = [openjd, "run", made / "template.yaml", "-p", f"file://{made / 'openjd_parameters.json'}"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=3000, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert_as_whole(shot, tmp_path)


def test_workers_killed_ten_times_leave_whole_frames(shot, tmp_path):
    made = bundle(shot, tmp_path)
    mark, rng = f"OFX_REENACT_TEST_MARK={uuid.uuid4()}", random.Random(4)
    environment = {**os.environ, "OFX_REENACT_TEST_MARK": mark.partition("=")[2]}
    killed, until = 0, time.monotonic() + 6000
    kinds = {"run": 0, "listen": 0}
    line = [*COMMAND, "job", "run", str(made), "--workers=2"]
    done = None
    while killed < KILLS or done != 0:
        assert time.monotonic() < until, (killed, done)
        # A job whose tasks were killed more than 12 times is run again, as a wrangler would.
        job = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while job.poll() is None:
            time.sleep(rng.uniform(0.2, 2))
            # Half of them renderers, half engines, running or starting.
            spent = [kind for kind, count in kinds.items() if count >= KILLS // 2]
            found = [number for number in _victims(mark, job.pid) if _kind(number) not in spent]
            if found and killed < KILLS and job.poll() is None:
                victim = rng.choice(found)
                kind = _kind(victim)
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                killed += 1
                if kind:
                    kinds[kind] += 1
        done = job.returncode
        if done == 0 and killed < KILLS:
            # The job ended before ten kills: some frames are removed.
            for frame in rng.sample(range(1, FRAMES + 1), FRAMES // 2):
                (tmp_path / f"o.{frame:04d}.exr").unlink()
    assert min(kinds.values()) >= 3
    # A partial file of a killed writer has another name and is never used as a frame.
    for left in tmp_path.glob("*.tmp-*"):
        left.unlink()
    assert_as_whole(shot, tmp_path)


@pytest.mark.parametrize("way", ["job run", "openjd run"])
def test_engines_end_after_the_process_that_runs_the_job_was_killed(shot, tmp_path, way):
    openjd = Path(sys.executable).with_name("openjd")
    if way == "openjd run" and not openjd.exists():
        pytest.skip("the openjd command is not beside this Python")
    made = bundle(shot, tmp_path)
    mark = f"OFX_REENACT_TEST_MARK={uuid.uuid4()}"
    environment = {**os.environ, "OFX_REENACT_TEST_MARK": mark.partition("=")[2]}
    line = [*COMMAND, "job", "run", str(made)]
    if way == "openjd run":
        line = [openjd, "run", made / "template.yaml", "-p", f"file://{made / 'openjd_parameters.json'}"]
    job = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 300
    while not list(tmp_path.glob("o.*.exr")):
        assert time.monotonic() < until and job.poll() is None
        time.sleep(0.1)
    assert "listen" in map(_kind, processes(mark))
    job.kill()
    job.wait()
    until = time.monotonic() + 60
    while processes(mark):
        assert time.monotonic() < until, [_kind(number) for number in processes(mark)]
        time.sleep(0.2)
    assert not list(tmp_path.glob("*.tmp-*"))


def _victims(mark: str, job: int) -> list[int]:
    """The job's renderers and engines, without the process that runs the job."""
    return [number for number in processes(mark) if number != job and _kind(number) in ("run", "listen")]


def _kind(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return words[words.index(b"engine") + 1].decode() if b"engine" in words else ""


def test_two_workers_render_one_chunk(shot, tmp_path):
    shared = [f"--performance={shot / 'whole.npz'}", "--existing=skip", "--frames=1-10"]
    line = [*COMMAND, "render", *options(shot, tmp_path), *shared]
    both = [subprocess.Popen(line, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(400) for one in both] == [0, 0]
    for frame in range(1, 11):
        name = f"o.{frame:04d}.exr"
        assert (read_plate(tmp_path / name).rgb == read_plate(shot / "whole" / name).rgb).all()
    assert len(list(tmp_path.glob("*.exr"))) == 10


@pytest.mark.slurm
@pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=slurm_cluster.why_not())
def test_slurm_s_array_on_two_nodes(shot, tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    out = work / "out"
    line = [*COMMAND, "job", "slurm", str(work / "a job"), *options(shot, out), f"--chunk-size={CHUNK}", "--submit"]
    cluster = slurm_cluster.Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        done = subprocess.run(line, env=cluster.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        ids = done.stdout.splitlines()[-1].split()[1:]
        assert len(ids) == 3
        cluster.wait(500)
    finally:
        cluster.stop()
    logs = {path.name: path.read_text() for path in (work / "a job" / "log").iterdir()}
    assert_as_whole(shot, out)
    # Every chunk was rendered by its own task.
    assert sum("frames written" in text for name, text in logs.items() if name.startswith("render.")) == CHUNKS
