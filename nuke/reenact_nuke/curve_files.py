"""Files of curves: written from knobs with keys or expressions, and read into keys."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, List, Sequence, Tuple

import nuke
from reenact_nuke import knobs, layout, node_files, options
from reenact_nuke.errors import ReenactError

SCHEMA = "ofx-reenact/curves/1"
# Largest difference between the written curve and Nuke's value in a frame.
_NEAR = 1e-6


def curves_text(node: Any, first: int, last: int) -> str:
    """Write the text of the file of curves over a range of frames; empty if no knob is animated.

    Every frame is read, since only Nuke knows its curves between keys; frames on a straight line are left out.
    """
    curves = {}
    for option in options.all_options():
        if knobs.is_animated(node, option):
            knob = node.knob(layout.knob_name(option["name"]))
            values = [_clamp(float(knob.getValueAt(frame)), option) for frame in range(first, last + 1)]
            frames = {str(first + at): round(values[at], 6) for at in _corners(values)}
            curves[option["name"]] = {"interpolation": "linear", "frames": frames}
    return json.dumps({"schema": SCHEMA, "curves": curves}, indent=1) + "\n" if curves else ""


def curves_path(node: Any, output: str, text: str) -> str:
    """Name the file of curves by a digest of its text, so that a file that others read is not overwritten."""
    return node_files.path_beside(node, output, f"curves.{hashlib.sha256(text.encode()).hexdigest()[:8]}.json")


def write(path: str, text: str) -> None:
    """Write a file of curves, unless it exists.

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


def set_keys(node: Any, path: str) -> str:
    """Set the keys of knobs from a file of curves; other knobs are unchanged. Returns a line for the artist.

    A smooth curve becomes Nuke's smooth curve, which may differ between keys.

    Raises:
        ReenactError: it is not a file of curves.
    """
    curves = options.read_json_part(path, SCHEMA, "curves", "curves")
    keyed = [(_knob_of(node, name, path), *_keys(curve, name, path)) for name, curve in curves.items()]
    for knob, interpolation, keys in keyed:
        knob.clearAnimated()
        knob.setAnimated()
        curve = knob.animation(0)
        curve.addKey([nuke.AnimationKey(frame, value) for frame, value in keys])
        kind = {"constant": nuke.CONSTANT, "smooth": nuke.SMOOTH}.get(interpolation, nuke.LINEAR)
        curve.changeInterpolation(curve.keys(), kind)
    return "Keys were set on {}".format(", ".join(knob.name()[len(layout.PREFIX) :] for knob, _, _ in keyed))


def save(node: Any, path: str, first: int, last: int) -> str:
    """Write a file of curves under a name of the artist's; returns a line for them.

    Raises:
        ReenactError: no knob is animated, the file exists, or it cannot be written.
    """
    text = curves_text(node, first, last)
    if not text:
        raise ReenactError(f"{node.name()}: no knob has keys: right-click a weight and choose Set key")
    if os.path.exists(path):
        raise ReenactError(f"{path}: exists already; name another file")
    write(path, text)
    return f"Curves of frames {first}-{last} were written to {path}"


def _clamp(value: float, option: Dict[str, Any]) -> float:
    """Clamp a value to the option's range: a curve may leave it between its keys."""
    return min(max(value, option["low"]), option["high"])


def _corners(values: Sequence[float]) -> List[int]:
    """Find the indices of values between which all others lie on straight lines."""
    kept = [0]
    for at in range(2, len(values)):
        start = kept[-1]
        slope = (values[at] - values[start]) / (at - start)
        if any(abs(values[start] + slope * (i - start) - values[i]) > _NEAR for i in range(start + 1, at)):
            kept.append(at - 1)
    return [*kept, len(values) - 1] if len(values) > 1 else kept


def _knob_of(node: Any, name: str, path: str) -> Any:
    animatable = [option["name"] for option in options.all_options() if option["animatable"]]
    if name not in animatable:
        raise ReenactError("{}: {} cannot have a curve; options that can: {}".format(path, name, ", ".join(animatable)))
    return knobs.knob(node, layout.knob_name(name))


def _keys(curve: Any, name: str, path: str) -> Tuple[str, List[Tuple[float, float]]]:
    """Read one option's curve: its interpolation, and its keys in order."""
    try:
        keys = sorted((float(int(frame)), float(value)) for frame, value in curve["frames"].items())
        if not keys:
            raise ValueError("no keys")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReenactError(f'{path}: {name}: needs keys, as in {{"frames": {{"1001": 0, "1010": 1}}}}') from error
    return str(curve.get("interpolation", "linear")), keys
