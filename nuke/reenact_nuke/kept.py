"""What is made once of a target that moves, beside its performance: the identity, where parts come from, and the frames
that Nuke renders of it.

Each is made again, under another name, when something that it depends on has changed; what is there is never written
over, since a farm may be reading it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Tuple

from reenact_nuke import inputs, knobs, layout, own, paths, subjects
from reenact_nuke.inputs import Source

if TYPE_CHECKING:
    from reenact_nuke.resolve import Resolved

_RENDERED = "target"
MEMORY = layout.PREFIX + "kept"


class File(NamedTuple):
    """One such file.

    Attributes:
        option: of the engine that names it.
        name: what it is called beside the output.
        affected: what has to affect an option for the file to depend on it.
    """

    option: str
    name: str
    affected: Tuple[str, ...]


FILES = (
    File("identity", "identity.safetensors", ("person",)),
    File("parts_file", "parts.json", ("track", "person", "pixels")),
)


def path_of(node: Any, file: File, found: Resolved, fresh: bool) -> str:
    """Where a file is if the one that the node remembers fits, else where it will be.

    Args:
        node: the Reenact node.
        file: which.
        found: the node, with all settings but those of these files.
        fresh: to be made anew.
    """
    known = _known(node).get(file.option)
    if not fresh and isinstance(known, dict) and known.get("made_of") == _made_of(file, found):
        path = knobs.as_given(str(known.get("path", "")))
        if os.path.isfile(path):
            return path
    return own.beside_new(node, found.settings["output"], file.name)


def remember(node: Any, found: Resolved) -> None:
    """Keep what the files that are there now were made of."""
    known = _known(node)
    for file in FILES:
        path = found.settings.get(file.option, "")
        # One that the artist named is theirs.
        is_own = path and not _named(node, file)
        if is_own and os.path.isfile(path):
            known[file.option] = {"path": path, "made_of": _made_of(file, found)}
    knobs.knob(node, MEMORY).setValue(json.dumps(known, sort_keys=True))


def rendered(node: Any, target: Source) -> str:
    """The frames that Nuke has rendered of a target as it is now; empty if it has rendered none."""
    known = _known(node).get(_RENDERED)
    if not isinstance(known, dict) or not known.get("path") or known.get("made_of") != _rendered_from(target):
        return ""
    return knobs.as_given(str(known["path"]))


def remember_rendered(node: Any, target: Source) -> None:
    """Keep where Nuke has rendered a target's frames."""
    known = dict(_known(node), **{_RENDERED: {"path": target.file, "made_of": _rendered_from(target)}})
    knobs.knob(node, MEMORY).setValue(json.dumps(known, sort_keys=True))


def _rendered_from(target: Source) -> List[Any]:
    return [target.made_of, target.first, target.last]


def _named(node: Any, file: File) -> bool:
    held = node.knob(layout.knob_name(file.option))
    return held is not None and bool(held.value())


def _made_of(file: File, found: Resolved) -> Dict[str, Any]:
    """What a file depends on; of files that it is made from, what is in them counts, wherever they are.

    The target and the driver are in it by their performances, which are made anew when those change.
    """
    settings = found.settings
    options = [option for option in paths.options() if set(file.affected) & set(option["affects"])]
    tracked = [subject for subject in found.subjects if subject == subjects.TARGET or "track" in file.affected]
    apart = [one.option for one in FILES] + [subject.option for subject in found.subjects] + list(inputs.NAMES)
    read: List[str] = []
    for option in options:
        value: Any = settings.get(option["name"])
        if paths.is_path(option, value) and option["name"] not in apart:
            read += [value] if isinstance(value, str) else value
    return {
        "settings": {
            option["name"]: settings[option["name"]]
            for option in options
            if option["name"] in settings and not paths.is_path(option, settings[option["name"]])
        },
        "performances": [own.digest(settings[subject.option]) for subject in tracked],
        "pictures": [os.path.basename(path) for path in read] + [own.stamp(read)],
    }


def _known(node: Any) -> Dict[str, Any]:
    try:
        known = json.loads(knobs.knob(node, MEMORY).value() or "{}")
    except ValueError:
        known = {}
    return known if isinstance(known, dict) else {}
