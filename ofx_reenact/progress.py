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
    """How far a job is, as its observer gets it after each frame."""

    stage: Literal["target", "driver", "render", "verify"]
    done: int  # frames of the stage that are done; of stage target, 1 once the target is ready
    total: int | None  # frames of the stage, or 1; None if unknown
    frame: int | None  # the frame that was just done; None at the start of a stage and for the target
    message: str = ""  # what is being done, a note for the user, or what was wrong with the frame


Observer = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Do nothing: the observer of a job that nobody watches."""


class Cancelled(Exception):
    """A job was cancelled; ``written`` are the frames that it wrote, each complete."""

    def __init__(self, written: tuple[int, ...] = ()) -> None:
        super().__init__("cancelled")
        self.written = written


class Watch:
    """Observes one job, and lets any thread cancel it.

    The job calls it with its progress, and calls :meth:`check` before each frame; both raise :class:`Cancelled` after
    :meth:`cancel` was called.
    """

    def __init__(self, observe: Observer = ignore) -> None:
        self._observe = observe
        self._cancelled = threading.Event()

    def __call__(self, progress: Progress) -> None:
        """Pass progress on to the observer; raise :class:`Cancelled` if the job was cancelled."""
        self.check()
        self._observe(progress)

    def cancel(self) -> None:
        """Cancel the job: it stops at its next frame."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise :class:`Cancelled` if the job was cancelled."""
        if self._cancelled.is_set():
            raise Cancelled


class Pace:
    """Measures how fast each stage of a job advances."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}

    def values(self, progress: Progress) -> dict[str, Any]:
        """Return progress as plain values, with ``rate`` (frames a second), ``eta`` (seconds left); None if unknown."""
        now = time.monotonic()
        spent = now - self._started.setdefault(progress.stage, now)
        rate = progress.done / spent if spent > 0 and progress.done else None
        left = (progress.total - progress.done) / rate if rate and progress.total is not None else None
        rounded = {"rate": rate and round(rate, 2), "eta": left if left is None else round(left, 1)}
        return {**dataclasses.asdict(progress), **rounded}


def to_json_value(value: Any) -> Any:
    """Convert a value that JSON does not know: a path to text, any other collection to a list."""
    return str(value) if isinstance(value, Path) else list(value)
