"""Presets: sets of option values in JSON files. The node brings some, the studio and the artist add theirs."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List

from reenact_nuke import knobs, layout, options
from reenact_nuke.errors import ReenactError

SCHEMA = "ofx-reenact/preset/1"
VARIABLE = "OFX_REENACT_PRESETS"


def folders() -> List[str]:
    """List the folders of presets. A later folder's preset replaces one of the same name; new ones go to the last."""
    studio = [os.environ[VARIABLE]] if os.environ.get(VARIABLE) else []
    return [
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "presets"),
        *studio,
        os.path.join(os.path.expanduser("~"), ".nuke", "reenact_presets"),
    ]


def files() -> Dict[str, str]:
    """Map the name of every preset to its file."""
    found = {}
    for folder in folders():
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                if name.endswith(".json"):
                    found[name[: -len(".json")]] = os.path.join(folder, name)
    return found


def read(name: str) -> Dict[str, Any]:
    """Read a preset: values by option.

    Raises:
        ReenactError: there is none of that name, or its file is not a preset.
    """
    file = files().get(name)
    if file is None:
        names = ", ".join(sorted(files())) or "none"
        raise ReenactError(f"There is no preset '{name}'; there are: {names}")
    values = options.read_json_part(file, SCHEMA, "values", "a preset")
    known = {option["name"]: option for option in options.all_options() if option["name"] not in layout.MANAGED}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ReenactError("{}: unknown option {}".format(file, ", ".join(unknown)))
    return {name: options.present_choice(known[name], value) for name, value in values.items()}


def apply(node: Any, name: str) -> None:
    """Set the knobs that a preset names; others are unchanged."""
    values = read(name)
    named = [option for option in options.all_options() if option["name"] in values]
    # Check all before setting one: a node of an earlier version has no knobs for newer options, only their defaults.
    named = [option for option in named if _has_knobs(node, option, values[option["name"]])]
    for option in named:
        _set(node, option, values[option["name"]])


def save(node: Any, name: str) -> str:
    """Save the node's values, without paths, frames and positions, as the artist's preset; returns the file."""
    if not name or os.path.basename(name) != name or name.startswith("."):
        raise ReenactError(f"'{name}' cannot be the name of a preset: leave out / and \\, and a dot at its start")
    folder = folders()[-1]
    if not os.path.isdir(folder):
        os.makedirs(folder)
    found = knobs.values(node)
    values = {
        option["name"]: found.get(option["name"], option["default"])
        for option in options.all_options()
        if option["name"] not in layout.MANAGED and _is_for_any_shot(option, found)
    }
    file = os.path.join(folder, name + ".json")
    with open(file, "w", encoding="utf-8") as sink:
        json.dump({"schema": SCHEMA, "values": values}, sink, indent=2)
        sink.write("\n")
    refresh(node)
    return file


def _is_for_any_shot(option: Dict[str, Any], found: Dict[str, Any]) -> bool:
    """Tell whether an option's value is useful in other shots: no path, frame or position in a picture."""
    if option["unless"]:
        return str(found.get(option["name"], option["default"])).isdigit()
    return not option["path"] and not layout.is_frame(option)


def refresh(node: Any) -> None:
    """Update the choices of *preset*; the chosen one stays chosen."""
    knob = knobs.knob(node, layout.PREFIX + "preset")
    chosen, names = knob.value(), sorted(files())
    knob.setValues(names)
    if chosen in names:
        knob.setValue(chosen)


def _has_knobs(node: Any, option: Dict[str, Any], value: Any) -> bool:
    """Tell whether a node has the knobs to set an option to a value; without them only the default is possible.

    Raises:
        ReenactError: it has not, and the value is not the default.
    """
    choices = value if option["type"] == "choices" else [""]
    for knob_name in [layout.knob_name(option["name"], choice) for choice in choices]:
        if node.knob(knob_name) is None:
            if value == option["default"]:
                return False
            knobs.knob(node, knob_name)
    return True


def _set(node: Any, option: Dict[str, Any], value: Any) -> None:
    name, kind = option["name"], option["type"]
    if kind == "choices":
        for choice in option["choices"]:
            box = node.knob(layout.knob_name(name, choice))
            if box is not None:
                box.setValue(choice in value)
    elif kind == "int" and option["default"] is None:
        knobs.knob(node, layout.checkbox_name(name)).setValue(value is not None)
        if value is not None:
            knobs.knob(node, layout.knob_name(name)).setValue(value)
    elif option["unless"]:
        knob = knobs.knob(node, layout.knob_name(name))
        # The knob of an earlier version holds a whole number.
        knob.setValue(str(value) if isinstance(knob.value(), str) else int(value))
    else:
        # As text: a knob of choices takes a number for an index.
        content = ", ".join(value) if kind == "paths" else str(value) if option["choices"] else value
        knob = knobs.knob(node, layout.knob_name(name))
        # The knob of an earlier version has only the earlier names of choices.
        earlier = [before for before, present in option["earlier"].items() if present == content]
        knob.setValue(earlier[0] if earlier and content not in knob.values() else content)
