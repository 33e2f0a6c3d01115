"""``ofx-reenact track``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import PROGRESS, setting, with_settings
from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings, names_affecting, paths_in

if TYPE_CHECKING:
    from ofx_reenact.tracking.performance import Performance

# The render's options that this command has too; --driver is --input here, and --performance is --output. --reference
# is among them because the performance file stores the reference frame.
_NAMES = {*names_affecting("track"), "reference"} - {"driver", "performance"}
_EXTRA = {
    "input": Annotated[str, setting("driver", "--input")],
    "output": Annotated[str, typer.Option("--output", help="Performance file (.npz) to write.", metavar="PATH")],
    "overlay": Annotated[str, typer.Option(help="Also write pictures with the landmarks drawn on them, O.####.png.")],
    "faces": Annotated[
        str,
        typer.Option(
            help="Do not track; list the people in a sequence or picture.", metavar="PATH",
        ),
    ],
    "contact_sheet": Annotated[
        str, typer.Option(help="With --faces: also write a picture (.png) of the faces, numbered.", metavar="PATH")
    ],
    "progress": PROGRESS,
}  # fmt: skip


def track(
    settings: Settings,
    input: str = "",
    output: str = "",
    overlay: str = "",
    faces: str = "",
    contact_sheet: str = "",
    progress: str = "",
) -> int:
    """Track a driver once and write its performance file, which renders and chunks share."""
    if faces:
        if input or output or overlay:
            raise SettingsError("--faces only lists faces; leave out --input, --output and --overlay, or --faces")
        return _list_faces(dataclasses.replace(settings, driver=faces), contact_sheet, progress)
    if contact_sheet:
        raise SettingsError("--contact-sheet shows the faces that --faces lists; pass --faces DRIVER")
    if not (input and output):
        raise SettingsError("pass --input and --output, or --faces")
    return _track(settings, input, Path(output), overlay, progress)


def _track(settings: Settings, input: str, output: Path, overlay: str, progress: str) -> int:
    from ofx_reenact.engine.inputs import draw_overlays, track_driver
    from ofx_reenact.frames.colour import Colour
    from ofx_reenact.frames.names import frame_path
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.frames.sequence import Sequence
    from ofx_reenact.tracking.trackers import terms_of

    style = shown.choose(progress)
    settings = dataclasses.replace(settings, driver=input, performance=str(output))
    pictures = [("--face", path) for path in paths_in({"face": settings.face}, "read")]
    read = [("--input", input), ("--landmarks", settings.landmarks), *pictures]
    refuse_over_inputs([("--output", output), ("--overlay", overlay)], read)
    if overlay:
        frame_path(overlay, 1, ".png")
    colour, driver = Colour(), Sequence.open(input)
    with shown.observer(style) as observe:
        performance = track_driver(settings, driver, colour, observe)
    performance.save(output)
    if overlay:
        draw_overlays(driver, performance, settings, colour, overlay)
    facts = facts_of(performance, output)
    if terms := terms_of(performance.tracker):
        facts["terms"] = terms
    if driver.notes:
        facts["note"] = "; ".join(driver.notes)
    shown.say(style, facts, shown.listed(facts))
    return 0


def _list_faces(settings: Settings, sheet: str, progress: str) -> int:
    """Print the people in a driver; write a picture of their faces to ``sheet`` if it is given."""
    from ofx_reenact.engine.list_faces import list_faces, write_sheet
    from ofx_reenact.frames.colour import Colour
    from ofx_reenact.frames.overwrite import refuse_over_inputs

    style = shown.choose(progress)
    refuse_over_inputs([("--contact-sheet", sheet)], [("--faces", settings.driver)])
    if sheet and Path(sheet).suffix.lower() != ".png":
        raise SettingsError(f"--contact-sheet {sheet}: the picture is written as .png; choose a name that ends in it")
    with shown.observer(style) as observe:
        listed = list_faces(settings, Colour(), observe)
    if sheet:
        write_sheet(listed.thumbnails, Path(sheet))
    shown.say(style, listed.values, _lines(listed.values))
    return 0


def _lines(values: dict[str, Any]) -> Iterator[str]:
    """Yield the list of faces as text, one a line."""
    yield f"{'--face':<16}{'frame':>8}{'position':>12}{'size':>7}  frames"
    for one in values["faces"]:
        place = ",".join(map(str, one["position"]))
        yield f"{one['choose']:<16}{one['frame']:>8}{place:>12}{one['size']:>7}  {one['frames']}"
    if values["every"] > 1:
        yield f"searched one frame in {values['every']}"


command = with_settings(track, _EXTRA, _NAMES)


def facts_of(performance: Performance, output: Path) -> dict[str, Any]:
    """Return the facts to print about a performance file."""
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
