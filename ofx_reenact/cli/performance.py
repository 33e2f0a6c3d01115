"""``ofx-reenact performance``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import group
from ofx_reenact.cli.track import facts_of

app = group("performance", "Inspect a performance file and correct it by hand.")
_Input = Annotated[Path, typer.Option("--input", help="Performance file (.npz).")]


@app.command("landmarks")
def landmarks(
    input: _Input,
    output: Annotated[Path, typer.Option("--output", help="Landmarks file (.json) to write.")],
    frames: Annotated[str, typer.Option(help="Frames to write, such as 1001-1010; empty writes all.")] = "",
) -> int:
    """Write the tracked landmarks of frames to a file that you can correct and give to 'performance place'."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.frames.ranges import FrameRange
    from ofx_reenact.tracking.edit import landmarks_of
    from ofx_reenact.tracking.landmark_file import write_landmarks
    from ofx_reenact.tracking.performance import Performance

    refuse_over_inputs([("--output", output)], [("--input", input)])
    found = landmarks_of(Performance.load(input), FrameRange.parse(frames) if frames else None)
    write_landmarks(output, found)
    typer.echo(f"landmarks of {len(found)} frames: {output}")
    return 0


@app.command("place")
def place(
    input: _Input,
    landmarks: Annotated[Path, typer.Option(help="Hand-placed landmarks (.json) of the frames to correct.")],
    output: Annotated[Path, typer.Option("--output", help="Performance file (.npz) to write; may be the input.")],
) -> int:
    """Replace tracked landmarks by hand-placed ones."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.tracking.edit import place as edit
    from ofx_reenact.tracking.landmark_file import by_number, read_landmarks
    from ofx_reenact.tracking.performance import Performance

    refuse_over_inputs([("--output", output)], [("--landmarks", landmarks)])
    edited = edit(Performance.load(input), by_number(read_landmarks(landmarks), str(landmarks)))
    edited.save(output)
    shown.say("", {}, shown.listed(facts_of(edited, output)))
    return 0


@app.command("curves")
def curves(input: _Input, output: Annotated[Path, typer.Option("--output", help="File (.json) to write.")]) -> int:
    """Write the head's rotation, in degrees, and the blendshapes of every frame."""
    import json

    from ofx_reenact.files import write_whole
    from ofx_reenact.frames.overwrite import refuse_over_inputs
    from ofx_reenact.tracking.curves import curves as curves_of
    from ofx_reenact.tracking.performance import Performance

    refuse_over_inputs([("--output", output)], [("--input", input)])
    found = curves_of(Performance.load(input))
    with write_whole(output) as partial:
        partial.write_text(json.dumps(found) + "\n", encoding="utf-8")
    typer.echo(f"curves of {len(found['frames'])} frames: {output}")
    return 0
