"""What plug-ins hold of a host's objects, which action runs on a thread, and what was done that may not be."""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from openfx.api import Status

# No processor reads these addresses: a plug-in that looks behind a handle ends at once.
_FIRST, _STEP = 0x7EAD_0000_0000_0000, 16
_numbers = itertools.count()
_live: dict[int, Handled] = {}
_gone: dict[int, str] = {}
_here = threading.local()


class Refused(Exception):
    """A suite's function answers ``status``; ``said``: the plug-in may not do this."""

    def __init__(self, status: Status, said: str = "") -> None:
        super().__init__(said)
        self.status, self.said = status, said


class Record:
    """What came of a host's plug-ins: messages, and what they did that the standard does not allow.

    Attributes:
        violations: sentences; empty for a plug-in that keeps to the standard.
        defects: tracebacks of this host itself.
        messages: all that was said.
        standing: by effect, a message that stays until it is taken back.
        blocks: memory that plug-ins asked for and have not given back, by address.
        mutexes: locks that they have not destroyed.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.defects: list[str] = []
        self.messages: list[Message] = []
        self.standing: dict[Any, Message] = {}
        self.blocks: dict[int, Any] = {}
        self.mutexes: set[Any] = set()

    def violate(self, said: str) -> None:
        action = current()
        self.violations.append(f"{action.name if action else 'outside of any action'}: {said}")


@dataclass(frozen=True)
class Message:
    """What a plug-in told the user; ``effect`` is who, None for nobody."""

    type: str
    id: str
    text: str
    effect: Any
    persistent: bool


class Handled:
    """An object that plug-ins know by a handle."""

    def __init__(self, record: Record, name: str) -> None:
        self.record, self.name = record, name
        self.handle = _FIRST + _STEP * next(_numbers)
        _live[self.handle] = self

    def end(self) -> None:
        """Make the handle one of nothing."""
        _live.pop(self.handle, None)
        _gone[self.handle] = str(self)

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.name}"


def find(handle: int | None, kind: type, record: Record) -> Any:
    """Return what a handle is of.

    Raises:
        Refused: it is of nothing, of an object that is gone or of another kind, or of another host.
    """
    found = _live.get(handle or 0)
    if isinstance(found, kind) and found.record is record:
        return found
    what = str(found) if found else _gone.get(handle or 0, "nothing" if handle else "NULL")
    why = "of another host" if isinstance(found, kind) else "whose time is over" if handle in _gone else ""
    raise Refused(Status.BAD_HANDLE, f"gives a handle of {what} {why}, where one of a {kind.__name__} is wanted")


def peek(handle: int | None) -> Any:
    """Return what a handle is of; None for nothing."""
    return _live.get(handle or 0)


@dataclass
class Action:
    """An action that runs on a thread, of one plug-in.

    Attributes:
        subject: the effect or instance, None for the plug-in as a whole.
        time: that it is asked at, where it has one.
        images: that were fetched and not released yet.
        open: what was begun and has to be ended in it: progress, groups of edits.
    """

    name: str
    record: Record
    subject: Any = None
    time: float | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    images: list[Any] = field(default_factory=list)
    open: list[str] = field(default_factory=list)


def _stack() -> list[Action]:
    if not hasattr(_here, "actions"):
        _here.actions, _here.lent = [], []
    return _here.actions


def current() -> Action | None:
    """Return the action that runs on this thread."""
    stack = _stack()
    return stack[-1] if stack else None


def running() -> list[Action]:
    """Return the actions that run on this thread, the outermost first."""
    return list(_stack())


@contextmanager
def doing(*actions: Action) -> Iterator[None]:
    """Run actions on this thread, one within the other."""
    stack = _stack()
    stack.extend(actions)
    try:
        yield
    finally:
        take_back()
        del stack[-len(actions) :]


def lend(text: bytes) -> int:
    """Return the address of a text that lasts until the plug-in's next call on this thread, as the standard says."""
    _stack()
    buffer = ctypes.create_string_buffer(text)
    _here.lent.append(buffer)
    return ctypes.addressof(buffer)


def take_back() -> None:
    """End the texts that were lent on this thread, and make sure that nobody can go on reading them."""
    _stack()
    for buffer in _here.lent:
        ctypes.memset(buffer, ord("?"), len(buffer) - 1)
    _here.lent.clear()


def serve(record: Record, function: Callable[..., int]) -> Callable[..., int]:
    """Return a suite's function as plug-ins may call it: whatever it is given, it answers a status."""
    name = function.__name__.strip("_")

    @functools.wraps(function)
    def answer(*arguments: Any) -> int:
        take_back()
        try:
            if current() is None:
                record.violate(f"{name} is called on a thread in which no action runs")
            return int(function(*arguments))
        except Refused as refused:
            if refused.said:
                record.violate(f"{name}: {refused.said}")
            return int(refused.status)
        except Exception:
            record.defects.append(traceback.format_exc())
            return int(Status.FATAL)

    return answer


def put(place: Any, value: Any) -> None:
    """Put a value where a plug-in wants it.

    Raises:
        Refused: it gave no place.
    """
    if not place:
        raise Refused(Status.VALUE, "gives NULL where an answer goes")
    place[0] = value


def text_of(label: bytes | None) -> str:
    """Return a label as text; whatever bytes it has come back the same.

    Raises:
        Refused: it is NULL.
    """
    if label is None:
        raise Refused(Status.VALUE, "gives NULL where a name is wanted")
    return label.decode("utf-8", "surrogateescape")


def bytes_of(text: str | bytes) -> bytes:
    """Return a text as C has it."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
