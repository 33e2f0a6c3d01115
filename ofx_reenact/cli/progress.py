"""Show a job's progress: a bar for people, lines for programs and queues, or nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ofx_reenact.progress import Pace, to_json_value
from ofx_reenact.settings.option import check_choice

if TYPE_CHECKING:
    from ofx_reenact.progress import Observer
    from ofx_reenact.progress import Progress as Step

# The values of ``--progress``.
WAYS = ("rich", "json", "openjd", "deadline", "none")
_TITLES = {"target": "target", "driver": "tracking", "render": "rendering", "verify": "verifying"}


def choose(way: str) -> str:
    """Return how progress is shown, one of :data:`WAYS`; an empty ``way`` means a bar on a terminal, else nothing.

    Raises:
        SettingsError: ``way`` is another text.
    """
    if not way:
        return "rich" if sys.stderr.isatty() else "none"
    check_choice("--progress", way, WAYS)
    return way


@contextmanager
def observer(way: str) -> Iterator[Observer]:
    """Yield the function that a job calls after each step."""
    if way == "rich":
        with _bar() as bar:
            yield bar
    elif way == "json":
        pace = Pace()
        yield lambda step: event("progress", pace.values(step))
    elif way == "openjd":
        yield _openjd
    elif way == "deadline":
        yield _deadline
    else:
        yield lambda step: None


def event(name: str, values: dict[str, Any]) -> None:
    """Print one event as a line of JSON."""
    print(json.dumps({"event": name, **values}, default=to_json_value), flush=True)


def tell(way: str, text: str) -> None:
    """Print a job's result, for people or as a queue's status."""
    print(f"openjd_status: {one_line(text)}" if way == "openjd" else text, flush=True)


def fail(way: str, text: str) -> None:
    """Print why a job failed: for people on standard error, and in the form that a queue or program reads."""
    text = one_line(text)
    if way == "json":
        event("error", {"message": text})
    elif way == "openjd":
        print(f"openjd_fail: {text}", flush=True)
    # Imported here: a job that does not fail need not wait for the import.
    import typer

    typer.secho(f"error: {text}", fg="red", err=True)


def failures(way: str, failed: Mapping[Any, str]) -> None:
    """Print which frames failed, for a queue; people and programs find them in the report."""
    if failed and way in ("openjd", "deadline"):
        frame, reason = next(iter(failed.items()))
        fail(way, f"{len(failed)} frames failed ({', '.join(map(str, failed))}); frame {frame}: {reason}")


def one_line(text: str) -> str:
    """Return text without line breaks and control characters: queues read a message from each line."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.splitlines()))


def _is_one_picture(step: Step) -> bool:
    """Return whether a step is about a target of one picture; its message is only the picture's name."""
    return step.stage == "target" and step.total == 1


def _openjd(step: Step) -> None:
    """Print a step as Open Job Description's messages."""
    if _is_one_picture(step):
        return
    if step.total:
        print(f"openjd_progress: {100 * step.done / step.total:.1f}", flush=True)
    done = f"{_TITLES[step.stage]}, {step.done} of {step.total or '?'}"
    print(f"openjd_status: {one_line(_message(step) if step.message else done)}", flush=True)


def _message(step: Step) -> str:
    """Return a step's message, with the frame that it is about."""
    return step.message if step.frame is None else f"frame {step.frame}: {step.message}"


def _deadline(step: Step) -> None:
    """Print a step in the form that Deadline finds in a program's output."""
    if step.total and not _is_one_picture(step):
        print(f"Progress: {100 * step.done // step.total}%", flush=True)


def say(way: str, content: dict[str, Any], lines: Iterable[str]) -> None:
    """Print a report: as a JSON event for programs, as lines for people."""
    if way == "json":
        event("report", content)
        return
    import typer

    for line in lines:
        typer.echo(line)


def listed(values: Mapping[str, Any]) -> Iterator[str]:
    """Return values as lines for people."""
    return (f"{name}: {value}" for name, value in values.items())


@contextmanager
def _bar() -> Iterator[Observer]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
            speed, frame = bar.tasks[task].speed, "" if step.frame is None else f"frame {step.frame}"
            rate = f"{speed:.1f}/s" if speed else ""
            bar.update(task, completed=step.done, total=step.total, frame=frame, rate=rate)
            if step.message and not _is_one_picture(step):
                bar.console.print(_message(step), style="yellow", markup=False)

        yield observe
