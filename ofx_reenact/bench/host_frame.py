"""Times a host's frame, which goes through shared memory, compared with a frame that a render writes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ofx_reenact.bench.clock import Clock
from ofx_reenact.bench.figures import Timed, timed_fields
from ofx_reenact.bench.plates import Shot
from ofx_reenact.bench.stages import settings_with_analysis
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.sequence import Sequence as Files
from ofx_reenact.progress import Watch
from ofx_reenact.service.frame_client import request_frame
from ofx_reenact.service.jobs import JOBS, Service
from ofx_reenact.service.shared_memory import HAND_OVER_STAGE
from ofx_reenact.stages import observe_stages

HANDED, WAY, RENDERED = "handed over", "of that, the way", "rendered"


@dataclass(frozen=True)
class HostFrameTime(Timed):
    """How long ``what`` took at one size and target; ``share`` is its time divided by that of a rendered frame."""

    size: str
    target: str
    what: str
    share: float


class _Local:
    """An engine in this process, so that its stages can be timed."""

    def __init__(self) -> None:
        self._service = Service()

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        return JOBS[do](self._service, fields, Watch())


def bench(shots: Sequence[Shot], runs: int, device: str) -> list[HostFrameTime]:
    """Time frames of a host, and renders of the same shots, ``runs`` times each after a warm-up.

    Client and engine are one process: this leaves out a line of JSON in each direction, less than a millisecond. "The
    way" is the copying and converting of pixels, which a render does not need.
    """
    engine, clock = _Local(), Clock()
    took: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for run in range(runs + 1):
        for shot in shots:
            settings = settings_with_analysis(shot, device)
            frames = range(2, shot.frames + 1)
            clips = Files.open(str(shot.target))
            for frame in frames:
                rgb = clips.read(frame if shot.moving else clips.frames.first).rgb
                rgba = np.dstack([rgb, np.ones_like(rgb[..., 0])])
                clock.take()
                with observe_stages(clock):
                    started = time.perf_counter()
                    request_frame(engine, settings, frame, rgba)
                    whole = time.perf_counter() - started
                if run:
                    took[shot.size, shot.kind, HANDED].append(whole)
                    took[shot.size, shot.kind, WAY].append(clock.take()[0][HAND_OVER_STAGE])
            started = time.perf_counter()
            report = render_sequence(settings)
            if run:
                took[shot.size, shot.kind, RENDERED].append((time.perf_counter() - started) / len(report.written))
    times = {row: timed_fields(seconds) for row, seconds in took.items()}
    rendered = {(size, kind): times[size, kind, RENDERED]["milliseconds"] for size, kind, _ in times}
    return [
        HostFrameTime(size, kind, what, figures["milliseconds"] / rendered[size, kind], **figures)
        for (size, kind, what), figures in times.items()
    ]
