"""The tasks of the plugins. Each takes and returns plain values, so that it can run in another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import sidecar_path
from ofx_reenact.provenance.signing import SUFFIX
from ofx_reenact.publish import actions, extract, version
from ofx_reenact.publish.checks import checks_for
from ofx_reenact.publish.options import Options
from ofx_reenact.verify.checked_sequence import CheckedSequence, inspect_sequence, read_expected
from ofx_reenact.verify.frame_inspection import inspect_frame
from ofx_reenact.verify.report import report_on


def collect(output: str, options: Options) -> dict[str, Any]:
    """Return what pyblish's instance needs to know of the sequence; read one frame."""
    _, _, frames = read_expected(output, options.frames, {}, options.performance, options.target_performance)
    header = next(filter(None, (inspect_frame(f, frame_path(output, f)).header for f in frames)), None)
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
    """Run every check of a publish; return the report."""
    place = version.place_of(output, options.target_dir) if options.target_dir else None
    return report_on(_inspect(output, options), checks_for(options, place)).as_dict()


def represent(output: str, options: Options, *, staging: str, frames: str) -> list[dict[str, Any]]:
    """Make contact sheet and preview; return all files of the publish as representations."""
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
    """Copy the representations into the version's folder; return folder, version and files."""
    place = version.place_of(output, options.target_dir)
    files = version.integrate(place, representations, about)
    return {"folder": str(place.folder), "version": place.version, "files": files}


def render_missing(output: str, options: Options) -> str:
    """Render the missing frames; return them."""
    return str(actions.render_missing_frames(_inspect(output, options)))


def write_sidecar(output: str, options: Options) -> str:
    """Add frames that the sidecar does not have; return them."""
    return str(actions.add_frames_to_sidecar(_inspect(output, options)))


TASKS: Mapping[str, Callable[..., Any]] = {
    "collect": collect, "examine": examine, "represent": represent, "integrate": integrate,
    "render_missing": render_missing, "write_sidecar": write_sidecar,
}  # fmt: skip


def call(task: str, output: str, options: Mapping[str, Any], **values: Any) -> Any:
    """Run a task on a sequence ``O.####.exr``.

    Args:
        task: a name of ``TASKS``.
        output: the sequence.
        options: fields of :class:`Options`.
        values: further arguments of the task.

    Raises:
        ReenactError: the task failed.
    """
    return TASKS[task](output, Options(**options), **values)


def _inspect(output: str, options: Options) -> CheckedSequence:
    return inspect_sequence(
        output,
        frames=options.frames,
        performance=options.performance,
        target_performance=options.target_performance,
        strict=options.strict,
    )


def _representation(name: str, paths: list[Path], folder: Path) -> dict[str, Any]:
    files = [path.name for path in paths]
    return {"name": name, "ext": paths[0].suffix.lstrip("."), "files": files, "stagingDir": str(folder)}
