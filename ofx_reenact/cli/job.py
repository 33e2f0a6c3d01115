"""``ofx-reenact job``: a render as a farm's job."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ofx_reenact.cli import analyse, render
from ofx_reenact.cli import progress as shown
from ofx_reenact.cli import verify as verification
from ofx_reenact.cli.options import PROGRESS, group, progress_option, with_settings
from ofx_reenact.errors import Exit, SettingsError
from ofx_reenact.farm.queue import CHUNK_SIZE as DEFAULT_CHUNK_SIZE
from ofx_reenact.farm.queue import STEPS, Queue
from ofx_reenact.farm.queue_registry import QUEUES
from ofx_reenact.settings import Settings

if TYPE_CHECKING:
    from ofx_reenact.farm.local_run import RunReport

app = group("job", "Send a render to a farm: analyse once, render in chunks, verify.")
_FOLDER = Annotated[Path, typer.Argument(help="Folder for the job's files.", metavar="DIR")]
_CHUNK_SIZE = Annotated[int, typer.Option("--chunk-size", help="Frames per chunk.", min=1)]
_CHUNK_SECONDS = Annotated[
    int, typer.Option("--chunk-seconds", help="Seconds a chunk should take; 0: always --chunk-size frames.", min=0)
]
_NAME = Annotated[str, typer.Option("--name", help="The job's name; the output's if not given.")]
_SUBMIT = Annotated[bool, typer.Option("--submit", help="Submit it as well.")]


def queue_command(queue: Queue) -> Callable[..., int]:
    """Return the command that writes a job for one queue: it has all options of a render and those of the queue."""

    def write(
        settings: Settings,
        folder: Path,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
        name: str = "",
        chunk_seconds: int = 0,
        submit: bool = False,
        **options: str,
    ) -> int:
        from ofx_reenact.engine.check_paths import check_paths
        from ofx_reenact.farm.farm_job import FarmJob

        job = FarmJob.of(settings, chunk_size, chunk_seconds, name)
        check_paths(job.settings, *(("the job's file", folder / file) for file in queue.files))
        written = queue.write(job, folder, **options)
        typer.echo(f"{written.path}: {written.description}")
        if written.hint:
            typer.echo(written.hint)
        if submit and queue.submit is not None:
            ids = queue.submit(job, folder, **options)
            typer.echo(f"submitted: {' '.join(ids)}" if ids else "submitted")
        return 0

    extra: dict[str, Any] = {"folder": _FOLDER, "chunk_size": _CHUNK_SIZE, "name": _NAME}
    if queue.sizes_chunks:
        extra["chunk_seconds"] = _CHUNK_SECONDS
    extra |= {name: Annotated[str, typer.Option(f"--{name}", help=text)] for name, text in queue.options.items()}
    if queue.submit is not None:
        extra["submit"] = _SUBMIT
    return with_settings(write, extra, also=queue.write)


for _queue in QUEUES:
    app.command(_queue.name, help=_queue.help)(queue_command(_queue))


@app.command("task")
def task(
    file: Annotated[Path, typer.Argument(help="Job file.", metavar="JOB_FILE")],
    step: Annotated[str, typer.Argument(help="Which step \\[analyse|render|verify].")],
    chunk: Annotated[int | None, typer.Option(help="Chunk of the render, from 0.")] = None,
    frames: Annotated[str, typer.Option(help="Range; frames that are not the job's are left out.")] = "",
    progress: PROGRESS = "",
) -> int:
    """Run one task of a job file; queues start this."""
    from ofx_reenact.farm.farm_job import FarmJob

    job = FarmJob.load(file)
    settings, chosen = job.settings, str(job.select(chunk, frames))
    if step == "analyse":
        return analyse.analyse(dataclasses.replace(settings, frames=""), progress)
    if step == "render":
        return render.render(dataclasses.replace(settings, frames=chosen), progress, job=job.name)
    if step == "verify":
        return verification.command(
            settings.output,
            frames=chosen,
            performance=settings.performance,
            target_performance=settings.target_performance,
            json=job.report,
            progress=progress,
        )
    raise SettingsError(f"step '{step}': choose from {', '.join(STEPS)}")


@app.command("run")
def run(
    folder: Annotated[Path, typer.Argument(help="Folder of the bundle.", metavar="DIR")],
    workers: Annotated[int, typer.Option(help="Sessions at once, each with an engine of its own.", min=1)] = 1,
    progress: Annotated[str, progress_option("json", "none")] = "none",
) -> int:
    """Run a bundle on this machine, as a farm would."""
    import signal

    from ofx_reenact.farm.local_run import LocalRun, Task
    from ofx_reenact.files import write_json
    from ofx_reenact.frames.overwrite import refuse_over_inputs

    def print_task(task: Task) -> None:
        if progress == "json":
            shown.event("task", task.as_dict())
        else:
            typer.echo(shown.one_line(f"{task.name}: {task.state}; {task.reason or task.status}"))

    # SIGTERM ends this process as SIGINT does: running tasks are cancelled with notice.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        job = LocalRun(folder, workers, print_task)
        written = [("the report", folder / "report.json"), ("the log", folder / "run.log")]
        refuse_over_inputs(written, [("the job", path) for path in job.inputs])
        report = job.run()
    finally:
        signal.signal(signal.SIGTERM, before)
    write_json(folder / "report.json", report.as_dict())
    if progress == "json":
        shown.event("report", report.as_dict())
    if report.cancelled:
        shown.fail("", "interrupted; finished frames are whole, and the same command resumes")
        return Exit.INTERRUPTED
    for task in report.failed:
        shown.fail("", f"{task.name} failed: {task.reason}")
    return _code(report)


def _code(report: RunReport) -> int:
    """Return the exit code: 0 if all is done, 1 if no chunk was rendered, 3 if some were but a task failed."""
    if report.done:
        return 0
    return Exit.SOME_FAILED if any(task.state == "done" and task.frames for task in report.tasks) else Exit.FAILED


@app.command("verify", hidden=True)
def verify(
    output: Annotated[str, typer.Argument()],
    chunk: Annotated[str, typer.Option(help="Frames, as 1-10:3.")],
    report: Annotated[Path, typer.Option("--json")],
    performance: Annotated[str, typer.Option()] = "",
    target_performance: Annotated[str, typer.Option()] = "",
    progress: PROGRESS = "openjd",
) -> int:
    """Verify the frames of a bundle; its last step runs this."""
    from ofx_reenact.frames.ranges import FrameRange

    frames = str(FrameRange.from_openjd(chunk))
    code = verification.command(
        output,
        frames=frames,
        performance=performance,
        target_performance=target_performance,
        json=report,
        progress=progress,
    )
    if code:
        shown.fail(progress, f"the frames are not right (code {code}); see {report}")
    return code
