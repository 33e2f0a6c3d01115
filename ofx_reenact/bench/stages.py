"""How long each stage of a render takes, and the whole of it, at several sizes in one run.

Passes over the sizes take turns, so that a machine whose speed drifts drifts for all of them. In a pass the stages run
one after the other in one thread; the whole is then rendered once more as ``render`` does it, where reading ahead and
writing overlap with the work.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from ofx_reenact.bench.clock import Clock
from ofx_reenact.bench.peak import peak
from ofx_reenact.bench.plates import Shot
from ofx_reenact.engine.inputs import driver_images
from ofx_reenact.engine.run import Job, render_sequence
from ofx_reenact.engine.warm import Warm
from ofx_reenact.engine.writer import FrameWriter
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.sequence import Sequence as Frames
from ofx_reenact.progress import Watch
from ofx_reenact.settings import Settings
from ofx_reenact.stages import observe_stages
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.facemesh import FaceMesh

# A render's stages, in the order that a frame goes through them; each is marked where it is done.
STAGES = (
    "read", "track", "target", "extract", "LD-Net", "warp: densify", "warp: STMap", "warp: sample", "translate",
    "compose", "write",
)  # fmt: skip
# Stages that are networks of torch; the tracker's run in OpenCV, which counts no operations.
NETWORKS = ("extract", "LD-Net", "translate")
# What happens once, for the target or for the whole performance.
ONCE = ("target", "extract", "LD-Net", "warp: densify")


@dataclass(frozen=True)
class Stage:
    """One stage at one size: median and percentiles of ``samples``, ``per`` ``frame`` or, what happens once, ``shot``.

    A frame in which the stage had nothing to do is no sample. ``share`` is of all stages' time on the shot, 0 to 1;
    ``gflop`` of a sample on average, 0 without a network of torch; ``of_peak`` how much of the machine's matrix peak
    that reached, 0 to 1.
    """

    size: str
    stage: str
    per: str
    samples: int
    milliseconds: float
    p5: float
    p95: float
    per_second: float
    share: float
    gflop: float
    of_peak: float | None


@dataclass(frozen=True)
class Whole:
    """A whole shot at one size, rendered ``samples`` times: median and percentiles of the time a frame.

    Whatever happens once is shared among the frames; ``serial`` is milliseconds a frame of all stages one after the
    other.
    """

    size: str
    frames: int
    samples: int
    milliseconds: float
    p5: float
    p95: float
    per_second: float
    serial: float


@dataclass
class _Samples:
    """What was timed at one size: seconds of each stage, of each frame or pass; GFLOP likewise; whole shots."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    gflop: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    whole: list[float] = field(default_factory=list)

    def add(self, taken: tuple[Mapping[str, float], Mapping[str, float]], stages: Sequence[str]) -> None:
        for stage in stages:
            if stage in taken[0]:
                self.seconds[stage].append(taken[0][stage])
                self.gflop[stage].append(taken[1].get(stage, 0.0))


def bench(shots: Sequence[Shot], runs: int, device: str, profile: str = "plate") -> dict[str, Any]:
    """Time shots of one length, one for each size, in ``runs`` passes that count, after one that does not.

    Returns ``stages`` and ``whole``, lists of :class:`Stage` and :class:`Whole`, and ``peak`` in GFLOP a second.
    """
    warm, timed = ({shot.size: _Samples() for shot in shots} for _ in range(2))
    peaks = []
    clock = Clock(NETWORKS)
    for run in range(runs + 1):
        clock.counting = run == 0
        for shot in shots:
            samples = (timed if run else warm)[shot.size]
            peaks.append(peak(torch.float32, device))
            with observe_stages(clock):
                _pass(shot, clock, samples, device, profile)
            samples.whole.append(_whole(shot, device, profile))
    peaks.append(peak(torch.float32, device))
    stages = [row for size, samples in timed.items() for row in _rows(size, samples, warm[size], max(peaks))]
    return {"stages": stages, "whole": [_total(size, timed[size]) for size in timed], "peak": max(peaks)}


def _pass(shot: Shot, clock: Clock, samples: _Samples, device: str, profile: str) -> None:
    """Render a shot stage by stage."""
    settings, colour = _settings(shot, device, profile), Colour()
    driver = Frames.open(shot.driver)
    clock.take()
    performance = analyse(
        driver_images(driver, driver.frames, settings, colour),
        FaceMesh(),
        name=driver.name,
        fps=driver.fps,
        on_frame=lambda frame, found: samples.add(clock.take(), ("read", "track")),
    )
    # What is derived from all frames together is shared among them.
    derived, count = clock.take()[0]["track"], len(driver.frames)
    samples.seconds["track"][-count:] = [s + derived / count for s in samples.seconds["track"][-count:]]
    performance.save(shot.tracked)
    job = Job(replace(settings, performance=str(shot.tracked)), Watch(), Warm())
    clock.take()
    opened = job.open()
    seconds, gflop = clock.take()
    # The target is read and its face found by the same functions as the driver's.
    seconds["target"] += seconds.pop("read") + seconds.pop("track")
    samples.add((seconds, gflop), ONCE)
    writer = FrameWriter(settings, opened.plates, opened.shot, colour, {}, opened.plan.faces)
    for frame in opened.plan.frames:
        result = opened.shot.render(frame)
        writer.write(frame, writer.attributes_of(frame, result), writer.channels(frame, result))
        samples.add(clock.take(), [stage for stage in STAGES if stage not in (*ONCE, "read", "track")])


def _whole(shot: Shot, device: str, profile: str) -> float:
    """Render a shot as ``render`` does; returns seconds a frame."""
    started = time.perf_counter()
    report = render_sequence(_settings(shot, device, profile))
    return (time.perf_counter() - started) / len(report.written)


def _settings(shot: Shot, device: str, profile: str) -> Settings:
    return Settings(
        target=str(shot.target), driver=shot.driver, output=shot.output, device=device, profile=profile,
        existing="overwrite",
    )  # fmt: skip


def _rows(size: str, samples: _Samples, warm: _Samples, best: float) -> list[Stage]:
    """Sum up the stages of one size; operations were counted in the pass that warmed up."""
    total = sum(sum(seconds) for seconds in samples.seconds.values())
    rows = []
    for stage in STAGES:
        seconds, per = samples.seconds[stage], "shot" if stage in ONCE else "frame"
        p5, median, p95 = (1000 * float(p) for p in np.percentile(seconds or [0.0], (5, 50, 95)))
        gflop = float(np.mean(warm.gflop[stage] or [0.0]))
        of_peak = gflop / float(np.mean(seconds)) / best if gflop and seconds else None
        per_second, share = 1000 / median if median else 0.0, sum(seconds) / total
        rows.append(Stage(size, stage, per, len(seconds), median, p5, p95, per_second, share, gflop, of_peak))
    return rows


def _total(size: str, samples: _Samples) -> Whole:
    p5, median, p95 = (1000 * float(p) for p in np.percentile(samples.whole, (5, 50, 95)))
    frames = len(samples.seconds["read"]) // len(samples.whole)
    serial = sum(sum(seconds) for seconds in samples.seconds.values()) / len(samples.seconds["read"])
    return Whole(size, frames, len(samples.whole), median, p5, p95, 1000 / median, 1000 * serial)
