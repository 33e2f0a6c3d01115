"""Times the stages of a render while it runs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Generator
from contextlib import contextmanager

from ofx_reenact.bench.peak import count_operations


class Clock:
    """Times the stages of one thread; a stage's time excludes the stages inside it.

    It is an observer for :func:`ofx_reenact.stages.observe_stages`.

    Attributes:
        counting: whether the operations of networks are counted as well, which slows them down.
    """

    def __init__(self, networks: Collection[str] = ()) -> None:
        """Prepare; ``networks`` names the stages whose operations are counted while ``counting`` is set."""
        self._networks = frozenset(networks)
        # For each running stage, outermost first: the seconds of the stages inside it.
        self._within: list[float] = []
        self.counting = False
        self._seconds: dict[str, float] = defaultdict(float)
        self._gflop: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Generator[None, None, None]:
        """Time one stage."""
        self._within.append(0.0)
        started = time.perf_counter()
        try:
            if self.counting and name in self._networks:
                with count_operations() as count:
                    yield
                self._gflop[name] += count.gflop
            else:
                yield
        finally:
            taken = time.perf_counter() - started
            self._seconds[name] += taken - self._within.pop()
            if self._within:
                self._within[-1] += taken

    def take(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the seconds and the GFLOP of each stage since the last call, by name."""
        taken = dict(self._seconds), dict(self._gflop)
        self._seconds.clear()
        self._gflop.clear()
        return taken
