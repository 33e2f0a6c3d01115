"""Named stages of the work on a frame, so that a benchmark can time them without changing the code.

A stage is a context manager, or a decorator of the function that does the work. Stages may be nested. Without an
observer they do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

Observer = Callable[[str], AbstractContextManager[object]]

_observers: list[Observer] = []


@contextmanager
def stage(name: str) -> Generator[None, None, None]:
    """Mark work as a stage of this name: ``with stage("sample"): ...`` or ``@stage("sample")``."""
    if not _observers:
        yield
        return
    with _observers[-1](name):
        yield


@contextmanager
def observe_stages(observer: Observer) -> Iterator[None]:
    """Call an observer with the name of each stage; the stage runs inside the context manager that it returns.

    This holds for the whole process. Stages in several threads call the observer from these threads.
    """
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)
