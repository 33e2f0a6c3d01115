"""Performance and identity files beside what they were made from: is each the driver's, the target's?"""

from __future__ import annotations

import re
from pathlib import Path

from ofx_reenact.errors import ReenactError, TrackingError
from ofx_reenact.files import read_json
from ofx_reenact.frames.names import files_of
from ofx_reenact.provenance.made_of import MadeOf, Source
from ofx_reenact.provenance.sidecar import Sidecar
from ofx_reenact.settings.option import flag
from ofx_reenact.shot.choice import SCHEMA as PARTS_SCHEMA
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.weights import read_metadata

# What a kept file is made from first of all: the option that names it, and what the file itself calls it. Whoever is
# tracked is the driver to that file.
_MAIN = {
    "performance": ("driver", "driver"), "identity": ("target", "target"), "target_performance": ("target", "driver"),
    "parts_file": ("target", "target"),
}  # fmt: skip
# What a target's performance file calls its options, and what a render calls them.
_OF_TARGET = {
    "--driver": "--target", "--driver-colorspace": "--colorspace", "--driver-layer": "--layer",
    "--face": "--target-face", "--landmarks": "--target-landmarks",
}  # fmt: skip


def refuse_other(path: Path, kind: str, said: str, called: str, asked: MadeOf) -> str:
    """Refuse a file that was made from something else than is asked for.

    Args:
        path: of the file.
        kind: the option that brings it.
        said: what the file says that it was made from; empty in files of earlier versions.
        called: the name that a file of an earlier version has of what it was made from.
        asked: what it should be made from, in the file's own words.

    Returns:
        A note if the file cannot say, or was made with other options than are set; else empty.

    Raises:
        TrackingError: naming both.
    """
    cure, main = f"name another {flag(kind)}, or delete the file to have it made anew", _MAIN[kind][1]
    what = "list of parts" if kind == "parts_file" else kind.removeprefix("target_")
    try:
        made_of = MadeOf.of_text(said) if said else MadeOf({main: Source(called)})
    except ValueError as error:
        raise TrackingError(f"{path}: not a whole {what} file ({error}); {cure}") from error
    if not said:
        asked = MadeOf({name: source for name, source in asked.inputs.items() if name == main})
    if wrong := made_of.contradicts(asked):
        raise TrackingError(f"{path}: this {what} was {_of_target(kind, wrong[0])}; {cure}")
    if main in asked.inputs and "" in (made_of.inputs[main].sha256, asked.inputs[main].sha256):
        name = asked.inputs[main].name
        return f"{path}: whether this {what} was made from {name} as it is now is not known; it was taken to be"
    if other := made_of.deviates(asked):
        how = _of_target(kind, other[0])
        return f"{path}: this {what} was {how}, and is used as it is; to have it made anew, delete the file"
    return ""


def contradictions(sidecar: Sidecar, folder: Path) -> list[str]:
    """Say which kept files that a sidecar names were made from another driver or target than it names.

    Files that are gone say nothing, nor do those that cannot be read: that is another question. Relative names are
    looked for in ``folder`` too.
    """
    said = []
    for kind, (option, main) in _MAIN.items():
        kept, of = sidecar.inputs.get(kind), sidecar.inputs.get(option)
        files = (files_of(kept.name) or files_of(str(folder / kept.name))) if kept and kept.name else ()
        if not files or of is None:
            continue
        try:
            origin, called = _origin(kind, files[0])
        except ReenactError:
            continue
        if not origin and not called:
            continue
        try:
            refuse_other(files[0], kind, origin, called, MadeOf({main: Source(of.name, of.sha256 or "")}))
        except TrackingError as error:
            said.append(str(error))
    return said


def _of_target(kind: str, text: str) -> str:
    """Say of a target's performance, which was tracked as a driver's is, what the target's options are called."""
    if kind != "target_performance":
        return text
    return re.sub(r"--[a-z-]+", lambda found: _OF_TARGET.get(found[0], found[0]), text)


def _origin(kind: str, path: Path) -> tuple[str, str]:
    """What a kept file says that it was made from, and the name it has of that."""
    if kind == "parts_file":
        return str(read_json(path, PARTS_SCHEMA, what="parts file").get("made_of", "")), ""
    if kind == "identity":
        about = read_metadata(path)
        return about.get("made_of", ""), about.get("picture", "")
    performance = Performance.load(path)
    return performance.made_of, performance.name
