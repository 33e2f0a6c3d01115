"""Compares two states of the package: both render the same shots, taking turns.

Each state has a process of its own, with the same interpreter and libraries. Both render the same plates with the same
performances. Which state goes first alternates from pass to pass.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.bench import worker
from ofx_reenact.bench.figures import Timed, timed_fields
from ofx_reenact.bench.plates import Shot
from ofx_reenact.bench.processes import Memory, Run, last_line, memory_fields, render_line, run_together
from ofx_reenact.errors import ReenactError
from ofx_reenact.settings.earlier_names import VALUES

STATES = ("before", "after")
# What can be measured of both.
MEASURED = ("rendered", "analyse", "stages", "memory")
# Nothing is imported from the working directory (see ofx_reenact.launch). The script may be missing in the other state.
_CODE = "import sys; sys.path[:] = [p for p in sys.path if p]; import runpy; runpy.run_path({!r}, run_name='__main__')"
# What a sample measures: (size, kind of target, what, per).
_Of = tuple[str, str, str, str]


@dataclass(frozen=True)
class StateTime(Timed):
    """How long one state took, ``per`` ``frame``, or ``shot`` for what happens once.

    ``cpu_milliseconds`` is the median CPU time of all cores together; None for a single stage.
    """

    state: str
    size: str
    target: str
    what: str
    per: str
    cpu_milliseconds: float | None


@dataclass(frozen=True)
class StateMemory(Memory):
    """Memory of one state's renders, with the analysis made before."""

    state: str
    size: str
    target: str
    frames: int


@dataclass(frozen=True)
class Compared:
    """Both states compared: ``ratio`` is the median before over the median after; 2 means twice as fast.

    ``ratio_p5`` and ``ratio_p95`` are percentiles of the ratios of single passes; ``cpu_ratio`` is of CPU time.
    """

    size: str
    target: str
    what: str
    per: str
    samples: int
    before_milliseconds: float
    after_milliseconds: float
    ratio: float
    ratio_p5: float
    ratio_p95: float
    cpu_ratio: float | None


@dataclass(frozen=True)
class MemoryCompared:
    """Peak memory of both states: ``ratio`` is before over after."""

    size: str
    target: str
    frames: int
    samples: int
    before_mebibytes: float
    after_mebibytes: float
    ratio: float


class State:
    """A state of the package in a process of its own; ``about`` has its folder, ``package``, and its ``version``."""

    def __init__(self, name: str, folder: Path, threads: int = 0) -> None:
        """Start the process.

        Args:
            name: name of the state, for messages.
            folder: folder with the package in it, as a checkout has it.
            threads: number of torch's threads; 0 leaves it to torch.

        Raises:
            ReenactError: there is no package, or it does not start.
        """
        check_state(folder)
        self.name, self.folder = name, folder.resolve()
        path = os.pathsep.join(part for part in (str(self.folder), os.environ.get("PYTHONPATH", "")) if part)
        self.environment = {**os.environ, "PYTHONPATH": path}
        if threads:
            self.environment["OMP_NUM_THREADS"] = str(threads)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE.format(worker.__file__)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors, env=self.environment,
        )  # fmt: skip
        self.about = self.ask("about")
        self._profiles = self.about.pop("profiles")
        if Path(self.about["package"]) != (self.folder / "ofx_reenact").resolve():
            self.close()
            raise ReenactError(f"{folder}: python imports {self.about['package']} instead; check what is installed")

    def profile(self, name: str) -> str:
        """Return the name that this state has for a profile: earlier states have earlier names."""
        earlier = {now: before for before, now in VALUES["profile"].items()}
        return earlier.get(name, name) if self._profiles and name not in self._profiles else name

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Send a request; returns the answer.

        Raises:
            ReenactError: the request failed, or the process ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"do": do, **request}).encode() + b"\n")
            self._process.stdin.flush()
        if line := self._process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            reason = answer.get("error")
        else:
            reason = last_line(self._errors)
        if reason:
            self.close()
            raise ReenactError(f"{self.folder}: the state '{self.name}' failed to {do}: {reason}")
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._errors.close()


def check_state(folder: Path) -> None:
    """Refuse a folder without the package.

    Raises:
        ReenactError: the package is not in it.
    """
    if not (folder / "ofx_reenact" / "__init__.py").is_file():
        raise ReenactError(f"{folder}: not a checkout of ofx_reenact; name the folder that has ofx_reenact in it")


@contextlib.contextmanager
def open_states(before: Path, threads: int = 0) -> Iterator[tuple[State, State]]:
    """Start the state in the folder ``before`` and this one; errors are those of :class:`State`."""
    with contextlib.ExitStack() as stack:
        states = []
        for name, folder in zip(STATES, (before, Path(__file__).parents[2]), strict=True):
            states.append(State(name, folder, threads))
            stack.callback(states[-1].close)
        yield states[0], states[1]


class Samples:
    """Samples of each state: seconds and CPU seconds of passes, runs of processes, and why stages are missing."""

    def __init__(self) -> None:
        self.passes: dict[_Of, dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
        self.cpu: dict[_Of, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.runs: dict[tuple[str, str, int], dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
        self.lacking: dict[str, str] = {}


def compare(
    states: tuple[State, State], shots: Sequence[Shot], runs: int, device: str, profile: str, what: Sequence[str]
) -> dict[str, Any]:
    """Measure ``what`` (of :data:`MEASURED`) with both states in ``runs`` passes, after a warm-up.

    Returns ``states``, a list of :class:`StateTime`; ``compared``, of :class:`Compared`; with memory also ``memory``
    and ``memory_compared``, of :class:`StateMemory` and :class:`MemoryCompared`; and ``lacking``: for a state that
    cannot time its stages, the reason; stages are left out then.

    Raises:
        ReenactError: a render failed.
        SettingsError: memory is to be measured, and this system does not report how much a process used.
    """
    for shot in shots:
        # Tracked once, by the earlier state: both can read its files.
        states[0].ask("analyse", settings=_analysis(shot, device, states[0].profile(profile)))
    warm, samples = Samples(), Samples()
    for run in range(runs + 1):
        for shot in shots:
            for one in what:
                for state in states if run % 2 else states[::-1]:
                    _measure(one, state, shot, device, profile, samples if run else warm)
    return {"lacking": samples.lacking, **_make_rows(samples)}


def _measure(what: str, state: State, shot: Shot, device: str, profile: str, samples: Samples) -> None:
    """Measure one thing with one state once."""
    own, profile = _shot_of_state(shot, state.name), state.profile(profile)
    if what == "memory":
        words = [*render_line(own, own.output, device), "--profile", profile]
        for name, path in _analysis_files(shot, own).items():
            words += [f"--{name.replace('_', '-')}", path]
        samples.runs[shot.size, shot.kind, shot.frames][state.name] += run_together([words], state.environment)
        return
    if what == "stages":
        fields = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(own).items()}
        answer = state.ask("stages", shot=fields, device=device, profile=profile)
        if "lacking" in answer:
            samples.lacking[state.name] = answer["lacking"]
        for stage, seconds in answer.get("seconds", {}).items():
            samples.passes[shot.size, shot.kind, f"stage {stage}", _per(stage)][state.name].append(seconds)
        return
    if what == "rendered":
        answer = state.ask("render", settings={**_settings(own, device, profile), **_analysis_files(shot, own)})
    else:
        answer = state.ask("analyse", settings=_analysis(own, device, profile))
    of = (shot.size, shot.kind, what, "frame")
    samples.passes[of][state.name].append([answer["seconds"] / answer["frames"]])
    samples.cpu[of][state.name].append(answer["cpu_seconds"] / answer["frames"])


def _per(stage: str) -> str:
    from ofx_reenact.bench.stages import ONCE

    return "shot" if stage in ONCE else "frame"


def _shot_of_state(shot: Shot, name: str) -> Shot:
    """Return a shot whose results and intermediate files are in a folder of one state."""
    folder = shot.tracked.parent / name / shot.kind
    folder.mkdir(parents=True, exist_ok=True)
    return replace(shot, output=str(folder / "out.####.exr"), tracked=folder / "driver.npz")


def _settings(shot: Shot, device: str, profile: str) -> dict[str, str]:
    return {
        "target": str(shot.target), "driver": shot.driver, "output": shot.output, "existing": "overwrite",
        "device": device, "profile": profile,
    }  # fmt: skip


def _analysis(shot: Shot, device: str, profile: str) -> dict[str, str]:
    """Return the settings that track a driver, and a moving plate, into a shot's files."""
    moving = {"target_performance": str(_plate(shot))} if shot.moving else {"target": ""}
    return {**_settings(shot, device, profile), "output": "", "performance": str(shot.tracked), **moving}


def _analysis_files(shot: Shot, own: Shot) -> dict[str, str]:
    """Return the settings that name analysis files: performances for both states, the rest for each state."""
    folder = own.tracked.parent
    parts = {"target_performance": str(_plate(shot)), "parts_file": str(folder / "made.json")} if shot.moving else {}
    return {"performance": str(shot.tracked), "identity": str(folder / "made.safetensors"), **parts}


def _plate(shot: Shot) -> Path:
    return shot.tracked.with_name("plate.npz")


def _make_rows(samples: Samples) -> dict[str, list[Any]]:
    """Return the rows of all samples; what only one state has is not compared."""
    times: list[StateTime] = []
    compared: list[Compared] = []
    for of, passes in samples.passes.items():
        cpu = {name: float(np.median(seconds)) for name, seconds in samples.cpu[of].items()}
        rows = {}
        for name in STATES:
            if name in passes:
                each = 1000 * cpu[name] if name in cpu else None
                rows[name] = StateTime(name, *of, each, **timed_fields([s for one in passes[name] for s in one]))
        times += rows.values()
        if len(rows) == len(STATES):
            compared.append(_compare(of, rows, passes, cpu))
    result: dict[str, list[Any]] = {"states": times, "compared": compared}
    if samples.runs:
        result["memory"] = [
            StateMemory(state=name, size=of[0], target=of[1], frames=of[2], **memory_fields(done[name]))
            for of, done in samples.runs.items()
            for name in STATES
        ]
        pairs = zip(result["memory"][::2], result["memory"][1::2], strict=True)
        result["memory_compared"] = [
            MemoryCompared(a.size, a.target, a.frames, a.samples, a.mebibytes, b.mebibytes, a.mebibytes / b.mebibytes)
            for a, b in pairs
        ]
    return result


def _compare(
    of: _Of, rows: Mapping[str, StateTime], passes: Mapping[str, list[list[float]]], cpu: Mapping[str, float]
) -> Compared:
    before, after = (rows[name] for name in STATES)
    each = [np.median(a) / np.median(b) for a, b in zip(passes["before"], passes["after"], strict=False)]
    p5, p95 = (float(p) for p in np.percentile(each, (5, 95)))
    return Compared(
        *of, min(before.samples, after.samples), before.milliseconds, after.milliseconds,
        before.milliseconds / after.milliseconds, p5, p95, cpu["before"] / cpu["after"] if cpu else None,
    )  # fmt: skip
