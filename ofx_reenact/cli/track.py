"""``ofx-reenact track``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import PROGRESS, setting, with_settings
from ofx_reenact.settings import Settings, names_affecting

if TYPE_CHECKING:
    from ofx_reenact.tracking.performance import Performance

# A driver's file is --input here and the performance's --output; a reference is kept in the performance.
_NAMES = {*names_affecting("track"), "reference"} - {"driver", "performance"}
_EXTRA = {
    "input": Annotated[str, setting("driver", "--input")],
    "output": Annotated[Path, typer.Option("--output", help="Performance file (.npz) to write.")],
    "overlay": Annotated[str, typer.Option(help="Also write pictures with the landmarks drawn in, O.####.png.")],
    "progress": PROGRESS,
}


def track(settings: Settings, input: str, output: Path, overlay: str = "", progress: str = "") -> int:
    """Track a driver once and keep its performance in a file, for renders and chunks to share."""
    from ofx_reenact.engine.inputs import draw_overlays, track_driver
    from ofx_reenact.frames.colour import Colour
    from ofx_reenact.frames.names import frame_path
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.frames.sequence import Sequence
    from ofx_reenact.tracking.trackers import terms_of

    way = shown.choose(progress)
    settings = dataclasses.replace(settings, driver=input, performance=str(output))
    read = [("--input", input), ("--landmarks", settings.landmarks)]
    refuse_over_inputs([("--output", output), ("--overlay", overlay)], read)
    if overlay:
        frame_path(overlay, 1, ".png")
    colour, driver = Colour(), Sequence.open(input)
    with shown.observer(way) as observe:
        performance = track_driver(settings, driver, colour, observe)
    performance.save(output)
    if overlay:
        draw_overlays(driver, performance, settings, colour, overlay)
    facts = facts_of(performance, output)
    if terms := terms_of(performance.tracker):
        facts["terms"] = terms
    if driver.notes:
        facts["note"] = "; ".join(driver.notes)
    shown.say(way, facts, shown.listed(facts))
    return 0


command = with_settings(track, _EXTRA, _NAMES)


def facts_of(performance: Performance, output: Path) -> dict[str, Any]:
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
