"""Knobs that are keyed, or driven by an expression: the engine's curves, and back into knobs."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, List, Sequence, Tuple

import nuke
from reenact_nuke import knobs, layout, own, paths
from reenact_nuke.errors import ReenactError

SCHEMA = "ofx-reenact/curves/1"
# What a curve may be off between the keys that are written and Nuke's own value in a frame.
_NEAR = 1e-6


def text_of(node: Any, first: int, last: int) -> str:
    """The file of curves that the node's knobs come to over a range of frames; empty if none is animated.

    Nuke's own curves go between keys as it likes, so every frame is asked for; those on a straight line are left out.
    """
    curves = {}
    for option in paths.options():
        if knobs.is_animated(node, option):
            held = node.knob(layout.knob_name(option["name"]))
            values = [_held_in(float(held.getValueAt(frame)), option) for frame in range(first, last + 1)]
            frames = {str(first + at): round(values[at], 6) for at in _corners(values)}
            curves[option["name"]] = {"interpolation": "linear", "frames": frames}
    return json.dumps({"schema": SCHEMA, "curves": curves}, indent=1) + "\n" if curves else ""


def path_of(node: Any, output: str, text: str) -> str:
    """Where the node's curves are written: a name of what is in them, so that nobody's file is written over."""
    return own.beside(node, output, f"curves.{hashlib.sha256(text.encode()).hexdigest()[:8]}.json")


def write(path: str, text: str) -> None:
    """Write curves where they are not there yet.

    Raises:
        ReenactError: they cannot be written.
    """
    if os.path.exists(path):
        return
    partial = path + ".partial"
    try:
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(partial, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(partial, path)
    except OSError as error:
        if os.path.exists(partial):
            os.remove(partial)
        raise ReenactError(f"{path}: the curves cannot be written ({error.strerror or error})") from error


def apply(node: Any, path: str) -> str:
    """Key the knobs as a file of curves says; the others stay. Returns a line for the artist.

    A smooth curve becomes Nuke's own, which may go another way between its keys.

    Raises:
        ReenactError: the file is none.
    """
    curves = paths.read_part(path, SCHEMA, "curves", "curves")
    keyed = [(_knob_of(node, name, path), *_keys(said, name, path)) for name, said in curves.items()]
    for held, interpolation, keys in keyed:
        held.clearAnimated()
        held.setAnimated()
        curve = held.animation(0)
        curve.addKey([nuke.AnimationKey(frame, value) for frame, value in keys])
        kind = {"constant": nuke.CONSTANT, "smooth": nuke.SMOOTH}.get(interpolation, nuke.LINEAR)
        curve.changeInterpolation(curve.keys(), kind)
    return "Curves of {}".format(", ".join(held.name()[len(layout.PREFIX) :] for held, _, _ in keyed))


def save(node: Any, path: str, first: int, last: int) -> str:
    """Write what the knobs come to where the artist says; returns a line for them.

    Raises:
        ReenactError: no knob is animated, or the file cannot be written.
    """
    text = text_of(node, first, last)
    if not text:
        raise ReenactError(f"{node.name()}: no knob has keys; right-click a weight and choose Set key")
    if os.path.exists(path):
        raise ReenactError(f"{path}: is there already; name another file")
    write(path, text)
    return f"Curves of frames {first}-{last} in {path}"


def _held_in(value: float, option: Dict[str, Any]) -> float:
    """A value within the option's range: a curve may overshoot between its keys."""
    return min(max(value, option["low"]), option["high"])


def _corners(values: Sequence[float]) -> List[int]:
    """Which of the values have to be known for all others to lie on straight lines between them."""
    kept = [0]
    for at in range(2, len(values)):
        start = kept[-1]
        slope = (values[at] - values[start]) / (at - start)
        if any(abs(values[start] + slope * (i - start) - values[i]) > _NEAR for i in range(start + 1, at)):
            kept.append(at - 1)
    return [*kept, len(values) - 1] if len(values) > 1 else kept


def _knob_of(node: Any, name: str, path: str) -> Any:
    animatable = [option["name"] for option in paths.options() if option["animatable"]]
    if name not in animatable:
        raise ReenactError("{}: {} has no curve; options that have are {}".format(path, name, ", ".join(animatable)))
    return knobs.knob(node, layout.knob_name(name))


def _keys(said: Any, name: str, path: str) -> Tuple[str, List[Tuple[float, float]]]:
    """What a file says of one option: its interpolation, and its keys in order."""
    try:
        keys = sorted((float(int(frame)), float(value)) for frame, value in said["frames"].items())
        if not keys:
            raise ValueError("no keys")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReenactError(f'{path}: {name}: give keys, as {{"frames": {{"1001": 0, "1010": 1}}}}') from error
    return str(said.get("interpolation", "linear")), keys
