"""``ofx-reenact demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.settings import Settings

if TYPE_CHECKING:
    import numpy as np

COLUMNS = 8
LAYERS = ("rgba", "stmap", "matte", "confidence")


def command(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("ofx-reenact-demo"),
    progress: shown.OPTION = "",
) -> int:
    """Render the shipped target with the shipped driver, with a contact sheet and a preview, to see that all works."""
    from ofx_reenact.engine.run import render_sequence
    from ofx_reenact.resources import resource

    settings = Settings(
        target=str(resource("demo", "target.jpg")),
        driver=str(resource("demo", "driver.mpg")),
        output=str(out / "demo.####.exr"),
        preview=str(out / "demo.mp4"),
        layers=LAYERS,
        existing="overwrite",
    )
    with shown.observer(shown.choose(progress)) as observe:
        report = render_sequence(settings, observe)
    sheet = out / "contact_sheet.png"
    draw_sheet(settings, report.written, sheet)
    typer.echo(f"{len(report.written)} frames in {report.seconds:.0f} s on {report.device}")
    typer.echo(f"look at  {sheet}")
    typer.echo(f"play     {report.preview}")
    typer.echo(f"open     {settings.output} ({', '.join(LAYERS)})")
    return 0


def draw_sheet(settings: Settings, frames: tuple[int, ...], sheet: Path) -> None:
    """Write a contact sheet: the driver's frames above, the rendered ones below, the target at the left."""
    import numpy as np

    from ofx_reenact.frames.colour import Colour
    from ofx_reenact.frames.names import frame_path
    from ofx_reenact.frames.plate import Plate, read_plate
    from ofx_reenact.frames.preview import contact_sheet
    from ofx_reenact.frames.sequence import Sequence

    colour = Colour()

    def square(plate: Plate) -> np.ndarray:
        shown = colour.show(plate)
        height, width = shown.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return shown[top : top + side, left : left + side]

    chosen = [frames[round(i * (len(frames) - 1) / (COLUMNS - 1))] for i in range(COLUMNS)]
    sequence, picture = Sequence.open(settings.driver), square(Sequence.open(settings.target).read(1))
    driving = [square(sequence.read(frame)) for frame in chosen]
    rendered = [square(read_plate(frame_path(settings.output, frame))) for frame in chosen]
    contact_sheet([[np.zeros_like(driving[0]), *driving], [picture, *rendered]], sheet)
