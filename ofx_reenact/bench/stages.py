"""Times each stage of a render, and whole renders, at several sizes in one run.

Sizes take turns, so that a drift of the machine's speed affects all of them. In a pass, stages run one after the other
in one thread; then the shot is rendered again as ``render`` does it, where reading and writing overlap with the work.
If the plate moves, both plate and driver are tracked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ofx_reenact.bench.clock import Clock
from ofx_reenact.bench.figures import Timed, timed_fields
from ofx_reenact.bench.peak import measure_peak
from ofx_reenact.bench.plates import Shot
from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.inputs import driver_images
from ofx_reenact.engine.make_identity import target_as_driver
from ofx_reenact.engine.render_job import Job, render_sequence
from ofx_reenact.engine.writer import FrameWriter
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.sequence import Sequence as Frames
from ofx_reenact.progress import Watch
from ofx_reenact.settings import Settings
from ofx_reenact.stages import observe_stages
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.facemesh import FaceMesh

# Stages of a render in the order of the work; each is marked in the code by ``@stage``.
STAGES = (
    "read", "track", "target", "extract", "LD-Net", "warp: densify", "plate", "shade", "warp: STMap", "warp: sample",
    "parts", "translate", "teeth", "compose", "write",
)  # fmt: skip
# Stages that are torch networks; the tracker's networks run in OpenCV, which does not count operations.
NETWORKS = ("extract", "LD-Net", "translate")
# Stages that run once for a shot; and stages of each tracked frame.
ONCE = ("target", "extract", "LD-Net", "warp: densify")
TRACKED = ("read", "track")


@dataclass(frozen=True)
class Stage(Timed):
    """One stage at one size, ``per`` ``frame``, or ``shot`` if it runs once.

    ``target`` is ``still`` or ``moving``. A frame in which the stage did nothing is no sample, and a stage without
    samples is left out. ``share`` is its fraction of the time of all stages; ``gflop`` the mean of a sample, 0 without
    a torch network; ``of_peak`` the fraction of the matrix peak that it reached.
    """

    size: str
    target: str
    stage: str
    per: str
    per_second: float
    share: float
    gflop: float
    of_peak: float | None


@dataclass(frozen=True)
class ShotTime(Timed):
    """A whole shot at one size, and its time divided by its frames.

    ``what`` is ``rendered`` (the analysis was made before) or ``whole`` (with the analysis). For ``whole``,
    ``serial_milliseconds`` is the sum of all stages, divided by the frames.
    """

    size: str
    target: str
    what: str
    frames: int
    frames_per_second: float
    serial_milliseconds: float | None


@dataclass(frozen=True)
class MovingRatio:
    """A moving plate compared with a still of the same person, at one size; ``ratio`` is moving over still.

    Milliseconds are per frame, medians of ``samples``; ``ratio`` is the median over the passes.
    """

    size: str
    what: str
    samples: int
    still_milliseconds: float
    moving_milliseconds: float
    ratio: float


@dataclass
class _Samples:
    """Samples of one size: seconds and GFLOP by stage, and seconds a frame of whole shots.

    Of ``rendered`` shots the analysis was made before.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    gflop: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    whole: list[float] = field(default_factory=list)
    rendered: list[float] = field(default_factory=list)

    def add(self, taken: tuple[Mapping[str, float], Mapping[str, float]], stages: Sequence[str]) -> None:
        for stage in stages:
            if stage in taken[0]:
                self.seconds[stage].append(taken[0][stage])
                self.gflop[stage].append(taken[1].get(stage, 0.0))


def bench(shots: Sequence[Shot], runs: int, device: str, profile: str = "warp") -> dict[str, Any]:
    """Time shots of one length in ``runs`` passes, after a warm-up.

    Returns ``stages`` and ``shots``, lists of :class:`Stage` and :class:`ShotTime`, and ``peak_gflop_per_second``; for
    moving shots also ``moving``, a list of :class:`MovingRatio`: each size then needs its still as well.
    """
    warm, timed = ({(shot.size, shot.kind): _Samples() for shot in shots} for _ in range(2))
    peaks = []
    clock = Clock(NETWORKS)
    for run in range(runs + 1):
        clock.counting = run == 0
        for shot in shots:
            samples = (timed if run else warm)[shot.size, shot.kind]
            peaks.append(measure_peak(torch.float32, device))
            with observe_stages(clock):
                _pass(shot, clock, samples, device, profile)
            settings = _settings(shot, device, profile)
            samples.whole.append(_time_render(settings))
            samples.rendered.append(_time_render(_with_analysis(settings, shot)))
    peaks.append(measure_peak(torch.float32, device))
    result: dict[str, Any] = {
        "stages": [row for shot in timed for row in _rows(shot, timed[shot], warm[shot], max(peaks))],
        "shots": [row for shot in shots for row in _totals(shot, timed[shot.size, shot.kind])],
        "peak_gflop_per_second": max(peaks),
    }
    if any(shot.moving for shot in shots):
        result["moving"] = [row for shot in shots if shot.moving for row in _compare_with_still(shot.size, timed)]
    return result


def _pass(shot: Shot, clock: Clock, samples: _Samples, device: str, profile: str) -> None:
    """Render a shot stage by stage.

    :mod:`ofx_reenact.bench.worker` calls this function in other states of the package too: keep its name and
    arguments, and those of :class:`_Samples`.
    """
    settings, colour = _settings(shot, device, profile), Colour()
    kept = _with_analysis(settings, shot)
    _track(shot.driver, Path(kept.performance), settings, colour, clock, samples)
    if shot.moving:
        _track(str(shot.target), Path(kept.target_performance), target_as_driver(settings), colour, clock, samples)
    # Identity and choice of parts are made again in every pass.
    for path in (kept.identity, kept.parts_file):
        Path(path).unlink(missing_ok=True)
    job = Job(kept, Watch(), JobCache())
    clock.take()
    opened = job.open()
    seconds, gflop = clock.take()
    # The same functions read and track target and driver: here their time is the target's.
    seconds["target"] += sum(seconds.pop(stage, 0.0) for stage in (*TRACKED, "plate", "compose"))
    samples.add((seconds, gflop), ONCE)
    writer = FrameWriter(kept, opened.plates, opened.shot, colour, {}, opened.plan.faces)
    for frame in opened.plan.frames:
        result = opened.shot.render(frame)
        writer.write(frame, writer.attributes_of(frame, result), writer.channels(frame, result))
        seconds, gflop = clock.take()
        # Of a moving target, the stage "read" is the reading of a plate.
        if reading := [seconds.pop(name) for name in ("plate", "read") if name in seconds]:
            seconds["plate"] = sum(reading)
        samples.add((seconds, gflop), [stage for stage in STAGES if stage not in (*ONCE, *TRACKED)])


def _track(
    pattern: str, path: Path, settings: Settings, colour: Colour, clock: Clock, samples: _Samples
) -> None:
    """Track a driver or a moving plate frame by frame, and write its performance."""
    files = Frames.open(pattern)
    clock.take()
    performance = analyse(
        driver_images(files, files.frames, settings, colour),
        FaceMesh(),
        name=files.name,
        fps=files.fps,
        on_frame=lambda frame, found: samples.add(clock.take(), TRACKED),
    )
    # The time of what is derived from all frames together is divided among them.
    derived, count = clock.take()[0]["track"], len(files.frames)
    samples.seconds["track"][-count:] = [s + derived / count for s in samples.seconds["track"][-count:]]
    performance.save(path)


def _time_render(settings: Settings) -> float:
    """Render a shot as the command ``render`` does; returns seconds a frame."""
    started = time.perf_counter()
    report = render_sequence(settings)
    return (time.perf_counter() - started) / len(report.written)


def _settings(shot: Shot, device: str, profile: str) -> Settings:
    return Settings(
        target=str(shot.target), driver=shot.driver, output=shot.output, device=device, profile=profile,
        existing="overwrite",
    )  # fmt: skip


def settings_with_analysis(shot: Shot, device: str) -> Settings:
    """Return the settings of a shot's render that writes its analysis to files, or reads them if they exist."""
    return _with_analysis(_settings(shot, device, "warp"), shot)


def _with_analysis(settings: Settings, shot: Shot) -> Settings:
    """Return the settings with analysis files named, as for the chunks of a job on a farm."""
    place = shot.tracked.parent
    return replace(
        settings,
        performance=str(shot.tracked),
        target_performance=str(place / "plate.npz") if shot.moving else "",
        identity=str(place / f"{shot.kind}.safetensors"),
        parts_file=str(place / f"{shot.kind}.json"),
    )


def _compare_with_still(size: str, timed: Mapping[tuple[str, str], _Samples]) -> list[MovingRatio]:
    """Compare the moving plate with the still, at one size."""
    still, moving = timed[size, "still"], timed[size, "moving"]
    compared = {"rendered": (still.rendered, moving.rendered), "whole": (still.whole, moving.whole)}
    return [
        MovingRatio(
            size, what, len(ours), 1000 * float(np.median(theirs)), 1000 * float(np.median(ours)),
            float(np.median([b / a for a, b in zip(theirs, ours, strict=True)])),
        )
        for what, (theirs, ours) in compared.items()
    ]  # fmt: skip


def _rows(shot: tuple[str, str], samples: _Samples, warm: _Samples, best: float) -> list[Stage]:
    """Return the rows of one (size, kind of target); operations were counted in the warm-up."""
    total = sum(sum(seconds) for seconds in samples.seconds.values())
    rows = []
    for stage in STAGES:
        seconds, per = samples.seconds[stage], "shot" if stage in ONCE else "frame"
        if not seconds:
            continue
        took = timed_fields(seconds)
        gflop = float(np.mean(warm.gflop[stage] or [0.0]))
        of_peak = gflop / float(np.mean(seconds)) / best if gflop else None
        per_second = 1000 / took["milliseconds"] if took["milliseconds"] else 0.0
        rows.append(Stage(*shot, stage, per, per_second, sum(seconds) / total, gflop, of_peak, **took))
    return rows


def _totals(shot: Shot, samples: _Samples) -> list[ShotTime]:
    """Return the rows of whole shots."""
    serial = 1000 * sum(sum(seconds) for seconds in samples.seconds.values()) / (shot.frames * len(samples.whole))
    rows = []
    for what, seconds, in_turn in (("rendered", samples.rendered, None), ("whole", samples.whole, serial)):
        took = timed_fields(seconds)
        rows.append(
            ShotTime(shot.size, shot.kind, what, shot.frames, 1000 / took["milliseconds"], in_turn, **took)
        )
    return rows
