"""The panel as plain data, without Nuke: the knobs, their order and their tabs.

The engine's options come from ``settings.json``, new ones too; the node's own knobs are defined below.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from reenact_nuke import options

PREFIX = "reenact_"
# Options without a knob of this layout: the node sets them from its inputs, its output and its range, or never.
MANAGED = (
    "target", "driver", "cast", "holdout", "mask", "output", "frames", "performance", "target_performance", "identity",
    "preview", "preview_sound", "sound", "sound_start", "curves",
)  # fmt: skip
# Options on the first tab; each other option is on the tab of its group.
FRONT_INPUT = ("target_frame", "reference")
FRONT_TIME = ("target_reference", "driver_start", "driver_speed")
FRONT_MOTION = ("regions", "head", "perform")
FRONT_OUTPUT = ("proxy", "layers", "colorspace", "existing", "missing", "device")
# Options that only a target that moves has; grey with a still.
MOVING_ONLY = (*FRONT_TIME, "perform", "parts_file")
# Tabs with sections: a label and its options. Other options of the tab follow them.
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
            "Strength and weights, within the regions that perform",
            (
                "strength", "weight_pose", "weight_position", "weight_jaw", "weight_mouth", "weight_eye_right",
                "weight_eye_left", "weight_brow_right", "weight_brow_left",
            ),
        ),
    ),
}  # fmt: skip
# Initial values of the node that differ from the engine's defaults: a comp needs the STMap.
DEFAULTS: Dict[str, Any] = {"layers": ["rgba", "stmap"]}
# Environment variables with a studio's own choices of an option, separated by commas.
STUDIO = {"tracker": "OFX_REENACT_TRACKERS"}
# Ranges of sliders, for options with a range too wide for a slider; other values can be typed.
SLIDERS: Dict[str, Tuple[float, float]] = {
    "driver_speed": (0.25, 4), "matte_erode": (-20, 20), "matte_feather": (0, 40),
}
RANGES = ("input", "root", "custom")
TARGET_MODES = ("auto", "still", "moves")
SHOW_CHOICES = ("target", "preview", "result", "carried plate")
BUTTONS = ("analyse", "preview", "render", "farm")

_NAMES = {"fdgan": "FD-GAN", "colorspace": "colour space"}


class Item(NamedTuple):
    """One knob.

    Attributes:
        kind: tab, divider, label, text, path, int, float, choice, bool, button or hidden.
        name: of the knob, with the prefix.
        label: text in the panel.
        help: the tooltip.
        default: initial value; None for a number that is not set.
        choices: of a choice.
        low, high: range of a number; None for no limit.
        joined: on the line of the knob before.
        action: of a button, a key of ``buttons.ACTIONS``.
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
    """Name an option's knob; an option of several choices has a knob for each choice."""
    return PREFIX + option + ("_" + choice if choice else "")


def checkbox_name(option: str) -> str:
    """Name the checkbox of a number that may be left unset."""
    return PREFIX + option + "_on"


def is_frame(option: Dict[str, Any]) -> bool:
    """Tell whether an option is a frame number."""
    return bool(option["type"] == "int" and option["default"] is None)


def items() -> List[Item]:
    """List all knobs in the panel's order."""
    by_name = {option["name"]: option for option in options.all_options()}
    knobs_of = {name: knobs_of_option(option) for name, option in by_name.items() if name not in MANAGED}
    found = [_tab("reenact", "Reenact")]
    found += _inputs(knobs_of)
    found += _motion(knobs_of)
    found += _output(knobs_of)
    found += _jobs()
    found += _performance()
    front = (*FRONT_INPUT, *FRONT_TIME, *FRONT_MOTION, *FRONT_OUTPUT)
    groups: Dict[str, Dict[str, List[Item]]] = {}
    for name, knobs in knobs_of.items():
        if name not in front:
            groups.setdefault(by_name[name]["group"], {})[name] = knobs
    for group, in_group in groups.items():
        found += [_tab("tab_" + group.lower().replace("-", "_"), group), *_sections(group, in_group)]
    return found


def _sections(group: str, in_group: Dict[str, List[Item]]) -> List[Item]:
    """List the knobs of a tab with the labels of its sections."""
    found, left = [], dict(in_group)
    for number, (label, names) in enumerate(SECTIONS.get(group, ())):
        found.append(_divider("section_{}_{}".format(group.lower().replace("-", "_"), number), label))
        found += [item for name in names for item in left.pop(name)]
    return found + [item for knobs in left.values() for item in knobs]


def knobs_of_option(option: Dict[str, Any]) -> List[Item]:
    """List the knobs of one option."""
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
            Item("bool", checkbox_name(name), label, text, False),
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
    """Find the knob of that name."""
    return next(item for item in among if item.name == name)


def _inputs(knobs_of: Dict[str, List[Item]]) -> List[Item]:
    return [
        _divider("inputs", "Inputs"),
        Item(
            "choice", PREFIX + "target_mode", "target",
            "still: animate one frame of the target; the result has the driver's frame numbers. moves: the target is "
            "footage, and its performance is changed; the result has the target's frame numbers. auto: moves if a "
            "Read of several frames is upstream without a FrameHold, and 'target frame' is not ticked; else still.",
            TARGET_MODES[0], TARGET_MODES,
        ),
        *knobs_of["target_frame"],
        *knobs_of["reference"],
        _button("set_reference", "Set to current frame", "Set the reference to the frame in the viewer.", joined=True),
        Item(
            "choice", PREFIX + "range", "frame range",
            "Frames to render. input: all frames of the target if it moves, else of the driver; root: the project's "
            "range; custom: the two numbers on the right.",
            RANGES[0], RANGES,
        ),
        Item("int", PREFIX + "first", "", "First frame of a custom range.", 1, joined=True),
        Item("int", PREFIX + "last", "", "Last frame of a custom range.", 1, joined=True),
    ]  # fmt: skip


def _motion(knobs_of: Dict[str, List[Item]]) -> List[Item]:
    regions, head, perform = (knobs_of[name] for name in FRONT_MOTION)
    reference, start, speed = (knobs_of[name] for name in FRONT_TIME)
    return [
        _divider("performs", "What performs"),
        *regions,
        *head,
        _divider("moving", "Target that moves"),
        *perform,
        *reference,
        _button(
            "set_target_reference", "Set to current frame",
            "Set the target reference, in which the face is at rest, to the frame in the viewer.", joined=True,
        ),
        *start,
        _button(
            "set_driver_start", "Set to current frame",
            "Set the driver's frame for the first frame of the target to the frame in the viewer.", joined=True,
        ),
        *speed,
    ]  # fmt: skip


def _output(knobs_of: Dict[str, List[Item]]) -> List[Item]:
    return [
        _divider("outputs", "Output"),
        Item(
            "path", PREFIX + "output", "output",
            "EXR sequence to write, as in shot_v001.####.exr. Performance and other files of the node go beside it.",
        ),
        _button("next_version", "Next version", "Raise the version in the output's name by one."),
        *[item for name in FRONT_OUTPUT for item in knobs_of[name]],
    ]  # fmt: skip


def _jobs() -> List[Item]:
    return [
        _divider("jobs", "Run"),
        _button(
            "analyse", "Analyse",
            "Track the driver, and a target that moves, again. Preview and Render track by themselves when necessary.",
        ),
        _button("preview", "Preview frame", "Render the frame in the viewer and show it.", joined=True),
        _button("render", "Render", "Render the frame range and show the result.", joined=True),
        _button("cancel", "Cancel", "Stop the running job; frames that are written are kept.", joined=True),
        _button("farm", "Send to farm", "Write a job file and send it to the studio's farm.", joined=True),
        Item(
            "choice", PREFIX + "show", "show",
            "Output of the node: the target, the last preview, the rendered result, or the picture at the input plate, "
            "warped like the target (needs the layer stmap).",
            SHOW_CHOICES[0], SHOW_CHOICES,
        ),
        _button("show_log", "Show log", "Show the last lines of this session's log, and its path.", joined=True),
        Item("label", PREFIX + "status", "status", "", "Connect target and driver, name an output, press Render."),
        Item(
            "choice", PREFIX + "preset", "preset",
            "Sets of values for the knobs: the node's, the studio's and your own. Press Apply to use one.", "",
        ),
        _button("apply_preset", "Apply", "Set the knobs to the preset's values.", joined=True),
        _button("save_preset", "Save as...", "Save the present values as a preset.", joined=True),
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
            "The tracked driver. Empty: Analyse, Preview or Render write one beside the output. A file of "
            "'ofx-reenact track' is used as it is.",
        ),
        Item(
            "path", PREFIX + "target_performance", "target performance file",
            "The tracked target, if it moves. Empty: Analyse, Preview or Render write one beside the output. A file of "
            "'ofx-reenact track' of the target is used as it is.",
        ),
        _divider("landmarks", "Landmarks"),
        Item(
            "choice", PREFIX + "landmarks_of", "landmarks of",
            "Whose landmarks are exported and imported, and whose curves are shown. target: only if it moves.",
            "driver", ("driver", "target"),
        ),
        Item(
            "text", PREFIX + "landmark_frames", "frames",
            "Frames to export, as in 1001-1010 or 1001,1020. Empty: all.",
        ),
        _button(
            "export_landmarks", "Export landmarks",
            "Make a Tracker with the 68 landmarks. Move points there, then press Import landmarks.",
        ),
        _button(
            "import_landmarks", "Import landmarks",
            "Write a new performance with the points that you moved in the selected Tracker, or with those of a JSON "
            "file if no Tracker is selected.",
            joined=True,
        ),
        _divider("curves", "Curves"),
        _button("show_curves", "Show curves", "Show head rotation and blendshapes as curves on a new tab."),
        _button(
            "read_curves", "Read keys...",
            "Read a file of curves (JSON) and set the keys of strength, weights, gaze, neck and shading from it.",
            joined=True,
        ),
        _button(
            "save_curves", "Save keys...", "Write the knobs that have keys to a file of curves, for --curves.",
            joined=True,
        ),
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
