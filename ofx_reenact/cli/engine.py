"""``ofx-reenact engine``."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import group, with_settings
from ofx_reenact.errors import EngineLost, Exit, ReenactError, SettingsError
from ofx_reenact.progress import Observer, Progress
from ofx_reenact.service import client
from ofx_reenact.service.keeper import name_process
from ofx_reenact.service.listen import listen as listen_here
from ofx_reenact.service.server import serve as serve_pipes
from ofx_reenact.settings import Settings

app = group("engine", "Work for other programs.")
_SESSION = Annotated[Path, typer.Option("--session", help="Session file: says where the engine listens.")]
_IDLE = Annotated[float, typer.Option("--idle", help="Seconds without a job after which it ends by itself.", min=1)]
_WITH_PARENT = Annotated[
    bool, typer.Option("--with-parent", help="End it, too, when the process that runs this command has gone.")
]
_CHUNK = Annotated[str, typer.Option("--chunk", help="Frames as Open Job Description writes them, 1-10:3,15.")]


@app.callback()
def main() -> None:
    """Work for other programs, with everything kept loaded from job to job."""


@app.command("serve")
def serve() -> int:
    """Take requests on standard input and send events on standard output, one JSON object a line (docs/engine.md)."""
    with _terminated_as_interrupted():
        return serve_pipes()


@app.command("start")
def start(session: _SESSION, idle: _IDLE = client.IDLE, with_parent: _WITH_PARENT = False) -> int:
    """Start an engine that stays when this command ends, and wait until it is ready."""
    started = client.start(session, idle, name_process(os.getppid()) if with_parent else "")
    typer.echo(f"the engine {'is ready' if started else 'runs already'}: {session}")
    return 0


@app.command("listen", hidden=True)
def listen(session: _SESSION, idle: _IDLE = client.IDLE, keeper: Annotated[str, typer.Option()] = "") -> int:
    """Be the engine that start leaves behind."""
    with _terminated_as_interrupted():
        listen_here(session, idle, keeper)
    return 0


@app.command("stop")
def stop(session: _SESSION) -> int:
    """End an engine; none there is no error."""
    typer.echo("the engine has ended" if client.stop(session) else "no engine runs")
    return 0


def run(settings: Settings, session: Path, chunk: str = "", progress: str = "") -> int:
    """Render through the engine of a session; returns the exit code."""
    from ofx_reenact.frames.ranges import FrameRange
    from ofx_reenact.settings.paths import absolute

    way = shown.choose(progress)
    if chunk:
        settings = dataclasses.replace(settings, frames=str(FrameRange.from_openjd(chunk)))
    settings = absolute(settings)
    told_to_end: list[int] = []
    try:
        with client.linked(session) as link, shown.observer(way) as observe:
            last, startup = _render(link, settings, observe, told_to_end)
    except EngineLost as lost:
        if not told_to_end:
            raise
        # Hanging up has cancelled the job, for an engine that is to wake again as well.
        shown.fail(way, f"interrupted; {lost}")
        return Exit.INTERRUPTED
    return _ended(last, startup, way)


def _render(
    link: client.Link, settings: Settings, observe: Observer, told_to_end: list[int]
) -> tuple[dict[str, Any], float | None]:
    """Do one job; returns its last event, and the seconds until its first frame was begun.

    Signals that ask this process to end are put into ``told_to_end``.
    """
    asked, startup, last = time.monotonic(), None, {}
    number = link.send("render", settings=settings.as_dict())
    with _cancelling(link, number, told_to_end):
        for last in link.events(number):
            if last["event"] == "progress":
                if last["stage"] == "render" and startup is None:
                    startup = round(time.monotonic() - asked, 3)
                observe(Progress(last["stage"], last["done"], last["total"], last["frame"], last["message"]))
    return last, startup


def _ended(last: dict[str, Any], startup: float | None, way: str) -> int:
    """Say what came of a job; returns the exit code."""
    if last["event"] == "error":
        if last["code"] == Exit.DEFECT:
            shown.fail(way, last["message"])
            return Exit.DEFECT
        raise (SettingsError if last["code"] == Exit.USAGE else ReenactError)(last["message"])
    if last["event"] == "cancelled":
        shown.fail(way, f"cancelled; {len(last['written'])} frames of it are written, each whole")
        return Exit.INTERRUPTED
    report = {name: value for name, value in last.items() if name not in ("event", "id")}
    if way == "json":
        shown.event("report", {**report, "startup": startup})
    else:
        there = f", {len(report['skipped'])} were there" if report["skipped"] else ""
        shown.tell(way, f"{len(report['written'])} frames written{there}; begun after {startup:.3f} s")
    shown.failures(way, report["failed"])
    return Exit.SOME_FAILED if report["failed"] else Exit.DONE


@contextmanager
def _cancelling(link: client.Link, number: int, told_to_end: list[int]) -> Iterator[None]:
    """Cancel the job when this process is told to end; the engine then finishes its frame and says so.

    An engine that says nothing is not waited for, and a second signal ends this process at once.
    """

    def cancel(signum: int, frame: object) -> None:
        if told_to_end:
            raise KeyboardInterrupt
        told_to_end.append(signum)
        link.cancel(number)

    before = {signum: signal.signal(signum, cancel) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end an engine as SIGINT does: what it was writing is removed, and so is its session file."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


app.command("run", help="Render through the engine of a session, with everything loaded from chunk to chunk.")(
    with_settings(run, {"session": _SESSION, "chunk": _CHUNK, "progress": shown.OPTION})
)
