"""What a job tells of its steps, and how it is ended. Imports nothing heavy: interfaces start with this."""

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
    """One step of a job, for whoever watches."""

    stage: Literal["target", "driver", "render", "verify"]
    done: int
    total: int | None
    frame: int | None
    message: str = ""


Observer = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Observe nothing."""


class Cancelled(Exception):
    """A job was ended from outside; ``written`` are the frames that it wrote, each whole."""

    def __init__(self, written: tuple[int, ...] = ()) -> None:
        super().__init__("cancelled")
        self.written = written


class Watch:
    """Observes one job and ends it when told to, from any thread.

    The job calls it with each step, and :meth:`check` before each frame; both raise :class:`Cancelled` once
    :meth:`cancel` was called.
    """

    def __init__(self, observe: Observer = ignore) -> None:
        self._observe = observe
        self._cancelled = threading.Event()

    def __call__(self, progress: Progress) -> None:
        """Take notice of a step."""
        self.check()
        self._observe(progress)

    def cancel(self) -> None:
        """End the job at its next step."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise if the job is to end."""
        if self._cancelled.is_set():
            raise Cancelled


class Pace:
    """Tells how fast each stage of one job goes."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}

    def values(self, step: Progress) -> dict[str, Any]:
        """Return a step as plain values, with its rate (steps a second) and eta (seconds), None while unknown."""
        now = time.monotonic()
        spent = now - self._started.setdefault(step.stage, now)
        rate = step.done / spent if spent > 0 and step.done else None
        left = (step.total - step.done) / rate if rate and step.total is not None else None
        rounded = {"rate": rate and round(rate, 2), "eta": left if left is None else round(left, 1)}
        return {**dataclasses.asdict(step), **rounded}


def plain(value: Any) -> Any:
    """Return what JSON has no word for as something it has: paths as text, any other collection as a list."""
    return str(value) if isinstance(value, Path) else list(value)
