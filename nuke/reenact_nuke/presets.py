"""Presets: sets of values in JSON files, those that come with the node, the studio's and the artist's own."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List

from reenact_nuke import knobs, layout, paths
from reenact_nuke.errors import ReenactError

SCHEMA = "ofx-reenact/preset/1"
VARIABLE = "OFX_REENACT_PRESETS"


def folders() -> List[str]:
    """Where presets lie; of two of one name the later counts. The last is where new ones go."""
    studio = [os.environ[VARIABLE]] if os.environ.get(VARIABLE) else []
    return [
        os.path.join(paths.HERE, "presets"),
        *studio,
        os.path.join(os.path.expanduser("~"), ".nuke", "reenact_presets"),
    ]


def files() -> Dict[str, str]:
    """Name → file of every preset."""
    found = {}
    for folder in folders():
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                if name.endswith(".json"):
                    found[name[: -len(".json")]] = os.path.join(folder, name)
    return found


def read(name: str) -> Dict[str, Any]:
    """Option → value of a preset.

    Raises:
        ReenactError: there is none of that name, or it is none.
    """
    file = files().get(name)
    if file is None:
        raise ReenactError("There is no preset '{}'; there are {}".format(name, ", ".join(sorted(files())) or "none"))
    values = paths.read_part(file, SCHEMA, "values", "a preset")
    known = {option["name"] for option in paths.options()} - set(layout.MANAGED)
    unknown = sorted(set(values) - known)
    if unknown:
        raise ReenactError("{}: unknown option {}".format(file, ", ".join(unknown)))
    return values


def apply(node: Any, name: str) -> None:
    """Set the knobs that a preset names; the others stay."""
    values = read(name)
    options = [option for option in paths.options() if option["name"] in values]
    # All are there before one is set. A node of an earlier version has later options' defaults without knobs.
    options = [option for option in options if _has_knobs(node, option, values[option["name"]])]
    for option in options:
        _set(node, option, values[option["name"]])


def save(node: Any, name: str) -> str:
    """Keep the node's values, but for paths and frames, as the artist's own preset; returns the file."""
    if not name or os.path.basename(name) != name or name.startswith("."):
        raise ReenactError(f"'{name}' cannot be a preset's name")
    folder = folders()[-1]
    if not os.path.isdir(folder):
        os.makedirs(folder)
    found = knobs.values(node)
    kept = {
        option["name"]: found.get(option["name"], option["default"])
        for option in paths.options()
        if option["name"] not in layout.MANAGED and _is_for_any_shot(option, found)
    }
    file = os.path.join(folder, name + ".json")
    with open(file, "w", encoding="utf-8") as sink:
        json.dump({"schema": SCHEMA, "values": kept}, sink, indent=2)
        sink.write("\n")
    refresh(node)
    return file


def _is_for_any_shot(option: Dict[str, Any], found: Dict[str, Any]) -> bool:
    """Whether an option's value is no path, no frame and no position in a picture."""
    if option["unless"]:
        return str(found.get(option["name"], option["default"])).isdigit()
    return not option["path"] and not layout.is_frame(option)


def refresh(node: Any) -> None:
    """Offer the presets that there are; what was chosen stays chosen."""
    held = knobs.knob(node, layout.PREFIX + "preset")
    chosen, names = held.value(), sorted(files())
    held.setValues(names)
    if chosen in names:
        held.setValue(chosen)


def _has_knobs(node: Any, option: Dict[str, Any], value: Any) -> bool:
    """Whether a node has the knobs of an option, or none and needs none.

    Raises:
        ReenactError: it needs one that it has not.
    """
    choices = value if option["type"] == "choices" else [""]
    for held in [layout.knob_name(option["name"], choice) for choice in choices]:
        if node.knob(held) is None:
            if value == option["default"]:
                return False
            knobs.knob(node, held)
    return True


def _set(node: Any, option: Dict[str, Any], value: Any) -> None:
    name, kind = option["name"], option["type"]
    if kind == "choices":
        for choice in option["choices"]:
            held = node.knob(layout.knob_name(name, choice))
            if held is not None:
                held.setValue(choice in value)
    elif kind == "int" and option["default"] is None:
        knobs.knob(node, layout.is_set_name(name)).setValue(value is not None)
        if value is not None:
            knobs.knob(node, layout.knob_name(name)).setValue(value)
    elif option["unless"]:
        held = knobs.knob(node, layout.knob_name(name))
        # The knob of a node that an earlier version made holds a whole number.
        held.setValue(str(value) if isinstance(held.value(), str) else int(value))
    else:
        # A number to a knob of choices is the place of one among them.
        said = ", ".join(value) if kind == "paths" else str(value) if option["choices"] else value
        knobs.knob(node, layout.knob_name(name)).setValue(said)
