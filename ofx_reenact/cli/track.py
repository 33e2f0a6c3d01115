"""``ofx-reenact track``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import setting
from ofx_reenact.settings import Settings

HELP = "Track a driver once and keep its performance in a file, for renders and chunks to share."
_DEFAULT: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Settings)}


def command(
    input: Annotated[str, setting("driver", "--input")],
    output: Annotated[Path, typer.Option("--output", help="Performance file (.npz) to write.")],
    tracker: Annotated[str, setting("tracker")] = _DEFAULT["tracker"],
    landmarks: Annotated[str, setting("landmarks")] = _DEFAULT["landmarks"],
    face: Annotated[int, setting("face")] = _DEFAULT["face"],
    smoothing: Annotated[float, setting("smoothing")] = _DEFAULT["smoothing"],
    reference: Annotated[int | None, setting("reference")] = None,
    driver_colorspace: Annotated[str, setting("driver_colorspace")] = _DEFAULT["driver_colorspace"],
    device: Annotated[str, setting("device")] = _DEFAULT["device"],
    overlay: Annotated[str, typer.Option(help="Also write pictures with the landmarks drawn in, O.####.png.")] = "",
    progress: shown.OPTION = "",
) -> int:
    """Track a driver."""
    settings = Settings(
        driver=input, performance=str(output), tracker=tracker, landmarks=landmarks, face=face, smoothing=smoothing,
        reference=reference, driver_colorspace=driver_colorspace, device=device,
    )  # fmt: skip
    from ofx_reenact.engine.inputs import draw_overlays, track_driver
    from ofx_reenact.frames.colour import Colour
    from ofx_reenact.frames.sequence import Sequence
    from ofx_reenact.tracking.trackers import terms_of

    way = shown.choose(progress)
    colour, driver = Colour(), Sequence.open(input)
    with shown.observer(way) as observe:
        performance = track_driver(settings, driver, colour, observe)
    performance.save(output)
    if overlay:
        draw_overlays(driver, performance, settings, colour, overlay)
    facts = facts_of(performance, output)
    if terms := terms_of(performance.tracker):
        facts["terms"] = terms
    if way == "json":
        shown.event("report", facts)
    else:
        for name, value in facts.items():
            typer.echo(f"{name}: {value}")
    return 0


def facts_of(performance: Any, output: Path) -> dict[str, Any]:
    """Return what to say of a performance that was written."""
    from ofx_reenact.frames.ranges import FrameRange
    from ofx_reenact.tracking.performance import State

    frames = {state: FrameRange.of(performance.frames[performance.state == state].tolist()) for state in State}
    facts = {
        "performance": str(output),
        "frames": f"{performance.frames[0]}-{performance.frames[-1]}",
        "reference": performance.reference,
        "lowest confidence": round(float(performance.confidence[performance.state == State.TRACKED].min()), 4),
    }
    for state, title in ((State.BRIDGED, "bridged"), (State.HELD, "held")):
        if frames[state]:
            facts[f"without a face, {title}"] = str(frames[state])
    if performance.hand_made.any():
        facts["placed by hand"] = str(FrameRange.of(performance.frames[performance.hand_made].tolist()))
    return facts
