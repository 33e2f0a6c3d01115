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
from ofx_reenact.shot.part_choice import SCHEMA as PARTS_SCHEMA
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.weights import read_metadata

# Option of an analysis file → option of its main input in a render, and in the file itself. A performance file calls
# whoever was tracked the driver.
_MAIN = {
    "performance": ("driver", "driver"), "identity": ("target", "target"), "target_performance": ("target", "driver"),
    "parts_file": ("target", "target"),
}  # fmt: skip
# Options in a target's performance file → the same options of a render.
_OF_TARGET = {
    "--driver": "--target", "--driver-colorspace": "--colorspace", "--driver-layer": "--layer",
    "--face": "--target-face", "--landmarks": "--target-landmarks",
}  # fmt: skip


def check_made_from(path: Path, kind: str, stored: str, called: str, asked: MadeOf) -> str:
    """Check that an analysis file was made from the given inputs.

    Args:
        path: of the file.
        kind: option of the file, as ``performance``.
        stored: the file's ``made_of`` as JSON; empty in files of earlier versions.
        called: name of the main input in a file of an earlier version.
        asked: the inputs and options it should be made from, named as in the file.

    Returns:
        A note if the file has no hash to compare, or was made with other options; else empty.

    Raises:
        TrackingError: it was made from other inputs; the message names both.
    """
    remedy, main = f"name another {flag(kind)}, or delete the file to have it made again", _MAIN[kind][1]
    what = "list of parts" if kind == "parts_file" else kind.removeprefix("target_")
    try:
        made_of = MadeOf.of_text(stored) if stored else MadeOf({main: Source(called)})
    except ValueError as error:
        raise TrackingError(f"{path}: not a whole {what} file ({error}); {remedy}") from error
    if not stored:
        asked = MadeOf({name: source for name, source in asked.inputs.items() if name == main})
    if wrong := made_of.contradicts(asked):
        raise TrackingError(f"{path}: this {what} was {_of_target(kind, wrong[0])}; {remedy}")
    if main in asked.inputs and "" in (made_of.inputs[main].sha256, asked.inputs[main].sha256):
        name = asked.inputs[main].name
        return f"{path}: whether this {what} was made from {name} as it is now is not known; it was taken to be"
    if other := made_of.deviates(asked):
        how = _of_target(kind, other[0])
        return f"{path}: this {what} was {how}, and is used as it is; to have it made again, delete the file"
    return ""


def find_contradictions(sidecar: Sidecar, folder: Path) -> list[str]:
    """Return which analysis files in a sidecar were made from another driver or target than the sidecar's.

    Files that are gone or cannot be read are skipped: the sidecar check reports them. Relative names are searched in
    ``folder`` too.
    """
    problems = []
    for kind, (option, main) in _MAIN.items():
        file, source = sidecar.inputs.get(kind), sidecar.inputs.get(option)
        files = (files_of(file.name) or files_of(str(folder / file.name))) if file and file.name else ()
        if not files or source is None:
            continue
        try:
            origin, called = _origin(kind, files[0])
        except ReenactError:
            continue
        if not origin and not called:
            continue
        try:
            check_made_from(files[0], kind, origin, called, MadeOf({main: Source(source.name, source.sha256 or "")}))
        except TrackingError as error:
            problems.append(str(error))
    return problems


def _of_target(kind: str, text: str) -> str:
    """Replace the driver's options in a text by the target's, if it is about a target's performance."""
    if kind != "target_performance":
        return text
    return re.sub(r"--[a-z-]+", lambda found: _OF_TARGET.get(found[0], found[0]), text)


def _origin(kind: str, path: Path) -> tuple[str, str]:
    """Return a file's ``made_of`` as JSON, and the name of its main input; empty if the file has none."""
    if kind == "parts_file":
        return str(read_json(path, PARTS_SCHEMA, what="parts file").get("made_of", "")), ""
    if kind == "identity":
        about = read_metadata(path)
        return about.get("made_of", ""), about.get("picture", "")
    performance = Performance.load(path)
    return performance.made_of, performance.name
