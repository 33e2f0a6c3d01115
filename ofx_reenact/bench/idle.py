"""Whether a machine is idle: how much of the cores that this process may use other processes take."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from ofx_reenact.errors import ReenactError

# A machine is idle while others keep less than this of one core busy. One thread that never rests counts a little less
# than one core, since it shares with whoever looks.
LIMIT = 0.75
# Without a look at single cores: processes that wanted to run in the last minute, on average.
_LOAD_LIMIT = 1.0
_STAT = Path("/proc/stat")
# Columns of a core's line: user, nice, system, idle, iowait, irq, softirq, and what other guests of the host took.
_BUSY = (1, 2, 3, 6, 7, 8)


@dataclass(frozen=True)
class Look:
    """How busy a machine is: its load average of the last minute, and how many cores others keep busy now.

    Each is None where the system does not say.
    """

    load_average: float | None
    busy_cores: float | None

    @property
    def idle(self) -> bool | None:
        """Whether the machine is idle; what is now counts more than the last minute. None if nothing is known."""
        if self.busy_cores is not None:
            return self.busy_cores < LIMIT
        return None if self.load_average is None else self.load_average <= _LOAD_LIMIT


class Others:
    """Adds up what other processes take from now on; this process and children that it waited for are none of them."""

    def __init__(self) -> None:
        self._started, self._busy, self._own = time.perf_counter(), _busy_seconds(), _own_seconds()

    def busy_cores(self) -> float | None:
        """Return how many cores others kept busy, on average; None where the system does not say."""
        busy, wall = _busy_seconds(), time.perf_counter() - self._started
        if busy is None or self._busy is None:
            return None
        return round(max(0.0, busy - self._busy - (_own_seconds() - self._own)) / wall, 2)


def look(seconds: float = 1.0) -> Look:
    """Watch the machine for so long."""
    others = Others()
    time.sleep(seconds)
    return Look(load_average(), others.busy_cores())


def look_before(required: bool) -> Look:
    """Watch the machine before something is measured.

    Raises:
        ReenactError: it is required to be idle, and is not, or does not say.
    """
    seen = look()
    if required and seen.idle is None:
        raise ReenactError("--require-idle: this system does not say how busy it is; measure without it")
    if required and not seen.idle:
        raise ReenactError(f"--require-idle: the machine is not idle, {said(seen)}; end what runs and try again")
    return seen


def said(seen: Look) -> str:
    """Say in words how busy a machine is."""
    if seen.busy_cores is None:
        return f"its load is {seen.load_average}"
    return f"other processes keep {seen.busy_cores:.2f} cores busy (load {seen.load_average})"


def load_average() -> float | None:
    """Processes that wanted to run in the last minute, on average; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _busy_seconds() -> float | None:
    """Seconds that the cores that this process may use were busy since the machine started; None if not said."""
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
