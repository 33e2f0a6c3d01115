"""Compare the files of an analysis (performance, identity, parts) with the driver or target they were made from."""

from __future__ import annotations

import re
from pathlib import Path

from ofx_reenact.errors import ReenactError, TrackingError
from ofx_reenact.files import read_json
from ofx_reenact.frames.names import files_of
from ofx_reenact.provenance.sidecar import Sidecar
from ofx_reenact.provenance.sources import MadeOf, Source
from ofx_reenact.settings.option import flag
from ofx_reenact.shot.choose_part_frames import SCHEMA as PARTS_SCHEMA
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.weights import read_metadata

# Option of an analysis file → name of its main input: in a render, and in the file itself. In a performance file the
# person that was tracked is always the "driver", even if it is the target's.
_MAIN = {
    "performance": ("driver", "driver"), "identity": ("target", "target"), "target_performance": ("target", "driver"),
    "parts_file": ("target", "target"),
}  # fmt: skip
# Options in a target's performance file → the same options of a render.
_OF_TARGET = {
    "--driver": "--target", "--driver-colorspace": "--colorspace", "--driver-layer": "--layer",
    "--face": "--target-face", "--landmarks": "--target-landmarks",
}  # fmt: skip


def check_made_from(path: Path, kind: str, stored: str, main_name: str, expected: MadeOf) -> str:
    """Check that an analysis file was made from the given inputs.

    Args:
        path: of the file.
        kind: option of the file, as ``performance``.
        stored: the file's ``made_of`` as JSON; empty in files of earlier versions.
        main_name: path of the main input; used if ``stored`` is empty.
        expected: the inputs and options it should be made from, named as in the file.

    Returns:
        A note if the file has no hash to compare, or was made with other options; else empty.

    Raises:
        TrackingError: it was made from other inputs; the message names both.
    """
    remedy, main = f"name another {flag(kind)}, or delete the file to have it made again", _MAIN[kind][1]
    what = "list of parts" if kind == "parts_file" else kind.removeprefix("target_")
    try:
        made_of = MadeOf.of_text(stored) if stored else MadeOf({main: Source(main_name)})
    except ValueError as error:
        raise TrackingError(f"{path}: not a whole {what} file ({error}); {remedy}") from error
    if not stored:
        expected = MadeOf({name: source for name, source in expected.inputs.items() if name == main})
    if wrong := made_of.describe_other_inputs(expected):
        raise TrackingError(f"{path}: this {what} was {_of_target(kind, wrong[0])}; {remedy}")
    if main in expected.inputs and "" in (made_of.inputs[main].sha256, expected.inputs[main].sha256):
        name = expected.inputs[main].name
        return f"{path}: it is not known whether this {what} was made from {name} as it is now; it is used as it is"
    if other := made_of.describe_other_options(expected):
        how = _of_target(kind, other[0])
        return f"{path}: this {what} was {how}, and is used as it is; to have it made again, delete the file"
    return ""


def find_contradictions(sidecar: Sidecar, folder: Path) -> list[str]:
    """Return which analysis files in a sidecar were made from another driver or target than the sidecar's.

    Files that are gone or cannot be read are skipped: the sidecar check reports them. A file that is not found at its
    path is searched in ``folder``.
    """
    problems = []
    for kind, (option, main) in _MAIN.items():
        file, source = sidecar.inputs.get(kind), sidecar.inputs.get(option)
        files = (files_of(file.name) or files_of(str(folder / file.name))) if file and file.name else ()
        if not files or source is None:
            continue
        try:
            made_of, main_name = _read_origin(kind, files[0])
        except ReenactError:
            continue
        if not made_of and not main_name:
            continue
        expected = MadeOf({main: Source(source.name, source.sha256 or "")})
        try:
            check_made_from(files[0], kind, made_of, main_name, expected)
        except TrackingError as error:
            problems.append(str(error))
    return problems


def _of_target(kind: str, text: str) -> str:
    """Return a text about an analysis file; if it is a target's performance, name the target's options in it."""
    if kind != "target_performance":
        return text
    return re.sub(r"--[a-z-]+", lambda found: _OF_TARGET.get(found[0], found[0]), text)


def _read_origin(kind: str, path: Path) -> tuple[str, str]:
    """Return a file's ``made_of`` as JSON, and the path of its main input; empty where the file has none."""
    if kind == "parts_file":
        return str(read_json(path, PARTS_SCHEMA, what="parts file").get("made_of", "")), ""
    if kind == "identity":
        about = read_metadata(path)
        return about.get("made_of", ""), about.get("picture", "")
    performance = Performance.load(path)
    return performance.made_of, performance.name
