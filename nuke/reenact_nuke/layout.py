"""The panel as plain data: which knobs there are, in which order, on which tab. Nothing of Nuke is needed to read it.

Options come from ``settings.json``, so that what the engine learns shows up here; the node's own knobs are named below.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from reenact_nuke import paths

PREFIX = "reenact_"
# Options that the node decides: by its inputs, its output knob, its range, or not at all.
MANAGED = (
    "target", "driver", "cast", "holdout", "mask", "output", "frames", "performance", "target_performance", "identity",
    "preview", "preview_sound", "sound", "sound_start", "curves",
)  # fmt: skip
# Options that everybody needs; they are on the first tab, the others on one named as their group.
FRONT_INPUT = ("target_frame", "reference")
FRONT_TIME = ("target_reference", "driver_start", "driver_speed")
FRONT_MOTION = ("regions", "head", "perform")
FRONT_OUTPUT = ("proxy", "layers", "colorspace", "existing", "missing", "device")
# Options of a target that moves; greyed while it is a still.
OF_MOVING = (*FRONT_TIME, "perform", "parts_file")
# Groups with several sections, each with a label; options that are in none come after them.
SECTIONS: Dict[str, Tuple[Tuple[str, Tuple[str, ...]], ...]] = {
    "FD-GAN": (
        ("Mouth and eyes from other pictures", ("parts", "appearance", "parts_file")),
        ("Painting", ("profile", "repair", "teeth", "fdgan_weights")),
    ),
    "Tracking": (
        ("Driver", ("tracker", "landmarks", "face", "smoothing")),
        ("Target", ("target_landmarks", "target_face")),
    ),
    "Motion": (
        ("Motion", ("motion", "retarget", "shading", "neck")),
        ("Gaze", ("gaze", "gaze_x", "gaze_y", "gaze_right_x", "gaze_right_y", "gaze_left_x", "gaze_left_y")),
        (
            "How much, within the regions that perform",
            (
                "strength", "weight_pose", "weight_position", "weight_jaw", "weight_mouth", "weight_eye_right",
                "weight_eye_left", "weight_brow_right", "weight_brow_left",
            ),
        ),
    ),
}  # fmt: skip
# What the node's knobs start with where that is not the engine's default: a comp wants the STMap.
DEFAULTS: Dict[str, Any] = {"layers": ["rgba", "stmap"]}
# Environment variables in which a studio names its own values, separated by commas, for options that take any.
STUDIO = {"tracker": "OFX_REENACT_TRACKERS"}
# What a slider shows of a number whose range is too wide for one; more can be typed.
SLIDERS: Dict[str, Tuple[float, float]] = {
    "driver_speed": (0.25, 4), "matte_erode": (-20, 20), "matte_feather": (0, 40),
}
RANGES = ("input", "root", "custom")
MODES = ("auto", "still", "moves")
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


def is_frame(option: Dict[str, Any]) -> bool:
    """Whether an option is a frame number, which is of one shot alone."""
    return bool(option["type"] == "int" and option["default"] is None)


def items() -> List[Item]:
    """All knobs in the panel's order."""
    by_name = {option["name"]: option for option in paths.options()}
    of = {name: of_option(option) for name, option in by_name.items() if name not in MANAGED}
    found = [_tab("reenact", "Reenact")]
    found += _inputs(of)
    found += _performs(of)
    found += _output(of)
    found += _jobs()
    found += _performance()
    front = (*FRONT_INPUT, *FRONT_TIME, *FRONT_MOTION, *FRONT_OUTPUT)
    groups: Dict[str, Dict[str, List[Item]]] = {}
    for name, knobs in of.items():
        if name not in front:
            groups.setdefault(by_name[name]["group"], {})[name] = knobs
    for group, options in groups.items():
        found += [_tab("tab_" + group.lower().replace("-", "_"), group), *_sections(group, options)]
    return found


def _sections(group: str, options: Dict[str, List[Item]]) -> List[Item]:
    """The knobs of a group in its sections."""
    found, left = [], dict(options)
    for number, (label, names) in enumerate(SECTIONS.get(group, ())):
        found.append(_divider("section_{}_{}".format(group.lower().replace("-", "_"), number), label))
        found += [item for name in names for item in left.pop(name)]
    return found + [item for knobs in left.values() for item in knobs]


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
    shown = {"text": "path" if option["path"] and not option["unless"] else "text", "paths": "text"}.get(kind, kind)
    if kind == "paths":
        default = ", ".join(default)
    choices = tuple(map(str, option["choices"]))
    if choices and kind in ("text", "int"):
        shown, default = "choice", str(default)
    if choices and kind == "text":
        own = os.environ.get(STUDIO.get(name, ""), "").split(",")
        choices += tuple(value.strip() for value in own if value.strip() and value.strip() not in choices)
    low, high = SLIDERS.get(name, (option["low"], option["high"]))
    return [Item(shown, knob_name(name), label, option["help"], default, choices, low, high)]


def find(name: str, among: Sequence[Item]) -> Item:
    """The knob of that name."""
    return next(item for item in among if item.name == name)


def _inputs(of: Dict[str, List[Item]]) -> List[Item]:
    return [
        _divider("inputs", "Inputs"),
        Item(
            "choice", PREFIX + "target_mode", "target",
            "still: one frame of the target is animated, and frames bear the driver's numbers; moves: the target is "
            "footage whose performance is changed, and frames bear its numbers; auto: it moves if there is footage "
            "above the input, no FrameHold in between, and no target frame is ticked.",
            MODES[0], MODES,
        ),
        *of["target_frame"],
        *of["reference"],
        _button("set_reference", "Set to current frame", "The frame in the viewer becomes the reference.", joined=True),
        Item(
            "choice", PREFIX + "range", "frame range",
            "input: all frames of the target if it moves, else of the driver; root: the project's range; custom: the "
            "numbers at the right.",
            RANGES[0], RANGES,
        ),
        Item("int", PREFIX + "first", "", "First frame of a custom range.", 1, joined=True),
        Item("int", PREFIX + "last", "", "Last frame of a custom range.", 1, joined=True),
    ]  # fmt: skip


def _performs(of: Dict[str, List[Item]]) -> List[Item]:
    regions, head, perform = (of[name] for name in FRONT_MOTION)
    reference, start, speed = (of[name] for name in FRONT_TIME)
    return [
        _divider("performs", "What performs"),
        *regions,
        *head,
        _divider("moving", "Target that moves"),
        *perform,
        *reference,
        _button(
            "set_target_reference", "Set to current frame",
            "The frame in the viewer is the one in which the target is at rest.", joined=True,
        ),
        *start,
        _button(
            "set_driver_start", "Set to current frame",
            "The frame in the viewer is the driver's that belongs to the target's first.", joined=True,
        ),
        *speed,
    ]  # fmt: skip


def _output(of: Dict[str, List[Item]]) -> List[Item]:
    return [
        _divider("outputs", "Output"),
        Item(
            "path", PREFIX + "output", "output",
            "EXR sequence to write, as shot_v001.####.exr. What belongs to it is kept beside it.",
        ),
        _button("next_version", "Next version", "Count the output's version up by one."),
        *[item for name in FRONT_OUTPUT for item in of[name]],
    ]  # fmt: skip


def _jobs() -> List[Item]:
    return [
        _divider("jobs", "Run"),
        _button(
            "analyse", "Analyse",
            "Track the driver, and a target that moves. Preview and Render do it themselves if it is needed.",
        ),
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
        Item("hidden", PREFIX + "target_tracked", "", "", ""),
        Item("hidden", PREFIX + "kept", "", "", ""),
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
        Item(
            "path", PREFIX + "target_performance", "target performance file",
            "The tracked target, if it moves. Empty: kept beside the output when it is analysed. A file that "
            "'ofx-reenact track' made of the target is used as it is.",
        ),
        _divider("landmarks", "Landmarks"),
        Item(
            "choice", PREFIX + "landmarks_of", "landmarks of",
            "Whose landmarks are exported and imported, and whose curves are shown; the target's if it moves.",
            "driver", ("driver", "target"),
        ),
        Item("text", PREFIX + "landmark_frames", "frames", "Frames to export, as 1001-1010 or 1001,1020; empty: all."),
        _button("export_landmarks", "Export landmarks", "Make a Tracker with the 68 landmarks to correct."),
        _button(
            "import_landmarks", "Import landmarks",
            "Read the selected Tracker, or a JSON file if none is selected, and track again from what was moved.",
            joined=True,
        ),
        _divider("curves", "Curves"),
        _button("show_curves", "Show curves", "Put head rotation and blendshapes on a tab of their own, to look at."),
        _button(
            "read_curves", "Read keys...",
            "Key strength, weights, gaze, neck and shading as a file of curves (JSON) says.", joined=True,
        ),
        _button("save_curves", "Save keys...", "Write the keyed knobs as a file of curves, for --curves.", joined=True),
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
