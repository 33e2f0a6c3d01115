"""Open Job Description bundles, run on this machine: values that no shell may interpret, failed and killed tasks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from farm_jobs import calls, recorder, small_target

from ofx_reenact.cli.main import run
from ofx_reenact.farm.farm_job import FarmJob

yaml = pytest.importorskip("yaml", reason="the farm extra is not installed")
pytest.importorskip("openjd.sessions", reason="the farm extra is not installed")
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
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    target = small_target(home).rename(home / f"{text}.png")
    options = [f"--target={target}", f"--performance={performance_file}", f"--output={home / text}.####.exr"]
    options += [f"--colorspace={text}", "--frames=1-6", "--chunk-size=3"]
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(recorder(home)))
    monkeypatch.chdir(work)
    assert run(["job", "bundle", "b", *options]) == 0
    assert run(["job", "run", "b"]) == 0
    renders = [call for call in calls(home) if call[:2] == ["engine", "run"]]
    assert [call[3] for call in renders] == ["--chunk=1-3", "--chunk=4-6"]
    for call in renders:
        assert {f"--target={target}", f"--output={home / text}.####.exr", f"--colorspace={text}"} <= set(call)
    # The same job with Slurm's script.
    assert run(["job", "slurm", "s", *options]) == 0
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": "1"}
    subprocess.run([work / "s" / "task.sh", work / "s" / "job.json", "render"], env=environment, check=True)
    assert calls(home)[-1] == ["job", "task", str(work / "s" / "job.json"), "render", "--chunk=1"]
    job = FarmJob.load(work / "s" / "job.json")
    assert str(job.select(1)) == "4-6"
    named = (job.settings.target, job.settings.output, job.settings.colorspace)
    assert named == (str(target), f"{home / text}.####.exr", text)
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
def test_wrong_values_in_a_bundle_give_one_line(tmp_path, performance_file, capsys, monkeypatch, file, old, new):
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


def test_folders_without_a_valid_bundle(tmp_path, capsys):
    assert run(["job", "run", str(tmp_path)]) == 2
    assert "template.yaml" in capsys.readouterr().err
    for content in (b"\xff\xfe\x00", b"[]", b"!!python/object:os.system x", b"- " * 100_000):
        (tmp_path / "template.yaml").write_bytes(content)
        (tmp_path / "parameter_values.yaml").write_bytes(b"parameterValues: []")
        assert run(["job", "run", str(tmp_path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


_FAIL = 'if any(a == "--chunk=4-6" for a in sys.argv): print("openjd_fail: the disk is full"); sys.exit(3)'


def test_a_task_that_fails_is_run_twice_then_reported(tmp_path, performance_file, capsys, monkeypatch):
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
    # Each worker stops the engine that it started, also after a failure.
    done = [call[1] for call in calls(tmp_path) if call[0] == "engine"]
    assert done.count("start") == done.count("stop") >= 2


_KILLED = """
mark = pathlib.Path(sys.argv[0] + ".killed")
if "--chunk=4-6" in sys.argv and not mark.exists():
    mark.touch()
    os.kill(os.getpid(), 9)
"""


def test_a_killed_process_does_not_count_as_a_failure(tmp_path, performance_file, monkeypatch):
    made = bundle(tmp_path, performance_file)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(recorder(tmp_path, _KILLED)))
    assert run(["job", "run", str(made)]) == 0
    tasks = json.loads((made / "report.json").read_text())["tasks"]
    (task,) = [task for task in tasks if task["frames"] == "4-6"]
    assert (task["tries"], task["lost"], task["state"]) == (2, 1, "done")


_SLOW = """
if sys.argv[3:5] == ["engine", "run"]:
    import time
    pathlib.Path(f"{sys.argv[0]}.at-work-{os.getpid()}").touch()
    time.sleep(900)
"""


def test_an_interrupted_job_cancels_its_tasks_and_reports_it(tmp_path, performance_file, monkeypatch):
    made = bundle(tmp_path, performance_file)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(recorder(tmp_path, _SLOW)))
    line = [sys.executable, "-m", "ofx_reenact", "job", "run", str(made), "--workers=2"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as job:
        until = time.monotonic() + 600
        # Both workers: a worker that is cancelled while it starts its engine has not recorded that.
        while len(list(tmp_path.glob("recorder.at-work-*"))) < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        job.send_signal(signal.SIGTERM)
        assert job.wait(600) == 130
        assert "interrupted" in job.stderr.read()
    report = json.loads((made / "report.json").read_text())
    assert report["cancelled"] and not report["done"]
    assert {task["state"] for task in report["tasks"] if task["step"] != "Analyse"} == {"not run"}
    done = [call[1] for call in calls(tmp_path) if call[0] == "engine"]
    assert done.count("start") == done.count("stop") >= 1


def test_a_failed_verification_is_reported(tmp_path, performance_file, capsys):
    (tmp_path / "o.0001.exr").write_bytes(b"no picture")
    named = ["--chunk=1", f"--performance={performance_file}", f"--json={tmp_path / 'report.json'}"]
    assert run(["job", "verify", *named, "--", str(tmp_path / "o.####.exr")]) != 0
    assert "openjd_fail: the frames are not right" in capsys.readouterr().out


def test_a_worker_without_ofx_reenact_is_reported(tmp_path, performance_file, capsys, monkeypatch):
    made = bundle(tmp_path, performance_file)
    monkeypatch.setenv("OFX_REENACT_PYTHON", str(tmp_path / "nowhere"))
    capsys.readouterr()
    assert run(["job", "run", str(made)]) == 1
    assert "not installed in OFX_REENACT_PYTHON" in capsys.readouterr().err


def _openjd() -> str:
    found = Path(sys.executable).with_name("openjd")
    if not found.exists():
        pytest.skip("the openjd command is not beside this Python")
    return str(found)
