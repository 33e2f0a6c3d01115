"""The performance files of a node: where they are, what the node remembers of them, when they are tracked again."""

from __future__ import annotations

import json
import os
from typing import Any, Dict

from reenact_nuke import knobs, layout, node_files, options, tracked_inputs
from reenact_nuke.errors import ReenactError
from reenact_nuke.inputs import Source
from reenact_nuke.job import Job
from reenact_nuke.tracked_inputs import TrackedInput


def choose_path(node: Any, tracked: TrackedInput, output: str, retrack: bool = False) -> str:
    """Choose the performance file: the one that the knob names, else one beside the output, without its version.

    Other scripts, nodes and machines may be reading a performance. So a file that the node named itself is never
    overwritten; one that the artist named, only while it is as the node wrote it.

    Args:
        node: the Reenact node.
        tracked: whose performance.
        output: the output sequence.
        retrack: the file will be written.
    """
    named = knobs.path(knobs.knob(node, layout.PREFIX + tracked.option))
    is_remembered = read_memory(node, tracked).get("performance") == named
    if named and (not retrack or not is_remembered or may_overwrite(node, tracked, named)):
        return named
    return node_files.new_path(node, output, tracked.file_name)


def reuse_rendered_driver(node: Any, driver: Source) -> Source:
    """Replace the file of a driver that Nuke renders by the frames that were tracked, if those are still right."""
    known = read_memory(node, tracked_inputs.DRIVER)
    before = known.get("settings", {}).get("driver")
    # An earlier version did not remember the nodes upstream.
    fits = known.get("upstream", driver.upstream_digest) == driver.upstream_digest
    return driver._replace(file=knobs.absolute_path(before)) if before and fits else driver


def may_overwrite(node: Any, tracked: TrackedInput, path: str) -> bool:
    """Tell whether the artist named a performance file, this node wrote it, and it was not changed since."""
    known = read_memory(node, tracked)
    is_own = known.get("performance") == path and known.get("id") == node_files.get_id(node)
    return is_own and bool(known.get("named")) and known.get("digest") == node_files.file_digest(path)


def tracking_settings(job: Job, tracked: TrackedInput) -> Dict[str, Any]:
    """Give the engine's settings that tracking depends on, and the frames of an input that Nuke renders."""
    settings = job.settings
    if tracked == tracked_inputs.TARGET:
        chosen = tracked_inputs.settings_as_driver(settings)
    else:
        names = [option["name"] for option in options.all_options() if "track" in option["affects"]]
        chosen = {name: settings[name] for name in names if name in settings and name != tracked.option}
    source = job.source_of(tracked)
    if source.rendered:
        # With a target that moves all frames count: for rest, and for the choice of parts.
        chosen["frames"] = f"{source.first}-{source.last}" if job.moves else settings["frames"]
    return chosen


def tracking_sources(job: Job, tracked: TrackedInput) -> Dict[str, Any]:
    """Describe what a performance is tracked from: settings, the input's files on disk, the nodes upstream."""
    source = job.source_of(tracked)
    settings = tracking_settings(job, tracked)
    return {"settings": settings, "stamp": source.stat_digest(), "upstream": source.upstream_digest}


def read_memory(node: Any, tracked: TrackedInput) -> Dict[str, Any]:
    """Read what the node remembers of a performance; empty if nothing. Paths are as on this machine.

    ``performance`` and ``digest``: the file and its SHA-256; ``settings``, ``stamp``, ``upstream``:
    :func:`tracking_sources`; ``hand_made``: frames with landmarks placed by hand; ``id``: of the node that wrote it;
    ``named``: the artist had named the file.
    """
    try:
        known = json.loads(knobs.knob(node, tracked.memory_knob).value() or "{}")
    except ValueError:
        known = {}
    if not isinstance(known, dict) or not known.get("performance") or not isinstance(known.get("settings"), dict):
        return {}
    known["performance"] = knobs.absolute_path(known["performance"])
    for option in options.all_options():
        value = known["settings"].get(option["name"])
        if value and option["type"] == "text" and options.is_path(option, value):
            known["settings"][option["name"]] = knobs.absolute_path(value)
    return known


def needs_tracking(node: Any, job: Job, tracked: TrackedInput) -> bool:
    """Tell whether an input has to be tracked (again) before frames can be rendered.

    A performance file that the artist named and this node did not write is used as it is; the engine refuses one of
    another input.

    Raises:
        ReenactError: it has to, but landmarks that were placed by hand would be lost.
    """
    path, known, source = job.settings[tracked.option], read_memory(node, tracked), job.source_of(tracked)
    if not os.path.isfile(path):
        reason = f"{path} does not exist any more" if known.get("performance") == path else ""
    elif known.get("performance") != path:
        return False
    elif known["settings"] != tracking_settings(job, tracked) or known.get("upstream", source.upstream_digest) != (
        source.upstream_digest
    ):
        reason = f"the {tracked.name} or its tracking options were changed"
    elif known.get("digest") not in (None, node_files.file_digest(path)):
        reason = f"{path} was changed outside this node"
    elif known.get("stamp") not in (None, source.stat_digest()):
        # With landmarks placed by hand the engine decides: it compares the pictures, not only the files' times.
        return not known.get("hand_made")
    else:
        return False
    if reason and known.get("hand_made"):
        raise ReenactError(
            f"{node.name()}: {reason} since landmarks were placed by hand (frames {known['hand_made']}): undo that "
            "change, or press Analyse, which tracks again and discards those landmarks"
        )
    return True


def remember(node: Any, tracked: TrackedInput, sources: Dict[str, Any], done: Dict[str, Any]) -> str:
    """Remember a performance that was tracked, or got landmarks placed by hand, in hidden knobs.

    Args:
        node: the Reenact node.
        tracked: whose performance.
        sources: what it was tracked from, :func:`tracking_sources`.
        done: the engine's answer to ``analyse`` or ``place``.

    Returns:
        A line for the artist.
    """
    path = done["performance"]
    knob, before = knobs.knob(node, layout.PREFIX + tracked.option), read_memory(node, tracked)
    is_named = knobs.path(knob) == path
    known: Dict[str, Any] = {
        **{name: sources[name] for name in ("settings", "stamp", "upstream") if name in sources},
        "performance": path, "digest": node_files.file_digest(path), "hand_made": done.get("hand_made", ""),
        "id": node_files.get_id(node),
        "named": is_named and (before.get("performance") != path or bool(before.get("named"))),
    }  # fmt: skip
    knobs.knob(node, tracked.memory_knob).setValue(json.dumps(known, sort_keys=True))
    if not is_named:
        # From now on the knob names it, so that the next version of the output finds it too.
        knob.setValue(path)
    return describe(done)


def describe(done: Dict[str, Any]) -> str:
    """Write one line about a performance: frames, reference, frames without a face, lowest confidence."""
    parts = ["{}-{} analysed, reference frame {}".format(done["first"], done["last"], done["reference"])]
    titles = (
        ("bridged", "no face, bridged"), ("held", "no face, held"), ("absent", "files missing"),
        ("hand_made", "landmarks by hand"),
    )  # fmt: skip
    parts += [f"{title}: {done[name]}" for name, title in titles if done[name]]
    parts.append("lowest confidence {:.2f}".format(done["confidence"]))
    return "; ".join(parts)
