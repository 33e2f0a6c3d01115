"""``ofx-reenact engine run``: render through a running engine. Imports little, since it is started for every chunk."""

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

_OWN_OPTIONS = ("--session", "--chunk", "--progress")
_NUMBERS = {"int": (re.compile(r"[0-9]{1,9}"), int), "float": (re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?"), float)}


def read(arguments: list[str]) -> dict[str, Any] | None:
    """Read the arguments of ``engine run`` without typer: it takes longer to import than the engine to start a frame.

    Returns:
        The arguments of :func:`run`; None if one is not ``--option value`` or ``--option=value``, or is wrong: typer
        then reads them, or reports the mistake.
    """
    fields = {flag(field.name): field for field in dataclasses.fields(Settings)}
    values: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        value = value if equals else next(words, "-")
        if name not in (*fields, *_OWN_OPTIONS) or (not equals and value.startswith("-")):
            return None
        values[name] = value
    if "--session" not in values:
        return None
    session, chunk, progress = (values.pop(name, "") for name in _OWN_OPTIONS)
    try:
        settings = Settings(**{fields[name].name: _value(fields[name], text) for name, text in values.items()})
    except (SettingsError, ValueError):
        return None
    return {"settings": settings, "session": Path(session), "chunk": chunk, "progress": progress}


def _value(field: dataclasses.Field[Any], text: str) -> Any:
    """Convert the text of an option.

    Raises:
        ValueError: it is not a plain number where the option needs one.
    """
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
    """Render through the engine of a session; return the exit code."""
    way = shown.choose(progress)
    if chunk:
        frames = chunk.replace(":", "x")
        FrameRange.parse(frames)
        settings = dataclasses.replace(settings, frames=frames)
    settings = absolute(settings)
    signals: list[int] = []
    try:
        with client.linked(session) as link, shown.observer(way) as observe:
            last, startup = _render(link, settings, observe, signals)
    except EngineLost as lost:
        if not signals:
            raise
        # Closing the connection has cancelled the job; an engine that is suspended sees that when it goes on.
        shown.fail(way, f"interrupted; {lost}")
        return Exit.INTERRUPTED
    return _report_end(last, startup, way)


def _render(
    link: client.Link, settings: Settings, observe: Observer, signals: list[int]
) -> tuple[dict[str, Any], float | None]:
    """Run one job; return its last event, and the seconds from the request to its first frame.

    The numbers of SIGINT and SIGTERM that arrive meanwhile are appended to ``signals``.
    """
    requested, startup, last = time.monotonic(), None, {}
    number = link.send("render", settings=settings.as_dict())
    with _cancel_on_signal(link, number, signals):
        for last in link.events(number):
            if last["event"] == "progress":
                if last["stage"] == "render" and startup is None:
                    startup = round(time.monotonic() - requested, 3)
                observe(Progress(last["stage"], last["done"], last["total"], last["frame"], last["message"]))
    return last, startup


def _report_end(last: dict[str, Any], startup: float | None, way: str) -> int:
    """Print the result of a job, from its last event; return the exit code."""
    if last["event"] == "error":
        if last["code"] == Exit.DEFECT:
            shown.fail(way, last["message"])
            return Exit.DEFECT
        raise (SettingsError if last["code"] == Exit.USAGE else ReenactError)(last["message"])
    if last["event"] == "cancelled":
        shown.fail(way, f"cancelled; {len(last['written'])} of its frames are written, each whole")
        return Exit.INTERRUPTED
    report = {name: value for name, value in last.items() if name not in ("event", "id")}
    if way == "json":
        shown.event("report", {**report, "startup": startup})
    else:
        skipped = f", {len(report['skipped'])} existed already" if report["skipped"] else ""
        shown.tell(way, f"{len(report['written'])} frames written{skipped}; begun after {startup:.3f} s")
    shown.failures(way, report["failed"])
    return Exit.SOME_FAILED if report["failed"] else Exit.DONE


@contextmanager
def _cancel_on_signal(link: client.Link, number: int, signals: list[int]) -> Iterator[None]:
    """Cancel the job at the first SIGINT or SIGTERM; the engine then finishes its frame and confirms.

    A second signal ends this process at once.
    """

    def cancel(signum: int, frame: object) -> None:
        if signals:
            raise KeyboardInterrupt
        signals.append(signum)
        link.cancel(number)

    before = {signum: signal.signal(signum, cancel) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
