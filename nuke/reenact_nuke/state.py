"""What a node remembers of its performances, in hidden knobs that are saved with the script."""

from __future__ import annotations

import json
from typing import Any, Dict

from reenact_nuke import knobs, layout, own
from reenact_nuke.performances import tracked
from reenact_nuke.subjects import Subject


def remember(node: Any, subject: Subject, made_of: Dict[str, Any], done: Dict[str, Any]) -> str:
    """Keep what an analysis, or landmarks placed by hand, made of the performance.

    Args:
        node: the Reenact node.
        subject: whose performance.
        made_of: what the performance was tracked from.
        done: the engine's answer to ``analyse`` or ``place``.

    Returns:
        A line for the artist.
    """
    path = done["performance"]
    held, before = knobs.knob(node, layout.PREFIX + subject.option), tracked(node, subject)
    is_named = knobs.path(held) == path
    known: Dict[str, Any] = {
        **{name: made_of[name] for name in ("settings", "stamp", "upstream") if name in made_of},
        "performance": path, "digest": own.digest(path), "hand_made": done.get("hand_made", ""),
        "id": own.identify(node),
        "named": is_named and (before.get("performance") != path or bool(before.get("named"))),
    }  # fmt: skip
    knobs.knob(node, subject.memory).setValue(json.dumps(known, sort_keys=True))
    if not is_named:
        # Named from now on, so that another version of the output does not lose it.
        held.setValue(path)
    return describe(done)


def describe(done: Dict[str, Any]) -> str:
    """One line of what was tracked, and where there was no face."""
    parts = ["{}-{} analysed, reference {}".format(done["first"], done["last"], done["reference"])]
    titles = (("bridged", "without a face, bridged"), ("held", "without a face, held"), ("absent", "missing"))
    parts += [f"{title}: {done[name]}" for name, title in (*titles, ("hand_made", "by hand")) if done[name]]
    parts.append("lowest confidence {:.2f}".format(done["confidence"]))
    return "; ".join(parts)
