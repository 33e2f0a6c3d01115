"""Timers around functions of the program where they are, so that what is timed is a render's own code, not a copy."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ofx_reenact.bench.peak import counted


class Clock:
    """While it is entered, times functions of one thread, each without the timed functions that it calls.

    Attributes:
        counting: whether the operations of networks are counted as well, which slows them down.
    """

    def __init__(self, stages: Mapping[str, Sequence[tuple[Any, str]]], networks: Sequence[str] = ()) -> None:
        """Prepare.

        Args:
            stages: each stage's functions: the class or module that has it, and its name there.
            networks: stages whose operations are counted when that is asked for.
        """
        self._stages, self._networks = stages, frozenset(networks)
        self._kept: list[tuple[Any, str, Any]] = []
        # Of each timed function that runs: the seconds that timed functions within it took.
        self._within: list[float] = []
        self.counting = False
        self._seconds: dict[str, float] = defaultdict(float)
        self._gflop: dict[str, float] = defaultdict(float)

    def __enter__(self) -> Clock:
        for stage, functions in self._stages.items():
            for owner, name in functions:
                function = vars(owner)[name]
                self._kept.append((owner, name, function))
                setattr(owner, name, self._timed(stage, function))
        return self

    def __exit__(self, *_: object) -> None:
        while self._kept:
            setattr(*self._kept.pop())

    def take(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the seconds and the GFLOP of each stage since this was last called."""
        taken = dict(self._seconds), dict(self._gflop)
        self._seconds.clear()
        self._gflop.clear()
        return taken

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._within.append(0.0)
            started = time.perf_counter()
            try:
                if not (self.counting and stage in self._networks):
                    return function(*args, **kwargs)
                result, gflop = counted(lambda: function(*args, **kwargs))
                self._gflop[stage] += gflop
                return result
            finally:
                taken = time.perf_counter() - started
                self._seconds[stage] += taken - self._within.pop()
                if self._within:
                    self._within[-1] += taken

        return timed
