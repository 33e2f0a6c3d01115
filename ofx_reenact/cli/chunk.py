"""``ofx-reenact engine run``: frames through a warm engine. Imports little: it is run for every chunk."""

from __future__ import annotations

import dataclasses
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ofx_reenact.cli import progress as shown
from ofx_reenact.errors import EngineLost, Exit, ReenactError, SettingsError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.progress import Observer, Progress
from ofx_reenact.service import client
from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import flag, kind, split_list
from ofx_reenact.settings.paths import absolute

_MORE = ("--session", "--chunk", "--progress")
_NUMBERS = {"int": (re.compile(r"[0-9]{1,9}"), int), "float": (re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?"), float)}


def read(arguments: list[str]) -> dict[str, Any] | None:
    """Read what stands after ``engine run`` if it is plain: all of it ``--option value`` or ``--option=value``.

    Typer reads the same from it, but takes longer to be loaded than a warm engine to begin.

    Returns:
        What :func:`run` takes; None for anything else, also what is wrong: that is typer's to read and to refuse.
    """
    fields = {flag(field.name): field for field in dataclasses.fields(Settings)}
    said: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        value = value if equals else next(words, "-")
        if name not in (*fields, *_MORE) or (not equals and value.startswith("-")):
            return None
        said[name] = value
    if "--session" not in said:
        return None
    session, chunk, progress = (said.pop(name, "") for name in _MORE)
    try:
        settings = Settings(**{fields[name].name: _value(fields[name], text) for name, text in said.items()})
    except (SettingsError, ValueError):
        return None
    return {"settings": settings, "session": Path(session), "chunk": chunk, "progress": progress}


def _value(field: dataclasses.Field[Any], text: str) -> Any:
    """Return an option's value; a ValueError if its text is not plainly one."""
    wanted = kind(field)
    if wanted in ("choices", "paths"):
        return split_list(text)
    if wanted not in _NUMBERS:
        return text
    form, number = _NUMBERS[wanted]
    if not form.fullmatch(text):
        raise ValueError(text)
    return number(text)


def run(settings: Settings, session: Path, chunk: str = "", progress: str = "") -> int:
    """Render through the engine of a session; returns the exit code."""
    way = shown.choose(progress)
    if chunk:
        frames = chunk.replace(":", "x")
        FrameRange.parse(frames)
        settings = dataclasses.replace(settings, frames=frames)
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
