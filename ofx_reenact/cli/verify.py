"""``ofx-reenact verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import PROGRESS
from ofx_reenact.errors import Exit

Output = Annotated[str, typer.Argument(help="EXR sequence, NAME.####.exr.", metavar="O.####.exr")]
Frames = Annotated[str, typer.Option(help="Frames that should exist; those of the sidecar if not given.")]
Performance = Annotated[str, typer.Option(help="Performance file of the driver, if the sidecar names none.")]
Target = Annotated[
    str, typer.Option("--target-performance", help="Performance file of a moving target, if the sidecar names none.")
]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the report as JSON.", metavar="PATH")]
Strict = Annotated[bool, typer.Option("--strict", help="Also report a problem where something cannot be compared.")]


def command(
    output: Output,
    frames: Frames = "",
    performance: Performance = "",
    target_performance: Target = "",
    strict: Strict = False,
    json: Json = None,
    progress: PROGRESS = "",
) -> int:
    """Check a rendered sequence: all frames exist, are whole, and match target, driver and sidecar."""
    from ofx_reenact.files import write_json
    from ofx_reenact.frames.overwrite import Named, refuse_over_inputs
    from ofx_reenact.provenance import sidecar_path
    from ofx_reenact.verify.report import lines_of, verify

    way = shown.choose(progress)
    read: list[Named] = [("the check", output), ("the check", sidecar_path(output)), ("--performance", performance)]
    read.append(("--target-performance", target_performance))
    refuse_over_inputs([("--json", json)], read)
    with shown.observer(way) as observe:
        report = verify(
            output,
            frames=frames,
            performance=performance,
            target_performance=target_performance,
            strict=strict,
            observe=observe,
        )
    content = report.as_dict()
    if json is not None:
        write_json(json, content)
    shown.say(way, content, lines_of(content))
    return Exit.DONE if report.good else Exit.FAILED
