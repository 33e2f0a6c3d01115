"""What whole renders take, each in a process of its own: memory against the length, and many at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ofx_reenact.bench.figures import Timed, percentiles, spread
from ofx_reenact.bench.plates import Shot
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.launch import command

# The system counts peak memory in bytes on macOS, in KiB elsewhere.
_UNIT = 1 if sys.platform == "darwin" else 1024
# Linux counts to a process what the one that started it had in memory, so a small one stands in between. It says the
# exit code, CPU seconds and peak memory in the system's unit.
_SMALL = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps([process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


@dataclass(frozen=True)
class Run:
    """One process that has ended: seconds from its start, CPU seconds, and peak resident memory in MiB."""

    seconds: float
    cpu: float
    memory: float


@dataclass(frozen=True, kw_only=True)
class Memory(Timed):
    """Renders each in a process of its own: its peak resident memory, and the time from its start to its end."""

    mebibytes: float
    mebibytes_p5: float
    mebibytes_p95: float


@dataclass(frozen=True)
class Length(Memory):
    """Renders of so many frames, each in a process of its own."""

    frames: int


@dataclass(frozen=True)
class Scaling(Timed):
    """So many ``processes`` at once, as many frames each, from their start until the last has ended.

    ``frames`` and ``frames_per_second`` are of all together; ``speedup`` is over the first number of processes in the
    same round, ``cpu_milliseconds`` those of a frame; medians.
    """

    processes: int
    frames: int
    frames_per_second: float
    speedup: float
    cpu_milliseconds: float


def memory(shots: Sequence[Shot], runs: int, device: str) -> list[Length]:
    """Render shots of one size and several lengths ``runs`` times, each in one process with its tracking, taking turns.

    Raises:
        ReenactError: a render failed.
        SettingsError: this system does not say how much memory a process took.
    """
    found: list[list[Run]] = [[] for _ in shots]
    for _ in range(runs):
        for shot, done in zip(shots, found, strict=True):
            done.extend(run_together([render_line(shot, shot.output, device)]))
    return [Length(frames=shot.frames, **of_memory(done)) for shot, done in zip(shots, found, strict=True)]


def of_memory(done: Sequence[Run]) -> dict[str, Any]:
    """Sum up renders; returns the fields of :class:`Memory`."""
    median, p5, p95 = percentiles([run.memory for run in done])
    took = spread([run.seconds for run in done])
    return {**took, "mebibytes": median, "mebibytes_p5": p5, "mebibytes_p95": p95}


def line(lengths: Sequence[Length], figure: str) -> tuple[float, float]:
    """Fit a line through a figure of several lengths; returns what it is for no frames, and what each frame adds."""
    each, start = np.polyfit([le.frames for le in lengths], [getattr(le, figure) for le in lengths], 1)
    return float(start), float(each)


def scaling(shot: Shot, processes: Sequence[int], runs: int, device: str) -> list[Scaling]:
    """Render a shot ``runs`` times in several processes at once, each all frames; numbers of processes take turns.

    Driver and target are tracked before, as for the chunks of a job on a farm; one more render does not count.

    Raises:
        ReenactError: a render failed.
        SettingsError: this system does not say how much CPU time a process took.
    """
    made = ["--performance", str(shot.tracked), "--identity", str(shot.tracked.with_name("target.safetensors"))]
    run_together([[*render_line(shot, shot.output, device), *made]])
    rounds: list[dict[int, list[Run]]] = []
    for _ in range(runs):
        rounds.append({})
        for count in processes:
            outputs = [str(Path(shot.output).with_name(f"out{number}.####.exr")) for number in range(count)]
            rounds[-1][count] = run_together([[*render_line(shot, output, device), *made] for output in outputs])
    return [_scaled(shot.frames, count, processes[0], rounds) for count in processes]


def run_together(lines: Sequence[Sequence[str]], environment: Mapping[str, str] | None = None) -> list[Run]:
    """Run command lines of ``ofx-reenact`` at once, each in a process, and wait for all.

    ``environment`` is theirs; that of this process if None.

    Raises:
        ReenactError: one failed; what it said.
        SettingsError: this system keeps no account of processes.
    """
    if not hasattr(os, "wait4"):
        raise SettingsError("this system keeps no account of what a process took; use Linux or macOS")
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        running = [
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _SMALL, *command(*words)], stdout=subprocess.PIPE, stderr=said,
                env=environment,
            )
            for words in lines
        ]  # fmt: skip
        ended, codes = [], []
        for process in running:
            account, _ = process.communicate()
            code, cpu, memory = json.loads(account) if account else (process.returncode or 1, 0.0, 0)
            codes.append(code)
            ended.append(Run(time.perf_counter() - started, cpu, memory * _UNIT / 2**20))
        if any(codes):
            raise ReenactError(f"a render that was to be timed failed: {last_said(said)}")
    return ended


def last_said(file: IO[bytes]) -> str:
    """Return the last line that a process wrote into a file, which says why it failed."""
    file.seek(0)
    lines = file.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
    return lines[-1].removeprefix("error: ")


def render_line(shot: Shot, output: str, device: str) -> list[str]:
    """Return the command line that renders a shot and says nothing."""
    inputs = ["render", "--target", str(shot.target), "--driver", shot.driver, "--output", output]
    return [*inputs, "--existing", "overwrite", "--device", device, "--progress", "none"]


def _scaled(frames: int, count: int, first: int, rounds: Sequence[dict[int, list[Run]]]) -> Scaling:
    """Sum up the rounds of one number of processes, each of so many frames."""
    took = {n: [max(run.seconds for run in done[n]) for done in rounds] for n in (count, first)}
    speedups = [count / seconds * one / first for seconds, one in zip(took[count], took[first], strict=True)]
    cpu = [1000 * sum(run.cpu for run in done[count]) / (count * frames) for done in rounds]
    times, together = spread(took[count]), count * frames
    return Scaling(
        count, together, 1000 * together / times["milliseconds"], float(np.median(speedups)), float(np.median(cpu)),
        **times,
    )  # fmt: skip
