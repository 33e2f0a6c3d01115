"""What the plugins have done for them: each a task with plain values in and out, here or in another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import sidecar_path
from ofx_reenact.provenance.signing import SUFFIX
from ofx_reenact.publish import extract, repair, version
from ofx_reenact.publish.checks import checks_for
from ofx_reenact.publish.options import Options
from ofx_reenact.verify.look import look
from ofx_reenact.verify.report import report_on
from ofx_reenact.verify.subject import Subject, meant, open_subject


def collect(output: str, options: Options) -> dict[str, Any]:
    """Say what there is to publish, without looking at more than one frame."""
    _, _, frames = meant(output, options.frames, {}, options.performance, options.target_performance)
    header = next(filter(None, (look(f, frame_path(output, f)).header for f in frames)), None)
    name, number = version.name_of(output)
    if options.target_dir:
        number = version.place_of(output, options.target_dir).version
    return {
        "name": name, "frames": str(frames), "frameStart": frames.first, "frameEnd": frames.last,
        "fps": float(header.fps) if header and header.fps else None,
        "colorspace": header.colour_space if header else None, "version": number or 1,
        "stagingDir": str(Path(output).with_name(f"{name}.publish")), "options": asdict(options),
    }  # fmt: skip


def examine(output: str, options: Options) -> dict[str, Any]:
    """Ask every question of a publish; returns the report as plain values."""
    place = version.place_of(output, options.target_dir) if options.target_dir else None
    return report_on(_subject(output, options), checks_for(options, place)).as_dict()


def represent(output: str, options: Options, *, staging: str, frames: str) -> list[dict[str, Any]]:
    """Make contact sheet and preview, and list all files of the publish by what they are."""
    folder, chosen = Path(output).parent, FrameRange.parse(frames)
    paths = [frame_path(output, frame) for frame in chosen]
    made = [_representation("exr", paths, folder)]
    signatures = [path.with_suffix(SUFFIX) for path in paths]
    if all(path.is_file() for path in signatures):
        made.append(_representation("c2pa", signatures, folder))
    made.append(_representation("sidecar", [sidecar_path(output)], folder))
    if extract.has_colour(output, chosen.first):
        stage = Path(staging)
        made.append(_representation("contact", [extract.draw_sheet(output, chosen, stage)], stage))
        made.append(_representation("preview", [extract.write_preview(output, chosen, stage)], stage))
    return made


def integrate(
    output: str, options: Options, *, representations: list[dict[str, Any]], about: dict[str, Any]
) -> dict[str, Any]:
    """Copy a publish to its version's folder; says which, and the files there."""
    place = version.place_of(output, options.target_dir)
    files = version.integrate(place, representations, about)
    return {"folder": str(place.folder), "version": place.version, "files": files}


def render_missing(output: str, options: Options) -> str:
    """Render the frames that are missing; returns them."""
    return str(repair.render_missing(_subject(output, options)))


def write_sidecar(output: str, options: Options) -> str:
    """Write into the sidecar what it lacks; returns the frames added."""
    return str(repair.write_sidecar(_subject(output, options)))


TASKS: Mapping[str, Callable[..., Any]] = {
    "collect": collect, "examine": examine, "represent": represent, "integrate": integrate,
    "render_missing": render_missing, "write_sidecar": write_sidecar,
}  # fmt: skip


def call(task: str, output: str, options: Mapping[str, Any], **values: Any) -> Any:
    """Do a task, by its name, on a sequence ``O.####.exr``, with values of :class:`Options` and what else it takes.

    Raises:
        ReenactError: as the task says.
    """
    return TASKS[task](output, Options(**options), **values)


def _subject(output: str, options: Options) -> Subject:
    return open_subject(
        output,
        frames=options.frames,
        performance=options.performance,
        target_performance=options.target_performance,
        strict=options.strict,
    )


def _representation(name: str, paths: list[Path], folder: Path) -> dict[str, Any]:
    files = [path.name for path in paths]
    return {"name": name, "ext": paths[0].suffix.lstrip("."), "files": files, "stagingDir": str(folder)}
