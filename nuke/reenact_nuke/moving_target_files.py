"""Files of a target that moves, besides its performance: identity, parts file, and the frames that Nuke renders of it.

All renders share them. When something that a file depends on has changed, it is made again under another name. It is
never overwritten, since a farm may be reading it.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple, Tuple

from reenact_nuke import inputs, knobs, layout, node_files, options, tracked_inputs
from reenact_nuke.inputs import Source
from reenact_nuke.job import Job

# Key of the rendered frames in the hidden knob.
_RENDERED = "target"
MEMORY_KNOB = layout.PREFIX + "kept"


class File(NamedTuple):
    """A file that the engine makes once.

    Attributes:
        option: the engine's option that names it.
        name: its ending beside the output.
        affected: the file depends on an option that affects one of these.
    """

    option: str
    name: str
    affected: Tuple[str, ...]


FILES = (
    File("identity", "identity.safetensors", ("person",)),
    File("parts_file", "parts.json", ("track", "person", "pixels")),
)


def choose_path(node: Any, file: File, job: Job, remake: bool) -> str:
    """Choose the remembered file if it is still right, else a new name.

    Args:
        node: the Reenact node.
        file: which file.
        job: with all settings but those of these files.
        remake: choose a new name in any case.
    """
    known = _read_memory(node).get(file.option)
    if not remake and isinstance(known, dict) and known.get("made_of") == _sources(file, job):
        path = knobs.absolute_path(str(known.get("path", "")))
        if os.path.isfile(path):
            return path
    return node_files.new_path(node, job.settings["output"], file.name)


def remember_files(node: Any, job: Job) -> None:
    """Remember, for each file that exists now, what it was made from."""
    known = _read_memory(node)
    for file in FILES:
        path = job.settings.get(file.option, "")
        # A file that the artist named is not the node's.
        is_own = path and not _is_named(node, file)
        if is_own and os.path.isfile(path):
            known[file.option] = {"path": path, "made_of": _sources(file, job)}
    knobs.knob(node, MEMORY_KNOB).setValue(json.dumps(known, sort_keys=True))


def rendered_target(node: Any, target: Source) -> str:
    """Give the name of the frames that Nuke has rendered of the target as it is now; empty if there are none."""
    known = _read_memory(node).get(_RENDERED)
    if not isinstance(known, dict) or not known.get("path") or known.get("made_of") != _rendered_from(target):
        return ""
    return knobs.absolute_path(str(known["path"]))


def remember_rendered_target(node: Any, target: Source) -> None:
    """Remember where Nuke has rendered the target's frames, and what from."""
    known = dict(_read_memory(node), **{_RENDERED: {"path": target.file, "made_of": _rendered_from(target)}})
    knobs.knob(node, MEMORY_KNOB).setValue(json.dumps(known, sort_keys=True))


def _rendered_from(target: Source) -> List[Any]:
    return [target.upstream_digest, target.first, target.last]


def _is_named(node: Any, file: File) -> bool:
    knob = node.knob(layout.knob_name(file.option))
    return knob is not None and bool(knob.value())


def _sources(file: File, job: Job) -> Dict[str, Any]:
    """Describe what a file depends on: settings, contents of performances, names and times of other files.

    Target and driver are in it by their performances, which are tracked again when their pictures change.
    """
    settings = job.settings
    affecting = [option for option in options.all_options() if set(file.affected) & set(option["affects"])]
    performances = [
        tracked.option
        for tracked in job.tracked_inputs
        if tracked == tracked_inputs.TARGET or "track" in file.affected
    ]
    left_out = [one.option for one in FILES] + [tracked.option for tracked in job.tracked_inputs] + list(inputs.NAMES)
    read: List[str] = []
    for option in affecting:
        value: Any = settings.get(option["name"])
        if options.is_path(option, value) and option["name"] not in left_out:
            read += [value] if isinstance(value, str) else value
    return {
        "settings": {
            option["name"]: settings[option["name"]]
            for option in affecting
            if option["name"] in settings and not options.is_path(option, settings[option["name"]])
        },
        "performances": [node_files.file_digest(settings[name]) for name in performances],
        "pictures": [os.path.basename(path) for path in read] + [node_files.stat_digest(read)],
    }


def _read_memory(node: Any) -> Dict[str, Any]:
    try:
        known = json.loads(knobs.knob(node, MEMORY_KNOB).value() or "{}")
    except ValueError:
        known = {}
    return known if isinstance(known, dict) else {}
