"""``ofx-reenact demo``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ofx_reenact.cli import progress as shown
from ofx_reenact.cli.options import PROGRESS
from ofx_reenact.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from ofx_reenact.engine.render_job import Job, Report

# Number of frames on a contact sheet.
COLUMNS = 8
# Side of a picture on a contact sheet, as a multiple of the face's larger side.
FACE_MARGIN = 1.4
LAYERS = ("rgba", "stmap", "matte", "confidence")


@dataclass(frozen=True)
class Scene:
    """One render of the demo: its title, its settings, and its contact sheet's path."""

    title: str
    settings: Settings
    sheet: Path

    @classmethod
    def of(cls, title: str, target: str, out: Path, name: str, sheet: str, layers: tuple[str, ...]) -> Scene:
        """Return the render of a shipped target with the shipped driver, into NAME.####.exr and NAME.mp4."""
        from ofx_reenact.resources import resource

        settings = Settings(
            target=str(resource("demo", target)),
            driver=str(resource("demo", "driver.mpg")),
            output=str(out / f"{name}.####.exr"),
            preview=str(out / f"{name}.mp4"),
            layers=layers,
            existing="overwrite",
        )
        return cls(title, settings, out / sheet)


def command(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("ofx-reenact-demo"),
    progress: PROGRESS = "",
) -> int:
    """Render the shipped demo: a moving plate and a picture, with contact sheets and previews."""
    from ofx_reenact.engine.cache import JobCache
    from ofx_reenact.engine.render_job import Job
    from ofx_reenact.progress import Watch

    # Both renders share the cache: the driver is tracked once.
    cache, rendered = JobCache(), []
    for scene in scenes(out):
        with shown.observer(shown.choose(progress)) as observe:
            job = Job(scene.settings, Watch(observe), cache)
            report = job.run()
        draw_sheet(job, report.written, scene.sheet)
        rendered.append((scene, report))
    for scene, report in rendered:
        print_scene(scene, report)
    return 0


def scenes(out: Path) -> tuple[Scene, ...]:
    """Return the renders of the demo."""
    return (
        Scene.of("a plate that moves", "plate.mpg", out, "moving", "moving_sheet.png", (*LAYERS, "parts")),
        Scene.of("a picture", "target.jpg", out, "demo", "contact_sheet.png", LAYERS),
    )


def print_scene(scene: Scene, report: Report) -> None:
    """Print what was rendered, and where it is."""
    parts = f"; {len(report.parts)} take mouth or eyes from other frames" if report.parts else ""
    typer.echo(f"{scene.title}: {len(report.written)} frames in {report.seconds:.0f} s on {report.device}{parts}")
    typer.echo(f"  look at  {scene.sheet}")
    typer.echo(f"  play     {report.preview}")
    typer.echo(f"  open     {scene.settings.output} ({', '.join(scene.settings.layers)})")


def draw_sheet(job: Job, frames: tuple[int, ...], sheet: Path) -> None:
    """Write a contact sheet of faces: the driver's on top, then the target's if it moves, then the result's.

    A still target is at the left instead.
    """
    import numpy as np

    from ofx_reenact.frames.names import frame_path
    from ofx_reenact.frames.plate import read_plate
    from ofx_reenact.frames.preview import contact_sheet
    from ofx_reenact.frames.sequence import Sequence

    loader, plates = job.loader, job.loader.plates
    target = loader.identity.face if loader.target_performance is None else loader.target_performance
    crop_driver, crop_target = make_crop(loader.performance.mesh), make_crop(target.mesh)
    chosen = [frames[round(i * (len(frames) - 1) / (COLUMNS - 1))] for i in range(COLUMNS)]
    driver = Sequence.open(job.settings.driver)
    driving = [crop_driver(job.colour.show(driver.read(frame))) for frame in chosen]
    own_frames = chosen if plates.moving else chosen[:1]
    targets = [crop_target(plates.picture(frame).show(job.colour)) for frame in own_frames]
    written = [read_plate(frame_path(job.settings.output, frame)) for frame in chosen]
    rendered = [crop_target(job.colour.show(plate)) for plate in written]
    if plates.moving:
        rows = [driving, targets, rendered]
    else:
        rows = [[np.zeros_like(driving[0]), *driving], [*targets, *rendered]]
    contact_sheet(rows, sheet)


def make_crop(mesh: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that crops pictures (H, W, ...) to a square around a face.

    ``mesh`` is (points, 3) or (frames, points, 3) in pixels. With several frames, the square is large enough for the
    face in all of them.
    """
    import numpy as np

    points = mesh[..., :2].reshape(-1, 2)
    (x, y), half = (points.min(0) + points.max(0)) / 2, FACE_MARGIN * float(np.ptp(points, axis=0).max()) / 2

    def crop(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        side = int(min(2 * half, height, width))
        left, top = (round(min(max(at - side / 2, 0), edge - side)) for at, edge in ((x, width), (y, height)))
        return picture[top : top + side, left : left + side]

    return crop
