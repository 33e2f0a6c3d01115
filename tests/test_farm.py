"""The farm: one job model, its files for each queue, and values that no shell may see."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import DRIVER
from farm_jobs import calls, recorder, small_target

from ofx_reenact.cli.main import run
from ofx_reenact.errors import FrameError, OutputError, SettingsError
from ofx_reenact.farm.model import FarmJob
from ofx_reenact.farm.slurm import write_slurm
from ofx_reenact.farm.task import task_arguments
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.settings import Settings

yaml = pytest.importorskip("yaml", reason="the farm extra is not installed")
pytest.importorskip("openjd.sessions", reason="the farm extra is not installed")
GOLDEN = Path(__file__).parent / "golden" / "farm"
HOSTILE = {
    "spaces": "a face  of nobody",
    "quotes": 'it\'s "quoted" `here`',
    "shell": "a;touch pwned;$(touch pwned)&|<>*?!~$HOME",
    "newline": "one\ntwo\nopenjd_env: PATH=nowhere",
    "unicode": "Gesicht ünïcode 顔 🙂",
    "long": "n" * 200,
    "option": "--frames=1-2",
    "dash": "-o",
    "template": "{{Param.Target}} {{Session.WorkingDirectory}} %s {0}",
    "percent": "100%n %PATH%",
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    small_target(folder)
    return folder


def job_of(folder: Path, performance_file: str, **more) -> FarmJob:
    options = {"output": str(folder / "out" / "o.####.exr"), "frames": "1-20", "performance": performance_file}
    settings = Settings(**{"target": str(small_target(folder)), **options, **more})
    return FarmJob.of(settings, chunk_size=7)


def test_tasks_share_what_is_analysed_and_skip_what_is_there(tmp_path, performance_file, monkeypatch):
    small_target(tmp_path)
    monkeypatch.chdir(tmp_path)
    job = FarmJob.of(Settings(target="target.png", driver=str(DRIVER), output="out/o.####.exr"), chunk_size=30)
    assert [str(chunk) for chunk in job.chunks] == ["1-30", "31-60", "61-75"]
    chosen = job.settings
    assert chosen.existing == "skip" and chosen.target == str(tmp_path / "target.png")
    assert {Path(path).parent for path in (chosen.performance, chosen.identity)} == {tmp_path / "out"}
    render = job.arguments("render", job.chunks[1])
    assert render[0] == "render" and "--frames=31-60" in render and f"--performance={chosen.performance}" in render
    assert all(argument.startswith("--") and "=" in argument for argument in render[1:])
    assert f"--performance={chosen.performance}" in job.arguments("analyse")
    with pytest.raises(FrameError, match="76"):
        job.arguments("render", FrameRange.parse("70-76"))


def test_another_driver_or_look_at_it_is_another_analysis(tmp_path):
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


def test_a_job_file_says_the_same_again(tmp_path, performance_file):
    job = job_of(tmp_path, performance_file, weight_mouth=0.5, layers=("rgba", "matte"))
    job.save(tmp_path / "job.json")
    assert FarmJob.load(tmp_path / "job.json") == job


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
def test_nonsense_in_a_job_file_is_one_line(tmp_path, performance_file, capsys, edit):
    path = tmp_path / "job.json"
    job_of(tmp_path, performance_file).save(path)
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    assert run(["job", "task", str(path), "render", "--chunk=0"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(path) in said
    assert not (tmp_path / "out").exists()


def test_a_job_file_that_is_none(tmp_path, capsys):
    for content in (b"", b"\xff\xfe", b"[]", b"[" * 100_000):
        (tmp_path / "job.json").write_bytes(content)
        assert run(["job", "task", str(tmp_path / "job.json"), "render"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_tasks_by_chunk_and_by_the_queue_s_frames(tmp_path, performance_file):
    job = job_of(tmp_path, performance_file, frames="1-19x2")
    assert "--frames=15-19x2" in task_arguments(job, "render", 1, "", "")
    assert "--frames=3-9x2" in task_arguments(job, "render", None, "2-9", "")
    assert task_arguments(job, "render", 0, "", "deadline")[-1] == "--progress=deadline"
    for chunk in (-1, 2):
        with pytest.raises(SettingsError, match="chunks 0 to 1"):
            task_arguments(job, "render", chunk, "", "")
    with pytest.raises(FrameError, match="none of them"):
        task_arguments(job, "render", None, "2", "")
    with pytest.raises(SettingsError, match="choose from"):
        task_arguments(job, "paint", None, "", "")


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
def test_what_cannot_go_to_a_farm_is_said_at_the_desk(tmp_path, capsys, monkeypatch, performance_file, options, said):
    small_target(tmp_path)
    monkeypatch.chdir(tmp_path)
    usual = ["--target=target.png", f"--performance={performance_file}", "--output=o.####.exr"]
    assert run(["job", "bundle", "b", *usual, *options]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def bundle(folder: Path, performance_file: str, *options: str, target: Path | None = None) -> Path:
    made = folder / "bundle"
    named = [f"--target={target or small_target(folder)}", f"--performance={performance_file}"]
    frames = ["--frames=1-9", "--chunk-size=3"]
    assert run(["job", "bundle", str(made), *named, f"--output={folder / 'o.####.exr'}", *frames, *options]) == 0
    return made


def test_openjd_accepts_the_bundle(tmp_path, performance_file):
    made = bundle(tmp_path, performance_file, "--device=cuda", "--reference=3", "--chunk-seconds=60")
    done = subprocess.run(
        [_openjd(), "check", str(made / "template.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    template = yaml.safe_load((made / "template.yaml").read_text())
    steps = {step["name"]: step for step in template["steps"]}
    assert list(steps) == ["Analyse", "Render", "Verify"]
    needs = {amount["name"]: amount["min"] for amount in steps["Render"]["hostRequirements"]["amounts"]}
    assert needs["amount.worker.gpu"] == 1 and needs["amount.worker.gpu.memory"] > 0
    assert "hostRequirements" not in steps["Verify"]
    defined = {one["name"]: one for one in template["parameterDefinitions"]}
    assert defined["Target"] | {"type": "PATH", "objectType": "FILE", "dataFlow": "IN"} == defined["Target"]
    assert defined["Output"]["dataFlow"] == "OUT" and defined["Performance"]["dataFlow"] == "IN"
    assert defined["WeightMouth"]["maxValue"] == 2 and "allowedValues" in defined["Motion"]
    assert defined["Tracker"]["default"] == "mesh" and "allowedValues" not in defined["Tracker"], "a studio has its own"
    assets = yaml.safe_load((made / "asset_references.yaml").read_text())["assetReferences"]
    assert performance_file in assets["inputs"]["filenames"]


@pytest.mark.parametrize("name", HOSTILE, ids=str)
def test_no_value_reaches_a_shell(tmp_path, performance_file, monkeypatch, name):
    text = HOSTILE[name]
    desk, work = tmp_path / "desk", tmp_path / "work"
    desk.mkdir()
    work.mkdir()
    target = small_target(desk).rename(desk / f"{text}.png")
    options = [f"--target={target}", f"--performance={performance_file}", f"--output={desk / text}.####.exr"]
    options += [f"--colorspace={text}", "--frames=1-6", "--chunk-size=3"]
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(recorder(desk)))
    monkeypatch.chdir(work)
    assert run(["job", "bundle", "b", *options]) == 0
    assert run(["job", "run", "b"]) == 0
    renders = [call for call in calls(desk) if call[:2] == ["engine", "run"]]
    assert [call[3] for call in renders] == ["--chunk=1-3", "--chunk=4-6"]
    for call in renders:
        assert {f"--target={target}", f"--output={desk / text}.####.exr", f"--colorspace={text}"} <= set(call)
    # The same job through Slurm's script.
    assert run(["job", "slurm", "s", *options]) == 0
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": "1"}
    subprocess.run([work / "s" / "task.sh", work / "s" / "job.json", "render"], env=environment, check=True)
    assert calls(desk)[-1] == ["job", "task", str(work / "s" / "job.json"), "render", "--chunk=1"]
    chunk = task_arguments(FarmJob.load(work / "s" / "job.json"), "render", 1, "", "")
    assert {f"--target={target}", f"--output={desk / text}.####.exr", "--frames=4-6"} <= set(chunk)
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("parameter_values.yaml", "value: 1-9", "value: 1-9x2; rm -rf x"),
        ("parameter_values.yaml", "value: 1-9", "value: ''"),
        ("parameter_values.yaml", "value: 1-9", "value: 1-3000000000"),
        ("parameter_values.yaml", "value: 3", "value: -3"),
        ("parameter_values.yaml", "value: 3", "value: many"),
        ("parameter_values.yaml", "value: relative", "value: sideways"),
        ("parameter_values.yaml", "value: relative", "value: [1, 2]"),
        ("parameter_values.yaml", "value: relative", "value: 'relative'\n  more: 1"),
        ("parameter_values.yaml", "- name: Motion", "- name: Nonsense"),
        ("parameter_values.yaml", "parameterValues:", "parameterValues: 7\nother:"),
        ("parameter_values.yaml", "value: relative", 'value: "a\\0b"'),
        ("parameter_values.yaml", "value: relative", "value: {{{"),
        ("template.yaml", "name: Render", "name: Verify"),
        ("template.yaml", "dependsOn: Render", "dependsOn: Nowhere"),
        ("template.yaml", "{{Param.Motion}}", "{{Param.Nothing}}"),
        ("template.yaml", "specificationVersion: jobtemplate-2023-09", "specificationVersion: 7"),
        ("template.yaml", "steps:", "steps: []\nmore:"),
    ],
)
def test_nonsense_in_a_bundle_is_one_line(tmp_path, performance_file, capsys, monkeypatch, file, old, new):
    made = bundle(tmp_path, performance_file)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(recorder(tmp_path)))
    path = made / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    capsys.readouterr()
    assert run(["job", "run", str(made)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(path) in said
    assert not (tmp_path / "calls.jsonl").exists() and not (made / "report.json").exists()


def test_bundles_that_are_none(tmp_path, capsys):
    assert run(["job", "run", str(tmp_path)]) == 2
    assert "template.yaml" in capsys.readouterr().err
    for content in (b"\xff\xfe\x00", b"[]", b"!!python/object:os.system x", b"- " * 100_000):
        (tmp_path / "template.yaml").write_bytes(content)
        (tmp_path / "parameter_values.yaml").write_bytes(b"parameterValues: []")
        assert run(["job", "run", str(tmp_path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


_FAIL = 'if any(a == "--chunk=4-6" for a in sys.argv): print("openjd_fail: the disk is full"); sys.exit(3)'


def test_a_task_that_fails_is_done_once_more_then_named(tmp_path, performance_file, capsys, monkeypatch):
    made = bundle(tmp_path, performance_file)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(recorder(tmp_path, _FAIL)))
    capsys.readouterr()
    assert run(["job", "run", str(made), "--workers", "2"]) == 3
    assert "Render 4-6 failed: the disk is full" in capsys.readouterr().err
    report = json.loads((made / "report.json").read_text())
    tasks = {f"{task['step']} {task['frames']}".strip(): task for task in report["tasks"]}
    assert not report["done"]
    assert {name: task["state"] for name, task in tasks.items()} == {
        "Analyse": "done", "Render 1-3": "done", "Render 4-6": "failed", "Render 7-9": "done", "Verify": "not run",
    }  # fmt: skip
    assert tasks["Render 4-6"]["tries"] == 2 and tasks["Render 1-3"]["tries"] == 1
    # Each worker stops the engine that it starts, after a failure as well.
    done = [call[1] for call in calls(tmp_path) if call[0] == "engine"]
    assert done.count("start") == done.count("stop") >= 2


_KILLED = """
mark = pathlib.Path(sys.argv[0] + ".killed")
if "--chunk=4-6" in sys.argv and not mark.exists():
    mark.touch()
    os.kill(os.getpid(), 9)
"""


def test_a_process_that_was_killed_is_not_the_task_s_fault(tmp_path, performance_file, monkeypatch):
    made = bundle(tmp_path, performance_file)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(recorder(tmp_path, _KILLED)))
    assert run(["job", "run", str(made)]) == 0
    tasks = json.loads((made / "report.json").read_text())["tasks"]
    (task,) = [task for task in tasks if task["frames"] == "4-6"]
    assert (task["tries"], task["lost"], task["state"]) == (2, 1, "done")


_SLOW = """
if sys.argv[3:5] == ["engine", "run"]:
    import time
    pathlib.Path(sys.argv[0] + ".at-work").touch()
    time.sleep(100)
"""


def test_an_interrupted_job_ends_its_tasks_and_says_so(tmp_path, performance_file, monkeypatch):
    made = bundle(tmp_path, performance_file)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(recorder(tmp_path, _SLOW)))
    line = [sys.executable, "-m", "ofx_reenact", "job", "run", str(made), "--workers=2"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as job:
        until = time.monotonic() + 60
        while not (tmp_path / "recorder.at-work").exists():
            assert time.monotonic() < until
            time.sleep(0.1)
        job.send_signal(signal.SIGTERM)
        assert job.wait(40) == 130
        assert "interrupted" in job.stderr.read()
    report = json.loads((made / "report.json").read_text())
    assert report["cancelled"] and not report["done"]
    assert {task["state"] for task in report["tasks"] if task["step"] != "Analyse"} == {"not run"}
    done = [call[1] for call in calls(tmp_path) if call[0] == "engine"]
    assert done.count("start") == done.count("stop") >= 1


def test_frames_that_are_not_right_are_said(tmp_path, performance_file, capsys):
    (tmp_path / "o.0001.exr").write_bytes(b"no picture")
    named = ["--chunk=1", f"--performance={performance_file}", f"--json={tmp_path / 'report.json'}"]
    assert run(["job", "verify", *named, "--", str(tmp_path / "o.####.exr")]) != 0
    assert "openjd_fail: the frames are not right" in capsys.readouterr().out


def test_frames_of_a_killed_worker_get_into_the_sidecar(tmp_path, performance_file):
    output = tmp_path / "o.####.exr"
    options = [f"--target={small_target(tmp_path)}", f"--performance={performance_file}", f"--output={output}"]
    assert run(["render", *options, "--frames=1-4", "--repair=off"]) == 0
    sidecar = tmp_path / "o.reenact.json"
    whole = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**whole, "frames": {"1": whole["frames"]["1"]}}))
    assert run(["render", *options, "--frames=1-4", "--repair=off", "--existing=skip", "--layers=rgba,matte"]) == 0
    assert json.loads(sidecar.read_text()) == whole
    sidecar.unlink()
    (tmp_path / "o.0002.exr").unlink()
    assert run(["render", *options, "--frames=1-4", "--repair=off", "--existing=skip"]) == 0
    assert json.loads(sidecar.read_text())["frames"] == whole["frames"]


def test_a_frame_that_the_disk_does_not_take_is_written_once_more(tmp_path, performance_file, monkeypatch):
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


def test_without_an_install_the_job_says_so(tmp_path, performance_file, capsys, monkeypatch):
    made = bundle(tmp_path, performance_file)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(tmp_path / "nowhere"))
    capsys.readouterr()
    assert run(["job", "run", str(made)]) == 1
    assert "not installed in OFX_REENACT_PYTHON" in capsys.readouterr().err


def golden(name: str, text: str, folder: Path) -> None:
    text = text.replace(str(folder), "/FOLDER")
    path = GOLDEN / name
    if os.environ.get("OFX_REENACT_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def queue_options(folder: Path, performance_file: str) -> list[str]:
    named = [f"--target={small_target(folder)}", f"--performance={performance_file}"]
    return [*named, f"--output={folder}/out/o k.####.exr", "--frames=1-20", "--chunk-size=7", "--name=a shot"]


def test_deadline_s_files(tmp_path, performance_file, monkeypatch):
    monkeypatch.delenv("OFX_REENACT_PYTHON", raising=False)
    folder = tmp_path / "job"
    assert run(["job", "deadline", str(folder), *queue_options(tmp_path, performance_file)]) == 0
    for step in ("analyse", "render", "verify"):
        for kind in ("job", "plugin"):
            golden(f"deadline_{step}_{kind}.txt", (folder / f"{step}_{kind}.txt").read_text(), tmp_path)
    assert len(FarmJob.load(folder / "job.json").chunks) == 3


_DEADLINE = """\
count = len(path.read_text().splitlines())
print("Deadline Command 10.4"); print("Result=Success"); print(f"JobID=65f{count}")
"""


def test_deadline_is_asked_step_by_step(tmp_path, performance_file, monkeypatch, capsys):
    recorder(tmp_path, _DEADLINE).rename(tmp_path / "deadlinecommand")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "job"
    assert run(["job", "deadline", str(folder), *queue_options(tmp_path, performance_file), "--submit"]) == 0
    assert "65f1 65f2 65f3" in capsys.readouterr().out
    asked = [json.loads(line)[0] for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [Path(name).name for name in asked] == ["analyse_job.txt", "render_job.txt", "verify_job.txt"]
    assert "JobDependencies=65f1\n" in (folder / "render_job.txt").read_text()
    assert "JobDependencies=65f2\n" in (folder / "verify_job.txt").read_text()


def test_deadline_that_is_not_there_or_refuses(tmp_path, performance_file, monkeypatch, capsys):
    options = queue_options(tmp_path, performance_file)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert run(["job", "deadline", str(tmp_path / "job"), *options, "--submit"]) == 1
    assert "not on PATH" in capsys.readouterr().err
    recorder(tmp_path, 'print("Error: no repository"); sys.exit(1)').rename(tmp_path / "deadlinecommand")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin:/bin")
    assert run(["job", "deadline", str(tmp_path / "job"), *options, "--submit"]) == 1
    assert "no repository" in capsys.readouterr().err


def test_folders_that_a_queue_s_command_line_could_misread(tmp_path, performance_file, capsys):
    options = queue_options(tmp_path, performance_file)
    for queue in (["deadline"], ["opencue", "--show=s", "--shot=t"]):
        for name in ("a b", "a;b", "$(b)", 'a"b', "a\nb", "<QUOTE>"):
            assert run(["job", *queue, str(tmp_path / name), *options]) == 2, name
            assert not (tmp_path / name).exists()
    capsys.readouterr()
    broken = [*options[:2], f"--output={tmp_path}/a\nJobDependencies=x.####.exr"]
    assert run(["job", "deadline", str(tmp_path / "job"), *broken]) == 2
    assert not (tmp_path / "job").exists()


def test_opencue_s_outline(tmp_path, performance_file, monkeypatch):
    pytest.importorskip("outline", reason="pyoutline is not installed")
    monkeypatch.delenv("OFX_REENACT_PYTHON", raising=False)
    options = [*queue_options(tmp_path, performance_file), "--show=show", "--shot=sh010", "--user=artist"]
    assert run(["job", "opencue", str(tmp_path / "job"), *options, "--device=cuda"]) == 0
    text = (tmp_path / "job" / "outline.xml").read_text()
    # Of the machine: its user's number, its Cuebot, its mail.
    text = re.sub(r"<uid>\d+</uid>|<email>.*?</email>|<!DOCTYPE.*?>|<facility>.*?</facility>", "", text)
    golden("opencue.xml", text.replace("><", ">\n<") + "\n", tmp_path)


def test_slurm_s_scripts(tmp_path, performance_file):
    job = job_of(tmp_path, performance_file)
    write_slurm(job, tmp_path / "job")
    for name in ("submit.sh", "task.sh"):
        golden(f"slurm_{name}", (tmp_path / "job" / name).read_text(), tmp_path)
        assert os.access(tmp_path / "job" / name, os.X_OK)


def test_slurm_that_is_not_there(tmp_path, performance_file, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(_tools(tmp_path)))
    assert run(["job", "slurm", str(tmp_path / "job"), *queue_options(tmp_path, performance_file), "--submit"]) == 1
    assert "sbatch" in capsys.readouterr().err


def _tools(folder: Path) -> Path:
    """A PATH with what the script needs, and no sbatch."""
    made = folder / "bin"
    made.mkdir()
    for name in ("dirname", "mkdir"):
        found = next(path for path in (Path("/usr/bin") / name, Path("/bin") / name) if path.exists())
        (made / name).symlink_to(found)
    return made


def _openjd() -> str:
    found = Path(sys.executable).with_name("openjd")
    if not found.exists():
        pytest.skip("the openjd command is not beside this Python")
    return str(found)
