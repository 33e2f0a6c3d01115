"""``ofx-reenact job``: a render as a farm's job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import with_settings
from ofx_reenact.errors import Exit
from ofx_reenact.settings import Settings

if TYPE_CHECKING:
    from ofx_reenact.farm.run import RunReport

app = typer.Typer(
    name="job",
    help="Send a render to a farm: analyse once, render in chunks, verify.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
_FOLDER = Annotated[Path, typer.Argument(help="Folder for the job's files.", metavar="DIR")]
_CHUNK_SIZE = Annotated[int, typer.Option("--chunk-size", help="Frames a chunk.", min=1)]
_CHUNK_SECONDS = Annotated[
    int, typer.Option("--chunk-seconds", help="What a chunk should take, where a queue sizes them; 0: fixed.", min=0)
]
_NAME = Annotated[str, typer.Option("--name", help="The job's name; the output's if not given.")]
_SUBMIT = Annotated[bool, typer.Option("--submit", help="Submit it as well.")]
_SHOW = Annotated[str, typer.Option("--show", help="OpenCue's show.")]
_SHOT = Annotated[str, typer.Option("--shot", help="OpenCue's shot.")]
_USER = Annotated[str, typer.Option("--user", help="Owner of the job; you if not given.")]
_EXTRA = {"folder": _FOLDER, "chunk_size": _CHUNK_SIZE, "name": _NAME}


def bundle(settings: Settings, folder: Path, chunk_size: int = 20, chunk_seconds: int = 0, name: str = "") -> int:
    """Write an Open Job Description bundle."""
    from ofx_reenact.farm.bundle import write_bundle
    from ofx_reenact.farm.documents import FOR_OPENJD
    from ofx_reenact.farm.model import FarmJob

    job = FarmJob.of(settings, chunk_size, chunk_seconds, name)
    template = write_bundle(job, folder)
    typer.echo(f"{template}: {len(job.frames)} frames in {len(job.chunks)} chunks")
    typer.echo(f"here: ofx-reenact job run DIR, or: openjd run {template.name} -p file://{FOR_OPENJD}")
    return 0


app.command("bundle", help="Write an Open Job Description bundle, for AWS Deadline Cloud and job run.")(
    with_settings(bundle, {**_EXTRA, "chunk_seconds": _CHUNK_SECONDS})
)


def deadline(settings: Settings, folder: Path, chunk_size: int = 20, name: str = "", submit: bool = False) -> int:
    """Write a job for Deadline 10."""
    from ofx_reenact.farm.deadline import submit_deadline, write_deadline
    from ofx_reenact.farm.model import FarmJob

    job = FarmJob.of(settings, chunk_size, name=name)
    typer.echo(f"{write_deadline(job, folder)}: job and plugin files of analyse, render and verify")
    if submit:
        typer.echo(f"submitted: {' '.join(submit_deadline(job, folder))}")
    return 0


def opencue(
    settings: Settings,
    folder: Path,
    show: str,
    shot: str,
    chunk_size: int = 20,
    name: str = "",
    user: str = "",
    submit: bool = False,
) -> int:
    """Write a job for OpenCue."""
    import getpass

    from ofx_reenact.farm.model import FarmJob
    from ofx_reenact.farm.opencue import submit_opencue, write_opencue

    job, owner = FarmJob.of(settings, chunk_size, name=name), user or getpass.getuser()
    typer.echo(f"{write_opencue(job, folder, show, shot, owner)}: layers analyse, render and verify")
    if submit:
        submit_opencue(job, folder, show, shot, owner)
        typer.echo("submitted")
    return 0


def slurm(settings: Settings, folder: Path, chunk_size: int = 20, name: str = "", submit: bool = False) -> int:
    """Write a job for Slurm."""
    from ofx_reenact.farm.model import FarmJob
    from ofx_reenact.farm.slurm import submit_slurm, write_slurm

    script = write_slurm(FarmJob.of(settings, chunk_size, name=name), folder)
    typer.echo(f"{script}: submits an array of chunks; its arguments go to sbatch")
    if submit:
        typer.echo(f"submitted: {' '.join(submit_slurm(script))}")
    return 0


app.command("deadline", help="Write job and plugin files for Deadline 10.")(
    with_settings(deadline, {**_EXTRA, "submit": _SUBMIT})
)
app.command("opencue", help="Write the specification of a job for OpenCue.")(
    with_settings(opencue, {**_EXTRA, "show": _SHOW, "shot": _SHOT, "user": _USER, "submit": _SUBMIT})
)
app.command("slurm", help="Write an array job for Slurm.")(with_settings(slurm, {**_EXTRA, "submit": _SUBMIT}))


@app.command("task")
def task(
    file: Annotated[Path, typer.Argument(help="Job file.", metavar="JOB_FILE")],
    step: Annotated[str, typer.Argument(help="Which step \\[analyse|render|verify].")],
    chunk: Annotated[int | None, typer.Option(help="Chunk of the render, from 0.")] = None,
    frames: Annotated[str, typer.Option(help="Of these, the job's frames.")] = "",
    progress: shown.OPTION = "",
) -> int:
    """Do one task of a job file; queues run this."""
    import os

    from ofx_reenact.cli.main import run as run_command
    from ofx_reenact.farm.model import FarmJob
    from ofx_reenact.farm.task import task_arguments

    job = FarmJob.load(file)
    os.environ.setdefault("OFX_REENACT_JOB", job.name)
    return run_command(task_arguments(job, step, chunk, frames, progress))


@app.command("run")
def run(
    folder: Annotated[Path, typer.Argument(help="Folder of the bundle.", metavar="DIR")],
    workers: Annotated[int, typer.Option(help="Sessions at once, each with an engine of its own.", min=1)] = 1,
    progress: Annotated[str, shown.option("json", "none")] = "none",
) -> int:
    """Run a bundle on this machine, as a farm would."""
    import signal

    from ofx_reenact.farm.run import LocalRun, Task
    from ofx_reenact.files import write_json

    def tell(task: Task) -> None:
        if progress == "json":
            shown.event("task", task.values())
        else:
            typer.echo(shown.one_line(f"{task.name}: {task.state}; {task.reason or task.said}"))

    # A queue's or a session's end is an interruption like any other: what runs is given notice.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        report = LocalRun(folder, workers, tell).run()
    finally:
        signal.signal(signal.SIGTERM, before)
    write_json(folder / "report.json", report.values())
    if progress == "json":
        shown.event("report", report.values())
    if report.cancelled:
        shown.fail("", "interrupted; frames that were finished are whole, and the same command resumes")
        return Exit.INTERRUPTED
    for task in report.failed:
        shown.fail("", f"{task.name} failed: {task.reason}")
    return _code(report)


def _code(report: RunReport) -> int:
    """Return the exit code: 1 where not one chunk was rendered, 3 where some were not or the frames are not right."""
    if report.whole:
        return 0
    return Exit.SOME_FAILED if any(task.state == "done" and task.frames for task in report.tasks) else Exit.FAILED


@app.command("verify", hidden=True)
def verify(
    output: Annotated[str, typer.Argument()],
    chunk: Annotated[str, typer.Option(help="Frames as Open Job Description writes them.")],
    performance: Annotated[str, typer.Option()],
    report: Annotated[str, typer.Option("--json")],
) -> int:
    """Verify the frames that a bundle names."""
    from ofx_reenact.cli.main import run as run_command
    from ofx_reenact.frames.ranges import FrameRange

    named = [f"--frames={FrameRange.from_openjd(chunk)}", f"--performance={performance}", f"--json={report}"]
    code = run_command(["verify", *named, "--", output])
    if code:
        shown.fail("openjd", f"the frames are not right (code {code}); {report} says what is wrong")
    return code
