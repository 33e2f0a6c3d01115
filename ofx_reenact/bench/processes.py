"""Times whole renders in processes of their own: memory over length, and several at once."""

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

from ofx_reenact.bench.figures import Timed, percentiles, timed_fields
from ofx_reenact.bench.plates import Shot
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.launch import command

# Unit of peak memory in bytes: macOS reports bytes, other systems KiB.
_UNIT = 1 if sys.platform == "darwin" else 1024
# Linux counts the memory of the parent process to its child, so a small process starts the render. It prints the exit
# code, CPU seconds and peak memory in the system's unit.
_STARTER = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps([process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


@dataclass(frozen=True)
class Run:
    """One finished process: seconds from its start, CPU seconds, and peak resident memory in MiB."""

    seconds: float
    cpu: float
    memory: float


@dataclass(frozen=True, kw_only=True)
class Memory(Timed):
    """Renders in processes of their own: peak resident memory, and the time from start to end."""

    mebibytes: float
    mebibytes_p5: float
    mebibytes_p95: float


@dataclass(frozen=True)
class Length(Memory):
    """Renders of ``frames`` frames, each in a process of its own."""

    frames: int


@dataclass(frozen=True)
class Scaling(Timed):
    """``processes`` renders at once, of equal length, from their start until the last one ends; medians over rounds.

    ``frames`` and ``frames_per_second`` are of all together; ``speedup`` is relative to the first number of processes
    in the same round; ``cpu_milliseconds`` are per frame.
    """

    processes: int
    frames: int
    frames_per_second: float
    speedup: float
    cpu_milliseconds: float


def measure_memory(shots: Sequence[Shot], runs: int, device: str) -> list[Length]:
    """Render shots of several lengths ``runs`` times, taking turns, each with its tracking in a process of its own.

    Raises:
        ReenactError: a render failed.
        SettingsError: this system does not report how much memory a process used.
    """
    found: list[list[Run]] = [[] for _ in shots]
    for _ in range(runs):
        for shot, done in zip(shots, found, strict=True):
            done.extend(run_together([render_line(shot, shot.output, device)]))
    return [Length(frames=shot.frames, **memory_fields(done)) for shot, done in zip(shots, found, strict=True)]


def memory_fields(done: Sequence[Run]) -> dict[str, Any]:
    """Return the fields of :class:`Memory` for finished renders."""
    median, p5, p95 = percentiles([run.memory for run in done])
    took = timed_fields([run.seconds for run in done])
    return {**took, "mebibytes": median, "mebibytes_p5": p5, "mebibytes_p95": p95}


def fit_line(lengths: Sequence[Length], figure: str) -> tuple[float, float]:
    """Fit a line to a figure over length; returns its value at 0 frames, and what each frame adds."""
    each, start = np.polyfit([le.frames for le in lengths], [getattr(le, figure) for le in lengths], 1)
    return float(start), float(each)


def measure_scaling(shot: Shot, processes: Sequence[int], runs: int, device: str) -> list[Scaling]:
    """Render a shot in several processes at once, each all frames, in ``runs`` rounds over the numbers of processes.

    A render before that, which is not counted, makes the analysis, as for the chunks of a job on a farm.

    Raises:
        ReenactError: a render failed.
        SettingsError: this system does not report how much CPU time a process used.
    """
    made = ["--performance", str(shot.tracked), "--identity", str(shot.tracked.with_name("target.safetensors"))]
    run_together([[*render_line(shot, shot.output, device), *made]])
    rounds: list[dict[int, list[Run]]] = []
    for _ in range(runs):
        rounds.append({})
        for count in processes:
            outputs = [str(Path(shot.output).with_name(f"out{number}.####.exr")) for number in range(count)]
            rounds[-1][count] = run_together([[*render_line(shot, output, device), *made] for output in outputs])
    return [_scaling_row(shot.frames, count, processes[0], rounds) for count in processes]


def run_together(lines: Sequence[Sequence[str]], environment: Mapping[str, str] | None = None) -> list[Run]:
    """Run command lines of ``ofx-reenact`` at once, each in a process, and wait for all.

    Args:
        lines: words of each command line.
        environment: of the processes; None is that of this process.

    Raises:
        ReenactError: one failed; the message is its last line.
        SettingsError: this system does not report the resources of a process.
    """
    if not hasattr(os, "wait4"):
        raise SettingsError("this system does not report what a process used; use Linux or macOS")
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        running = [
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _STARTER, *command(*words)], stdout=subprocess.PIPE, stderr=errors,
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
            raise ReenactError(f"a render that was to be timed failed: {last_line(errors)}")
    return ended


def last_line(file: IO[bytes]) -> str:
    """Return the last line in the file of a process's errors: why it failed."""
    file.seek(0)
    lines = file.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
    return lines[-1].removeprefix("error: ")


def render_line(shot: Shot, output: str, device: str) -> list[str]:
    """Return the words of a command line that renders a shot silently."""
    inputs = ["render", "--target", str(shot.target), "--driver", shot.driver, "--output", output]
    return [*inputs, "--existing", "overwrite", "--device", device, "--progress", "none"]


def _scaling_row(frames: int, count: int, first: int, rounds: Sequence[dict[int, list[Run]]]) -> Scaling:
    """Return the row of one number of processes, each of ``frames`` frames."""
    took = {n: [max(run.seconds for run in done[n]) for done in rounds] for n in (count, first)}
    speedups = [count / seconds * one / first for seconds, one in zip(took[count], took[first], strict=True)]
    cpu = [1000 * sum(run.cpu for run in done[count]) / (count * frames) for done in rounds]
    times, together = timed_fields(took[count]), count * frames
    return Scaling(
        count, together, 1000 * together / times["milliseconds"], float(np.median(speedups)), float(np.median(cpu)),
        **times,
    )  # fmt: skip
