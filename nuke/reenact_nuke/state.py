"""What a node remembers of its performance, in a hidden knob that is saved with the script."""

from __future__ import annotations

import json
from typing import Any, Dict

from reenact_nuke import knobs, layout


def remember(node: Any, settings: Dict[str, Any], done: Dict[str, Any]) -> str:
    """Keep what an analysis, or landmarks placed by hand, made of the performance.

    Args:
        node: the Reenact node.
        settings: what the tracked driver depended on when it was tracked.
        done: the engine's answer to ``analyse`` or ``place``.

    Returns:
        A line for the artist.
    """
    path = done["performance"]
    known = {"performance": path, "settings": settings, "hand_made": done.get("hand_made", "")}
    knobs.knob(node, layout.PREFIX + "tracked").setValue(json.dumps(known, sort_keys=True))
    # Named from now on, so that another version of the output does not lose it.
    knobs.knob(node, layout.PREFIX + "performance").setValue(path)
    return describe(done)


def describe(done: Dict[str, Any]) -> str:
    """One line of what was tracked, and where there was no face."""
    parts = ["{}-{} analysed, reference {}".format(done["first"], done["last"], done["reference"])]
    titles = (("bridged", "without a face, bridged"), ("held", "without a face, held"), ("absent", "missing"))
    parts += [f"{title}: {done[name]}" for name, title in (*titles, ("hand_made", "by hand")) if done[name]]
    parts.append("lowest confidence {:.2f}".format(done["confidence"]))
    return "; ".join(parts)
