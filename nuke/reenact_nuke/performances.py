"""The performance files of a node: where they are, what the node remembers of them, when they are made anew."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Dict

from reenact_nuke import knobs, layout, own, paths, subjects
from reenact_nuke.errors import ReenactError
from reenact_nuke.inputs import Source
from reenact_nuke.subjects import Subject

if TYPE_CHECKING:
    from reenact_nuke.resolve import Resolved


def path_of(node: Any, subject: Subject, output: str, fresh: bool = False) -> str:
    """The performance file: the one named, else one beside the output that outlives its versions.

    A file that the node has made without being given a name is never written again, and one that it was given a name
    for only while it is as the node left it: other scripts, nodes and machines may work from it.

    Args:
        node: the Reenact node.
        subject: whose performance.
        output: the output sequence.
        fresh: to be written.
    """
    named = knobs.path(knobs.knob(node, layout.PREFIX + subject.option))
    is_remembered = tracked(node, subject).get("performance") == named
    if named and (not fresh or not is_remembered or may_replace(node, subject, named)):
        return named
    return own.beside_new(node, output, subject.file)


def rendered_before(node: Any, driver: Source) -> Source:
    """A driver that Nuke renders, as the files that the node's performance was tracked from if they fit."""
    known = tracked(node, subjects.DRIVER)
    before = known.get("settings", {}).get("driver")
    # An earlier version did not take down what it was rendered from.
    fits = known.get("upstream", driver.made_of) == driver.made_of
    return driver._replace(file=knobs.as_given(before)) if before and fits else driver


def may_replace(node: Any, subject: Subject, path: str) -> bool:
    """Whether a performance file is this node's, under a name that the artist gave it, and as the node left it."""
    known = tracked(node, subject)
    is_own = known.get("performance") == path and known.get("id") == own.identify(node)
    return is_own and bool(known.get("named")) and known.get("digest") == own.digest(path)


def tracking_settings(found: Resolved, subject: Subject) -> Dict[str, Any]:
    """What somebody's track depends on: settings of the engine, and of an input that Nuke renders, its frames."""
    settings = found.settings
    if subject == subjects.TARGET:
        chosen = subjects.as_driver(settings)
    else:
        names = [option["name"] for option in paths.options() if "track" in option["affects"]]
        chosen = {name: settings[name] for name in names if name in settings and name != subject.option}
    source = found.source(subject)
    if source.rendered:
        # With a target that moves, all frames count: at which the target is at rest, and what parts come from.
        chosen["frames"] = f"{source.first}-{source.last}" if found.moves else settings["frames"]
    return chosen


def made_of(found: Resolved, subject: Subject) -> Dict[str, Any]:
    """What a performance is tracked from: settings, the input's files, and what Nuke renders them from."""
    source = found.source(subject)
    settings = tracking_settings(found, subject)
    return {"settings": settings, "stamp": source.stamp(), "upstream": source.made_of}


def tracked(node: Any, subject: Subject) -> Dict[str, Any]:
    """What the node remembers of a performance; empty if nothing.

    ``performance`` and its ``digest``; what it was made of (:func:`made_of`); ``hand_made``, frames; ``id`` of the node
    that made it; ``named``, whether the artist had given the file its name. Paths are as this machine has them.
    """
    try:
        kept = json.loads(knobs.knob(node, subject.memory).value() or "{}")
    except ValueError:
        kept = {}
    if not isinstance(kept, dict) or not kept.get("performance") or not isinstance(kept.get("settings"), dict):
        return {}
    kept["performance"] = knobs.as_given(kept["performance"])
    for option in paths.options():
        value = kept["settings"].get(option["name"])
        if value and option["type"] == "text" and paths.is_path(option, value):
            kept["settings"][option["name"]] = knobs.as_given(value)
    return kept


def must_track(node: Any, found: Resolved, subject: Subject) -> bool:
    """Tell whether somebody has to be tracked (again) before a frame can be rendered.

    A performance file that the artist named and the node did not make is used as it is; the engine refuses one that was
    made from another input.

    Raises:
        ReenactError: it would have to be, but somebody placed landmarks by hand, which would be lost.
    """
    path, known, source = found.settings[subject.option], tracked(node, subject), found.source(subject)
    if not os.path.isfile(path):
        reason = f"{path} is not there any more" if known.get("performance") == path else ""
    elif known.get("performance") != path:
        return False
    elif known["settings"] != tracking_settings(found, subject) or known.get("upstream", source.made_of) != (
        source.made_of
    ):
        reason = f"the {subject.name} or its tracking was changed"
    elif known.get("digest") not in (None, own.digest(path)):
        reason = f"{path} was written by somebody else"
    elif known.get("stamp") not in (None, source.stamp()):
        # With landmarks placed by hand, the engine decides: it knows whether the pictures are others, not just the
        # files' times.
        return not known.get("hand_made")
    else:
        return False
    if reason and known.get("hand_made"):
        raise ReenactError(
            f"{node.name()}: {reason} since landmarks were placed by hand (frames {known['hand_made']}); set it back, "
            "or press Analyse, which tracks anew and drops them"
        )
    return True
