"""``ofx-reenact job``: a render as a farm's job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import with_settings
from ofx_reenact.engine.settings import Settings

if TYPE_CHECKING:
    from ofx_reenact.farm.run import RunReport

_FAILED, _SOME_FAILED = 1, 3
app = typer.Typer(
    name="job",
    help="Send a render to a farm: analyse once, render in chunks, verify.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
_FOLDER = Annotated[Path, typer.Argument(help="Folder for the job's files.", metavar="DIR")]
_CHUNK_SIZE = Annotated[int, typer.Option("--chunk-size", help="Frames a chunk.", min=1)]
_CHUNK_SECONDS = Annotated[
    int, typer.Option("--chunk-seconds", help="What a chunk should take, for queues that size chunks; 0: as given.", min=0)
]
_NAME = Annotated[str, typer.Option("--name", help="The job's name; the output's if not given.")]
_EXTRA = {"folder": _FOLDER, "chunk_size": _CHUNK_SIZE, "name": _NAME}


def bundle(settings: Settings, folder: Path, chunk_size: int = 20, chunk_seconds: int = 0, name: str = "") -> int:
    """Write an Open Job Description bundle."""
    from ofx_reenact.farm.bundle import FOR_OPENJD, write_bundle
    from ofx_reenact.farm.model import FarmJob

    job = FarmJob.of(settings, chunk_size, chunk_seconds, name)
    template = write_bundle(job, folder)
    typer.echo(f"{template}: {len(job.frames)} frames in {len(job.chunks)} chunks")
    typer.echo(f"here: ofx-reenact job run DIR, or: openjd run {template.name} -p file://{FOR_OPENJD}")
    return 0


app.command("bundle", help="Write an Open Job Description bundle, for AWS Deadline Cloud and job run.")(
    with_settings(bundle, {**_EXTRA, "chunk_seconds": _CHUNK_SECONDS})
)


@app.command("run")
def run(
    folder: Annotated[Path, typer.Argument(help="Folder of the bundle.", metavar="DIR")],
    workers: Annotated[int, typer.Option(help="Sessions at once, each with an engine of its own.", min=1)] = 1,
    progress: Annotated[str, typer.Option(help="How to show progress \\[json|none].")] = "none",
) -> int:
    """Run a bundle on this machine, as a farm would."""
    import json

    from ofx_reenact.farm.run import LocalRun, Task
    from ofx_reenact.files import written_whole

    def tell(task: Task) -> None:
        if progress == "json":
            shown.event("task", task.values())
        else:
            typer.echo(shown.one_line(f"{task.name}: {task.state}; {task.reason or task.said}"))

    report = LocalRun(folder, workers, tell).run()
    with written_whole(folder / "report.json") as partial:
        partial.write_text(json.dumps(report.values(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if progress == "json":
        shown.event("report", report.values())
    if report.cancelled:
        raise KeyboardInterrupt
    for task in report.failed:
        shown.fail("", f"{task.name} failed: {task.reason}")
    return _code(report)


def _code(report: RunReport) -> int:
    """Return the exit code: 1 where not one chunk was rendered, 3 where some were not or the frames are not right."""
    if report.whole:
        return 0
    return _SOME_FAILED if any(task.state == "done" and task.frames for task in report.tasks) else _FAILED


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

    frames = FrameRange.from_openjd(chunk)
    return run_command(["verify", f"--frames={frames}", f"--performance={performance}", f"--json={report}", "--", output])
