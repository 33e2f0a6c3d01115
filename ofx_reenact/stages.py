"""Named stages of the work on a frame, which an observer may watch: a benchmark times them without touching the code.

A stage is a context, or a decorator of the function that does it. Stages nest; nothing happens where nobody watches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

Observer = Callable[[str], AbstractContextManager[object]]

_observers: list[Observer] = []


@contextmanager
def stage(name: str) -> Generator[None, None, None]:
    """Do something as the stage of a name: ``with stage("sample"): ...`` or ``@stage("sample")``."""
    if not _observers:
        yield
        return
    with _observers[-1](name):
        yield


@contextmanager
def observe_stages(observer: Observer) -> Iterator[None]:
    """Have an observer called with each stage's name; the stage is done inside the context that it returns.

    For the whole process. Stages that run in several threads at once reach the observer from these threads.
    """
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)
