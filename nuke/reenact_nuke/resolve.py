"""What a node's knobs and inputs come to: the engine's settings."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, NamedTuple, Tuple

import nuke
from reenact_nuke import inputs, knobs, layout, own, paths
from reenact_nuke.errors import ReenactError
from reenact_nuke.inputs import DRIVER, TARGET, Source


class Resolved(NamedTuple):
    """A node, resolved.

    Attributes:
        settings: names and values of the engine's settings, without what is the default.
        target, driver: the inputs.
        first, last: the frame range.
    """

    settings: Dict[str, Any]
    target: Source
    driver: Source
    first: int
    last: int


def resolve(node: Any, fresh: bool = False) -> Resolved:
    """Read a node.

    Args:
        node: the Reenact node.
        fresh: the driver is to be tracked (again): its performance, and what Nuke renders of it, go to files that
            nobody else uses. Else both are what the node remembers, as long as that fits.

    Raises:
        ReenactError: an input or the output is missing, or the range is empty.
    """
    output = knobs.path(knobs.knob(node, layout.PREFIX + "output"))
    if not output:
        raise ReenactError(f"{node.name()}: name an output, as shot_v001.####.exr")
    if not paths.has_padding(output) or not output.lower().endswith(".exr"):
        raise ReenactError(f"{node.name()}: output '{output}' is no EXR sequence; write shot_v001.####.exr")
    folder = own.beside(node, output, "inputs")
    target = inputs.source(node, TARGET, folder)
    driver = inputs.source(node, DRIVER, folder)
    if driver.rendered and not fresh:
        driver = _rendered_before(node, driver)
    first, last = frame_range(node, driver)
    chosen = knobs.values(node)
    if "target_frame" not in chosen and paths.has_padding(target.file):
        chosen["target_frame"] = target.first
    for name, space in (("colorspace", target.space), ("driver_colorspace", driver.space)):
        if name not in chosen and space:
            chosen[name] = space
    chosen.update(
        target=target.file, driver=driver.file, output=output, frames=frames_text(first, last),
        performance=performance_path(node, output, fresh),
    )  # fmt: skip
    settings = {option["name"]: chosen[option["name"]] for option in paths.options() if option["name"] in chosen}
    return Resolved(settings, target, driver, first, last)


def _rendered_before(node: Any, driver: Source) -> Source:
    """A driver that Nuke renders, as the files that the node's performance was tracked from if they fit."""
    known = tracked(node)
    before = known.get("settings", {}).get("driver")
    # An earlier version did not take down what it was rendered from.
    fits = known.get("upstream", driver.made_of) == driver.made_of
    return driver._replace(file=knobs.as_given(before)) if before and fits else driver


def frame_range(node: Any, driver: Source) -> Tuple[int, int]:
    """The frames to render, as the range knob says.

    Raises:
        ReenactError: the last is before the first.
    """
    kind = knobs.knob(node, layout.PREFIX + "range").value()
    if kind == "root":
        root = nuke.root()
        first, last = int(root["first_frame"].value()), int(root["last_frame"].value())
    elif kind == "custom":
        first, last = (int(knobs.knob(node, layout.PREFIX + name).value()) for name in ("first", "last"))
    else:
        first, last = driver.first, driver.last
    if last < first:
        raise ReenactError(f"{node.name()}: frame range {first}-{last} ends before it begins")
    return first, last


def frames_text(first: int, last: int) -> str:
    """A range as the engine reads it."""
    return str(first) if first == last else f"{first}-{last}"


def performance_path(node: Any, output: str, fresh: bool = False) -> str:
    """The performance file: the one named, else one beside the output that outlives its versions.

    A file that the node has made without being given a name is never written again, and one that it was given a name
    for only while it is as the node left it: other scripts, nodes and machines may work from it.

    Args:
        node: the Reenact node.
        output: the output sequence.
        fresh: to be written.
    """
    named = knobs.path(knobs.knob(node, layout.PREFIX + "performance"))
    if named and (not fresh or tracked(node).get("performance") != named or may_replace(node, named)):
        return named
    return own.beside_new(node, output, "performance.npz")


def may_replace(node: Any, path: str) -> bool:
    """Whether a performance file is this node's, under a name that the artist gave it, and as the node left it."""
    known = tracked(node)
    is_own = known.get("performance") == path and known.get("id") == own.identify(node)
    return is_own and bool(known.get("named")) and known.get("digest") == own.digest(path)


def tracking_settings(found: Resolved) -> Dict[str, Any]:
    """What the tracked driver depends on: of the settings, and of a driver that Nuke renders, its frames."""
    names = [option["name"] for option in paths.options() if "track" in option["affects"]]
    names += ["frames"] if found.driver.rendered else []
    return {name: found.settings[name] for name in names if name in found.settings and name != "performance"}


def made_of(found: Resolved) -> Dict[str, Any]:
    """What a performance is tracked from: settings, the driver's files, and what Nuke renders them from."""
    return {"settings": tracking_settings(found), "stamp": found.driver.stamp(), "upstream": found.driver.made_of}


def tracked(node: Any) -> Dict[str, Any]:
    """What the node remembers of its performance; empty if nothing.

    ``performance`` and its ``digest``; what it was made of (:func:`made_of`); ``hand_made``, frames; ``id`` of the node
    that made it; ``named``, whether the artist had given the file its name. Paths are as this machine has them.
    """
    try:
        kept = json.loads(knobs.knob(node, layout.PREFIX + "tracked").value() or "{}")
    except ValueError:
        kept = {}
    if not isinstance(kept, dict) or not kept.get("performance") or not isinstance(kept.get("settings"), dict):
        return {}
    kept["performance"] = knobs.as_given(kept["performance"])
    for option in paths.options():
        if option["path"] and option["type"] == "text" and kept["settings"].get(option["name"]):
            kept["settings"][option["name"]] = knobs.as_given(kept["settings"][option["name"]])
    return kept


def must_track(node: Any, found: Resolved) -> bool:
    """Tell whether the driver has to be tracked (again) before a frame can be rendered.

    A performance file that the artist named and the node did not make is used as it is; the engine refuses one that was
    made from another driver.

    Raises:
        ReenactError: it would have to be, but somebody placed landmarks by hand, which would be lost.
    """
    path, known = found.settings["performance"], tracked(node)
    if not os.path.isfile(path):
        reason = f"{path} is not there any more" if known.get("performance") == path else ""
    elif known.get("performance") != path:
        return False
    elif known["settings"] != tracking_settings(found) or known.get("upstream", found.driver.made_of) != (
        found.driver.made_of
    ):
        reason = "the driver or its tracking was changed"
    elif known.get("digest") not in (None, own.digest(path)):
        reason = f"{path} was written by somebody else"
    elif known.get("stamp") not in (None, found.driver.stamp()):
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
