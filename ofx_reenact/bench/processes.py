"""What whole renders take, each in a process of its own: memory against the length, and many at once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ofx_reenact.bench.plates import Shot
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.launch import command

# The system counts peak memory in bytes on macOS, in KiB elsewhere.
_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Run:
    """One process that has ended: seconds from its start, CPU seconds, and peak resident memory in MiB."""

    seconds: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Length:
    """Renders of one length, each in a process of its own: medians of peak resident MiB and of seconds to its end."""

    frames: int
    samples: int
    memory: float
    seconds: float


@dataclass(frozen=True)
class Scaling:
    """So many ``processes`` at once, as many frames each; medians of ``samples`` rounds.

    ``frames`` and ``per_second`` are of all together, ``seconds`` until the last has ended, its start included;
    ``speedup`` is over the first number of processes in the same round, ``cpu`` seconds a frame.
    """

    processes: int
    frames: int
    samples: int
    seconds: float
    per_second: float
    speedup: float
    cpu: float


def memory(shots: Sequence[Shot], runs: int, device: str) -> list[Length]:
    """Render shots of one size and several lengths ``runs`` times, each in one process with its tracking, taking turns.

    Raises:
        ReenactError: a render failed.
        SettingsError: this system does not say how much memory a process took.
    """
    found: list[list[Run]] = [[] for _ in shots]
    for _ in range(runs):
        for shot, done in zip(shots, found, strict=True):
            done.extend(run_together([_render(shot, shot.output, device)]))
    return [
        Length(shot.frames, runs, _median([r.memory for r in done]), _median([r.seconds for r in done]))
        for shot, done in zip(shots, found, strict=True)
    ]


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
    run_together([[*_render(shot, shot.output, device), *made]])
    rounds: list[dict[int, list[Run]]] = []
    for _ in range(runs):
        rounds.append({})
        for count in processes:
            outputs = [str(Path(shot.output).with_name(f"out{number}.####.exr")) for number in range(count)]
            rounds[-1][count] = run_together([[*_render(shot, output, device), *made] for output in outputs])
    return [_scaled(shot.frames, count, processes[0], rounds) for count in processes]


def run_together(lines: Sequence[Sequence[str]]) -> list[Run]:
    """Run command lines of ``ofx-reenact`` at once, each in a process, and wait for all.

    Raises:
        ReenactError: one failed; what it said.
        SettingsError: this system keeps no account of processes.
    """
    if not hasattr(os, "wait4"):
        raise SettingsError("this system keeps no account of what a process took; use Linux or macOS")
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        running = [
            subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, stderr=said)
            for words in lines
        ]
        ended = []
        for process in running:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - started
            ended.append(Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * _UNIT / 2**20))
        if any(process.returncode for process in running):
            said.seek(0)
            last = (said.read().decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
            raise ReenactError(f"a render that was to be timed failed: {last.removeprefix('error: ')}")
    return ended


def _render(shot: Shot, output: str, device: str) -> list[str]:
    inputs = ["render", "--target", str(shot.target), "--driver", shot.driver, "--output", output]
    return [*inputs, "--existing", "overwrite", "--device", device, "--progress", "none"]


def _scaled(frames: int, count: int, first: int, rounds: Sequence[dict[int, list[Run]]]) -> Scaling:
    """Sum up the rounds of one number of processes, each of so many frames."""
    took = {n: [max(run.seconds for run in done[n]) for done in rounds] for n in (count, first)}
    speedups = [count / seconds * one / first for seconds, one in zip(took[count], took[first], strict=True)]
    cpu = [sum(run.cpu for run in done[count]) / (count * frames) for done in rounds]
    seconds = _median(took[count])
    return Scaling(
        count, count * frames, len(rounds), seconds, count * frames / seconds, _median(speedups), _median(cpu)
    )


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))
