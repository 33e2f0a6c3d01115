"""Progress of a job, and how it is cancelled. Imports nothing heavy, as interfaces start with this module."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Progress:
    """One step of a job, as an observer gets it."""

    stage: Literal["target", "driver", "render", "verify"]
    done: int  # steps of the stage that are finished
    total: int | None  # steps of the stage; None if unknown
    frame: int | None  # the frame that the step was about
    message: str = ""


Observer = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Ignore a step: the observer of jobs that nobody watches."""


class Cancelled(Exception):
    """A job was cancelled; ``written`` are the frames that it wrote, each complete."""

    def __init__(self, written: tuple[int, ...] = ()) -> None:
        super().__init__("cancelled")
        self.written = written


class Watch:
    """Observes one job, and lets any thread cancel it.

    The job calls it with each step, and calls :meth:`check` before each frame; both raise :class:`Cancelled` after
    :meth:`cancel` was called.
    """

    def __init__(self, observe: Observer = ignore) -> None:
        self._observe = observe
        self._cancelled = threading.Event()

    def __call__(self, progress: Progress) -> None:
        """Pass a step on to the observer, unless the job was cancelled."""
        self.check()
        self._observe(progress)

    def cancel(self) -> None:
        """Cancel the job at its next step."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise :class:`Cancelled` if the job was cancelled."""
        if self._cancelled.is_set():
            raise Cancelled


class Pace:
    """Measures how fast each stage of a job advances."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}

    def values(self, step: Progress) -> dict[str, Any]:
        """Return a step as plain values, with ``rate`` (steps a second) and ``eta`` (seconds left); None if unknown."""
        now = time.monotonic()
        spent = now - self._started.setdefault(step.stage, now)
        rate = step.done / spent if spent > 0 and step.done else None
        left = (step.total - step.done) / rate if rate and step.total is not None else None
        rounded = {"rate": rate and round(rate, 2), "eta": left if left is None else round(left, 1)}
        return {**dataclasses.asdict(step), **rounded}


def plain(value: Any) -> Any:
    """Convert a value that JSON does not know: a path to text, any other collection to a list."""
    return str(value) if isinstance(value, Path) else list(value)
