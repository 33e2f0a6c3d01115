"""The files for each queue: Deadline's files, OpenCue's outline, Slurm's scripts."""

import json
import os
import re
from pathlib import Path

import pytest
import typer
from farm_jobs import recorder, small_target

from ofx_reenact.cli import job as job_commands
from ofx_reenact.cli.main import run
from ofx_reenact.farm.farm_job import FarmJob
from ofx_reenact.farm.queue import Queue, WrittenJob

GOLDEN = Path(__file__).parents[1] / "golden" / "farm"


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


def test_deadline_gets_one_job_per_step(tmp_path, performance_file, monkeypatch, capsys):
    recorder(tmp_path, _DEADLINE).rename(tmp_path / "deadlinecommand")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "job"
    assert run(["job", "deadline", str(folder), *queue_options(tmp_path, performance_file), "--submit"]) == 0
    assert "65f1 65f2 65f3" in capsys.readouterr().out
    asked = [json.loads(line)[0] for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [Path(name).name for name in asked] == ["analyse_job.txt", "render_job.txt", "verify_job.txt"]
    assert "JobDependencies=65f1\n" in (folder / "render_job.txt").read_text()
    assert "JobDependencies=65f2\n" in (folder / "verify_job.txt").read_text()


def test_deadline_not_installed_or_refusing(tmp_path, performance_file, monkeypatch, capsys):
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
    # Values of this machine: user id, Cuebot, mail address.
    text = re.sub(r"<uid>\d+</uid>|<email>.*?</email>|<!DOCTYPE.*?>|<facility>.*?</facility>", "", text)
    golden("opencue.xml", text.replace("><", ">\n<") + "\n", tmp_path)


def test_slurm_s_scripts(tmp_path, performance_file):
    assert run(["job", "slurm", str(tmp_path / "job"), *queue_options(tmp_path, performance_file)]) == 0
    for name in ("submit.sh", "task.sh"):
        golden(f"slurm_{name}", (tmp_path / "job" / name).read_text(), tmp_path)
        assert os.access(tmp_path / "job" / name, os.X_OK)


def test_slurm_not_installed(tmp_path, performance_file, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(_tools(tmp_path)))
    assert run(["job", "slurm", str(tmp_path / "job"), *queue_options(tmp_path, performance_file), "--submit"]) == 1
    assert "sbatch" in capsys.readouterr().err


def _tools(folder: Path) -> Path:
    """A PATH with the script's commands, but without sbatch."""
    made = folder / "bin"
    made.mkdir()
    for name in ("dirname", "mkdir"):
        found = next(path for path in (Path("/usr/bin") / name, Path("/bin") / name) if path.exists())
        (made / name).symlink_to(found)
    return made


def test_what_a_new_queue_needs(tmp_path, performance_file, capsys):
    """Only a function that writes the job, and a ``Queue``."""
    made = []

    def write(job, folder, pool, priority="50"):
        made.append((job.name, folder, pool, priority))
        return WrittenJob(folder, "nothing", hint="look elsewhere")

    def submit(job, folder, pool, priority="50"):
        return [pool, priority]

    options = {"pool": "Which.", "priority": "How much."}
    app = typer.Typer()
    app.command("other")(job_commands.queue_command(Queue("other", "For the other.", write, submit, options)))
    app.callback()(lambda: None)
    line = ["other", "folder", *queue_options(tmp_path, performance_file), "--submit"]
    assert app([*line, "--pool=p"], standalone_mode=False) == 0
    assert made == [("a shot", Path("folder"), "p", "50")]
    assert capsys.readouterr().out.splitlines() == ["folder: nothing", "look elsewhere", "submitted: p 50"]
    with pytest.raises(Exception, match="pool"):
        app(line, standalone_mode=False)
