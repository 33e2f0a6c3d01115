"""``ofx-reenact track``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.engine.settings import Settings

HELP = "Track a driver once and keep its performance in a file, for renders and chunks to share."
_OF = {field.name: field for field in dataclasses.fields(Settings)}
_DEFAULT: dict[str, Any] = {name: field.default for name, field in _OF.items()}


def _setting(name: str, flag: str | None = None) -> Any:
    """The command-line option of one setting, with its own help."""
    metadata = _OF[name].metadata
    text = metadata["help"] + (f" \\[{'|'.join(metadata['choices'])}]" if metadata["choices"] else "")
    return typer.Option(flag or f"--{name.replace('_', '-')}", help=text)


def command(
    input: Annotated[str, _setting("driver", "--input")],
    output: Annotated[Path, typer.Option("--output", help="Performance file (.npz) to write.")],
    tracker: Annotated[str, _setting("tracker")] = _DEFAULT["tracker"],
    landmarks: Annotated[str, _setting("landmarks")] = _DEFAULT["landmarks"],
    face: Annotated[int, _setting("face")] = _DEFAULT["face"],
    smoothing: Annotated[float, _setting("smoothing")] = _DEFAULT["smoothing"],
    reference: Annotated[int | None, _setting("reference")] = None,
    driver_colorspace: Annotated[str, _setting("driver_colorspace")] = _DEFAULT["driver_colorspace"],
    device: Annotated[str, _setting("device")] = _DEFAULT["device"],
    overlay: Annotated[str, typer.Option(help="Also write pictures with the landmarks drawn in, O.####.png.")] = "",
    progress: Annotated[str, typer.Option(help=f"How to show progress \\[{'|'.join(shown.WAYS)}].")] = "",
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
