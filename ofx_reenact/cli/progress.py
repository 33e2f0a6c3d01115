"""Show a job's progress: a bar for people, JSON lines for programs, or nothing."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ofx_reenact.engine.progress import Pace, plain
from ofx_reenact.errors import SettingsError

if TYPE_CHECKING:
    from ofx_reenact.engine.progress import Observer
    from ofx_reenact.engine.progress import Progress as Step

WAYS = ("rich", "json", "none")
OPTION = Annotated[str, typer.Option("--progress", help=f"How to show progress \\[{'|'.join(WAYS)}].", metavar="TEXT")]
_TITLES = {"target": "target", "driver": "tracking", "render": "rendering", "verify": "verifying"}


def choose(way: str) -> str:
    """Return the way to show progress; empty means a bar on a terminal and nothing elsewhere.

    Raises:
        SettingsError: no such way.
    """
    if not way:
        return "rich" if sys.stderr.isatty() else "none"
    if way not in WAYS:
        raise SettingsError(f"--progress {way}: choose from {', '.join(WAYS)}")
    return way


@contextmanager
def observer(way: str) -> Iterator[Observer]:
    """Yield what a job calls after each step."""
    if way == "rich":
        with _bar() as bar:
            yield bar
    elif way == "json":
        yield _lines()
    else:
        yield lambda step: None


def event(name: str, values: dict[str, Any]) -> None:
    """Print one event as a line of JSON."""
    print(json.dumps({"event": name, **values}, default=plain), flush=True)


def report_event(report: Any) -> None:
    """Print a job's report as one event."""
    event("report", dataclasses.asdict(report))


def say(way: str, content: dict[str, Any], lines: Iterable[str]) -> None:
    """Print a report: as an event for programs, in lines for people."""
    if way == "json":
        event("report", content)
    else:
        for line in lines:
            typer.echo(line)


@contextmanager
def _bar() -> Iterator[Observer]:
    columns = (
        TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[frame]}"),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def observe(step: Step) -> None:
            if step.stage not in tasks:
                tasks[step.stage] = bar.add_task(_TITLES[step.stage], total=step.total, frame="", rate="")
            task = tasks[step.stage]
            bar.update(task, completed=step.done, total=step.total, frame=_frame(step), rate=_rate(bar.tasks[task]))
            if step.message and step.frame is not None:
                bar.console.print(f"frame {step.frame}: {step.message}", style="yellow")

        yield observe


def _lines() -> Observer:
    pace = Pace()
    return lambda step: event("progress", pace.values(step))


def _frame(step: Step) -> str:
    return "" if step.frame is None else f"frame {step.frame}"


def _rate(task: Any) -> str:
    return f"{task.speed:.1f}/s" if task.speed else ""
