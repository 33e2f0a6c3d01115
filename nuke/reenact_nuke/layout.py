"""The panel as plain data: which knobs there are, in which order, on which tab. Nothing of Nuke is needed to read it.

Options come from ``settings.json``, so that what the engine learns shows up here; the node's own knobs are named below.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from reenact_nuke import paths

PREFIX = "reenact_"
# Options that the node decides: by its inputs, its output knob, its range, or not at all.
MANAGED = ("target", "driver", "output", "frames", "performance", "identity", "preview")
# Options that everybody needs; they are on the first tab, the others on one named as their group.
FRONT_INPUT = ("target_frame", "reference")
FRONT_OUTPUT = ("layers", "colorspace", "existing", "missing", "device")
# What the node's knobs start with where that is not the engine's default: a comp wants the STMap.
DEFAULTS: Dict[str, Any] = {"layers": ["rgba", "stmap"]}
# Environment variables in which a studio names its own values, separated by commas, for options that take any.
STUDIO = {"tracker": "OFX_REENACT_TRACKERS"}
RANGES = ("input", "root", "custom")
SHOWN = ("target", "preview", "result", "carried plate")
BUTTONS = ("analyse", "preview", "render", "farm")

_NAMES = {"fdgan": "FD-GAN", "colorspace": "colour space"}


class Item(NamedTuple):
    """One knob.

    Attributes:
        kind: tab, divider, label, text, path, int, float, choice, bool, button or hidden.
        name: of the knob, with the prefix.
        label: what the panel says.
        help: the tooltip.
        default: its first value; None for a number that starts unset.
        choices: of a choice.
        low, high: range of a number, None where open.
        joined: on the line of the knob before.
        action: what a button does, a name that ``run.press`` knows.
    """

    kind: str
    name: str
    label: str = ""
    help: str = ""
    default: Any = ""
    choices: Tuple[str, ...] = ()
    low: Optional[float] = None
    high: Optional[float] = None
    joined: bool = False
    action: str = ""


def knob_name(option: str, choice: str = "") -> str:
    """Name of an option's knob; an option of several choices has one for each."""
    return PREFIX + option + ("_" + choice if choice else "")


def is_set_name(option: str) -> str:
    """Name of the checkbox of a number that may be left unset."""
    return PREFIX + option + "_on"


def items() -> List[Item]:
    """All knobs in the panel's order."""
    by_name = {option["name"]: option for option in paths.options()}
    front = [option for name in FRONT_INPUT + FRONT_OUTPUT for option in [by_name[name]]]
    found = [_tab("reenact", "Reenact")]
    found += _inputs([option for option in front if option["name"] in FRONT_INPUT])
    found += _output([option for option in front if option["name"] in FRONT_OUTPUT])
    found += _jobs()
    found += _performance()
    groups: Dict[str, List[Item]] = {}
    for option in by_name.values():
        if option["name"] not in MANAGED and option not in front:
            groups.setdefault(option["group"], []).extend(of_option(option))
    for group, knobs in groups.items():
        found += [_tab("tab_" + group.lower().replace("-", "_"), group), *knobs]
    return found


def of_option(option: Dict[str, Any]) -> List[Item]:
    """The knobs of one option."""
    name, kind = option["name"], option["type"]
    label, default = _label(name), DEFAULTS.get(name, option["default"])
    if kind == "choices":
        return [
            Item("bool", knob_name(name, choice), choice, option["help"], choice in default, joined=choice != first)
            for first in option["choices"][:1]
            for choice in option["choices"]
        ]
    if kind == "int" and option["default"] is None:
        text = option["help"]
        return [
            Item("bool", is_set_name(name), label, text, False),
            Item("int", knob_name(name), "", text, 0, joined=True),
        ]
    shown = {"text": "path" if option["path"] else "text", "paths": "text"}.get(kind, kind)
    if kind == "paths":
        default = ", ".join(default)
    choices = tuple(option["choices"]) if kind in ("choice", "text") else ()
    if choices and kind == "text":
        shown = "choice"
        own = os.environ.get(STUDIO.get(name, ""), "").split(",")
        choices += tuple(value.strip() for value in own if value.strip() and value.strip() not in choices)
    return [Item(shown, knob_name(name), label, option["help"], default, choices, option["low"], option["high"])]


def find(name: str, among: Sequence[Item]) -> Item:
    """The knob of that name."""
    return next(item for item in among if item.name == name)


def _inputs(front: List[Dict[str, Any]]) -> List[Item]:
    target, reference = front
    return [
        _divider("inputs", "Inputs"),
        *of_option(target),
        *of_option(reference),
        _button("set_reference", "Set to current frame", "The frame in the viewer becomes the reference.", joined=True),
        Item(
            "choice", PREFIX + "range", "frame range",
            "input: all frames of the driver; root: the project's range; custom: the numbers at the right.",
            RANGES[0], RANGES,
        ),
        Item("int", PREFIX + "first", "", "First frame of a custom range.", 1, joined=True),
        Item("int", PREFIX + "last", "", "Last frame of a custom range.", 1, joined=True),
    ]  # fmt: skip


def _output(front: List[Dict[str, Any]]) -> List[Item]:
    layers, others = front[0], front[1:]
    return [
        _divider("outputs", "Output"),
        Item(
            "path", PREFIX + "output", "output",
            "EXR sequence to write, as shot_v001.####.exr. What belongs to it is kept beside it.",
        ),
        _button("next_version", "Next version", "Count the output's version up by one."),
        *of_option(layers),
        *[item for option in others for item in of_option(option)],
    ]  # fmt: skip


def _jobs() -> List[Item]:
    return [
        _divider("jobs", "Run"),
        _button("analyse", "Analyse", "Track the driver. Preview and Render do it themselves if it is needed."),
        _button("preview", "Preview frame", "Render the frame in the viewer.", joined=True),
        _button("render", "Render", "Render the frame range and show the result.", joined=True),
        _button("cancel", "Cancel", "Stop what runs; frames that are written stay.", joined=True),
        _button("farm", "Send to farm", "Write a job file and hand it to the studio's farm.", joined=True),
        Item(
            "choice", PREFIX + "show", "show",
            "What the node gives out: the target, the last preview, the result, or the plate input carried as the face "
            "was (needs the stmap layer).",
            SHOWN[0], SHOWN,
        ),
        _button("show_log", "Show log", "The last lines of this session's log, and where it is.", joined=True),
        Item("label", PREFIX + "status", "status", "", "Connect target and driver, name an output, press Render."),
        Item("choice", PREFIX + "preset", "preset", "Sets of values: those that come with the node and your own.", ""),
        _button("apply_preset", "Apply", "Take the preset's values.", joined=True),
        _button("save_preset", "Save as...", "Keep the present values under a name.", joined=True),
        Item("hidden", PREFIX + "tracked", "", "", ""),
        Item("hidden", PREFIX + "id", "", "", ""),
    ]  # fmt: skip


def _performance() -> List[Item]:
    return [
        _tab("tab_performance", "Performance"),
        Item(
            "path", PREFIX + "performance", "performance file",
            "The tracked driver. Empty: kept beside the output when the driver is analysed. A file that "
            "'ofx-reenact track' made is used as it is.",
        ),
        _divider("landmarks", "Landmarks"),
        Item("text", PREFIX + "landmark_frames", "frames", "Frames to export, as 1001-1010 or 1001,1020; empty: all."),
        _button("export_landmarks", "Export landmarks", "Make a Tracker with the driver's 68 landmarks to correct."),
        _button(
            "import_landmarks", "Import landmarks",
            "Read the selected Tracker, or a JSON file if none is selected, and track again from what was moved.",
            joined=True,
        ),
        _divider("curves", "Curves"),
        _button("show_curves", "Show curves", "Put head rotation and blendshapes on a tab of their own, to look at."),
    ]  # fmt: skip


def _tab(name: str, label: str) -> Item:
    return Item("tab", PREFIX + name, label)


def _divider(name: str, label: str) -> Item:
    return Item("divider", PREFIX + name + "_title", label)


def _button(action: str, label: str, text: str, joined: bool = False) -> Item:
    return Item("button", PREFIX + "do_" + action, label, text, joined=joined, action=action)


def _label(name: str) -> str:
    words = [_NAMES.get(word, word) for word in name.split("_")]
    return " ".join(words)
