"""``ofx-reenact render``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import with_settings
from ofx_reenact.errors import Exit
from ofx_reenact.settings import Settings

if TYPE_CHECKING:
    from ofx_reenact.engine.run import Report

HELP = "Render the target performing as the driver does, as a sequence of EXR frames."


def command() -> Callable[..., int]:
    """Return the function that typer makes the command of."""
    return with_settings(render, {"progress": shown.OPTION})


def render(settings: Settings, progress: str = "", *, job: str = "") -> int:
    """Render and report, for the farm's job of that name if there is one; returns the exit code."""
    from ofx_reenact.engine.run import render_sequence

    way = shown.choose(progress)
    with shown.observer(way) as observe:
        report = render_sequence(settings, observe, job)
    if way == "json":
        shown.report_event(report)
    else:
        for line in summary(report):
            typer.echo(shown.one_line(line))
        shown.failures(way, report.failed)
    return Exit.SOME_FAILED if report.failed else Exit.DONE


def summary(report: Report) -> list[str]:
    """Return what happened, in lines for people."""
    lines = [f"{len(report.written)} frames written to {report.output} in {report.seconds:.1f} s on {report.device}"]
    kinds: dict[str, Any] = {
        "there already": report.skipped,
        "without a face, bridged": report.bridged,
        "without a face, held": report.held,
        "without a face, black": report.black,
        "missing in the driver": report.absent,
    }
    lines += [f"  {name}: {_ranges(frames)}" for name, frames in kinds.items() if frames]
    lines += [f"  frame {frame} failed: {reason}" for frame, reason in report.failed.items()]
    if report.confidence:
        frame = min(report.confidence, key=lambda f: report.confidence[f])
        lines.append(f"  lowest confidence: {report.confidence[frame]:.2f} at frame {frame}")
    lines.append(f"  reference frame of the driver: {report.reference}")
    lines.append(f"  colour: {report.colour_space}; {report.colour_reason}")
    lines += [f"  note: {warning}" for warning in report.warnings]
    if report.written:
        lines.append(f"  sidecar: {report.sidecar}")
    if report.preview:
        lines.append(f"  preview: {report.preview}")
    return lines


def _ranges(frames: tuple[int, ...]) -> str:
    from ofx_reenact.frames.ranges import FrameRange

    return f"{FrameRange.of(frames)} ({len(frames)})"
