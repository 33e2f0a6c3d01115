"""``ofx-reenact render``: render frames, and print a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import PROGRESS, with_settings
from ofx_reenact.errors import Exit
from ofx_reenact.settings import Settings

if TYPE_CHECKING:
    from ofx_reenact.engine.render_job import Report


def render(settings: Settings, progress: str = "", *, job: str = "") -> int:
    """Render the target performing as the driver does, as a sequence of EXR frames."""
    from ofx_reenact.engine.render_job import render_sequence

    way = shown.choose(progress)
    with shown.observer(way) as observe:
        report = render_sequence(settings, observe, job)
    shown.say(way, dataclasses.asdict(report), map(shown.one_line, summary(report)))
    shown.failures(way, report.failed)
    return Exit.SOME_FAILED if report.failed else Exit.DONE


command = with_settings(render, {"progress": PROGRESS})


def summary(report: Report) -> Iterator[str]:
    """Yield the lines of the report for people."""
    yield f"{len(report.written)} frames written to {report.output} in {report.seconds:.1f} s on {report.device}"
    yield from kinds_of_frames({
        "existed already": report.skipped, "without a face, bridged": report.bridged,
        "without a face, held": report.held, "without a face, black": report.black,
        "missing in the driver": report.absent, "without a face in the target, left as they are": report.plain,
    })  # fmt: skip
    if report.parts:
        yield f"  parts of {len(report.parts)} of {len(report.written)} frames come from other frames or pictures"
    yield from (f"  frame {frame} failed: {reason}" for frame, reason in report.failed.items())
    if report.confidence:
        frame = min(report.confidence, key=lambda f: report.confidence[f])
        yield f"  lowest confidence: {report.confidence[frame]:.2f} at frame {frame}"
    yield f"  reference frame of the driver: {report.reference}"
    yield f"  colour: {report.colour_space}; {report.colour_reason}"
    yield from (f"  note: {warning}" for warning in report.warnings)
    if report.written:
        yield f"  sidecar: {report.sidecar}"
    if report.preview:
        yield f"  preview: {report.preview}"


def kinds_of_frames(kinds: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """Yield a line for each kind that has frames: its name, the frames as a range, and their number."""
    from ofx_reenact.frames.ranges import FrameRange

    yield from (f"  {name}: {FrameRange.of(frames)} ({len(frames)})" for name, frames in kinds.items() if frames)
