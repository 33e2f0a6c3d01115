"""Check whether the machine is idle: how busy other processes keep the cores that this process may use."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from ofx_reenact.errors import ReenactError

# The machine is idle while others keep less than this fraction of one core busy. A thread that never waits counts a
# little less than one core, since it shares the core with the measuring process.
LIMIT = 0.75
# Where single cores cannot be read: the limit for the load average, the mean number of processes that ran or waited to
# run in the last minute.
_LOAD_LIMIT = 1.0
_STAT = Path("/proc/stat")
# Busy columns of a core's line: user, nice, system, irq, softirq, and steal (other guests of a virtual machine's host).
_BUSY = (1, 2, 3, 6, 7, 8)


@dataclass(frozen=True)
class Load:
    """How busy a machine is: the load average of the last minute, and how many cores other processes keep busy now.

    Each is None where the system does not report it.
    """

    load_average: float | None
    busy_cores: float | None

    @property
    def idle(self) -> bool | None:
        """Whether the machine is idle, by the busy cores if known, else by the load average; None if neither is."""
        if self.busy_cores is not None:
            return self.busy_cores < LIMIT
        return None if self.load_average is None else self.load_average <= _LOAD_LIMIT


class OtherProcesses:
    """Measures the CPU time of other processes from now on, without this process and the children it waited for."""

    def __init__(self) -> None:
        self._started, self._busy, self._own = time.perf_counter(), _busy_seconds(), _own_seconds()

    def busy_cores(self) -> float | None:
        """Return how many cores others kept busy, on average; None where the system does not report it."""
        busy, wall = _busy_seconds(), time.perf_counter() - self._started
        if busy is None or self._busy is None:
            return None
        return round(max(0.0, busy - self._busy - (_own_seconds() - self._own)) / wall, 2)


def measure_load(seconds: float = 1.0) -> Load:
    """Measure how busy the machine is, over some seconds."""
    others = OtherProcesses()
    time.sleep(seconds)
    return Load(load_average(), others.busy_cores())


def check_idle(required: bool) -> Load:
    """Measure how busy the machine is before a benchmark.

    Raises:
        ReenactError: it is required to be idle, but is busy, or the system does not report it.
    """
    seen = measure_load()
    if required and seen.idle is None:
        raise ReenactError("--require-idle: this system does not report how busy it is; measure without this option")
    if required and not seen.idle:
        raise ReenactError(f"--require-idle: the machine is not idle, {describe_load(seen)}; end other programs first")
    return seen


def describe_load(seen: Load) -> str:
    """Return how busy a machine is, in words."""
    if seen.busy_cores is None:
        return f"its load is {seen.load_average}"
    return f"other processes keep {seen.busy_cores:.2f} cores busy (load {seen.load_average})"


def load_average() -> float | None:
    """Return the load average of the last minute; None where the system does not report it."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _busy_seconds() -> float | None:
    """Return how long the cores of this process were busy since the machine started, in seconds; None if unknown."""
    try:
        lines = _STAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    mine = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    columns = [line.split() for line in lines]
    return sum(sum(int(c[i]) for i in _BUSY) for c in columns if c and c[0] in mine) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
