"""What a node's knobs and inputs come to: the engine's settings."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, NamedTuple, Tuple

import nuke
from reenact_nuke import inputs, knobs, layout, paths
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


def resolve(node: Any) -> Resolved:
    """Read a node.

    Raises:
        ReenactError: an input or the output is missing, or the range is empty.
    """
    output = knobs.path(knobs.knob(node, layout.PREFIX + "output"))
    if not output:
        raise ReenactError(f"{node.name()}: name an output, as shot_v001.####.exr")
    if not paths.has_padding(output) or not output.lower().endswith(".exr"):
        raise ReenactError(f"{node.name()}: output '{output}' is no EXR sequence; write shot_v001.####.exr")
    target = inputs.source(node, TARGET, output)
    driver = inputs.source(node, DRIVER, output)
    first, last = frame_range(node, driver)
    chosen = knobs.values(node)
    if "target_frame" not in chosen and paths.has_padding(target.file):
        chosen["target_frame"] = target.first
    for name, space in (("colorspace", target.space), ("driver_colorspace", driver.space)):
        if name not in chosen and space:
            chosen[name] = space
    chosen.update(
        target=target.file, driver=driver.file, output=output, frames=frames_text(first, last),
        performance=performance_path(node, output),
    )  # fmt: skip
    settings = {option["name"]: chosen[option["name"]] for option in paths.options() if option["name"] in chosen}
    return Resolved(settings, target, driver, first, last)


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


def performance_path(node: Any, output: str) -> str:
    """The performance file: the one named, else one beside the output that outlives its versions."""
    named = knobs.path(knobs.knob(node, layout.PREFIX + "performance"))
    return named or paths.beside(output, node.name() + ".performance.npz")


def tracking_settings(found: Resolved) -> Dict[str, Any]:
    """What the tracked driver depends on: of the settings, and of a driver that Nuke renders, its frames."""
    names = [option["name"] for option in paths.options() if "track" in option["affects"]]
    names += ["frames"] if found.driver.rendered else []
    return {name: found.settings[name] for name in names if name in found.settings and name != "performance"}


def tracked(node: Any) -> Dict[str, Any]:
    """What the node remembers of its performance: ``performance``, ``settings`` and ``hand_made``; empty if nothing."""
    try:
        kept = json.loads(knobs.knob(node, layout.PREFIX + "tracked").value() or "{}")
    except ValueError:
        kept = {}
    return kept if isinstance(kept, dict) else {}


def must_track(node: Any, found: Resolved) -> bool:
    """Tell whether the driver has to be tracked (again) before a frame can be rendered.

    A performance file that the node did not make is used as it is.

    Raises:
        ReenactError: it would have to be, but somebody placed landmarks by hand, which would be lost.
    """
    path = found.settings["performance"]
    if not os.path.isfile(path):
        return True
    known = tracked(node)
    if known.get("performance") != path or known.get("settings") == tracking_settings(found):
        return False
    if known.get("hand_made"):
        raise ReenactError(
            "{}: the driver or its tracking was changed since landmarks were placed by hand (frames {}); set it back, "
            "or press Analyse, which tracks anew and drops them".format(node.name(), known["hand_made"])
        )
    return True
