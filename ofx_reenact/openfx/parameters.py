"""The plug-in's parameters, in one table: options of a render, and the plug-in's own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ofx_reenact.settings import describe

Kind = Literal["text", "file", "folder", "files", "frame", "number", "choice", "button", "status"]

# Options that are no parameters: the host's clips, frame range and render scale decide them, or they only affect files.
LEFT_OUT = (
    "output", "frames", "cast", "holdout", "mask", "proxy", "layers", "matte_erode", "matte_feather", "depth",
    "compression", "existing", "preview", "preview_sound", "sound", "sound_start", "consent",
)  # fmt: skip
# Parameters above all groups: what an editor needs first.
TOP = (
    "target", "driver", "folder", "analyse", "page", "status", "clip_offset", "clip_speed", "driver_start",
    "driver_speed", "strength",
)  # fmt: skip
# The groups in order, with their parameters. An option that is not listed comes last in the group that it declares.
ARRANGED: dict[str, tuple[str, ...]] = {
    "Inputs": ("target_frame", "performance", "target_performance", "identity"),
    "Motion": (
        "regions", "head", "perform", "motion", "retarget", "rest", "reference", "target_reference", "neck", "shading",
        "curves",
    ),
    "Gaze": ("gaze", "gaze_x", "gaze_y", "gaze_right_x", "gaze_right_y", "gaze_left_x", "gaze_left_y"),
    "Weights": (
        "weight_pose", "weight_position", "weight_jaw", "weight_mouth", "weight_eye_right", "weight_eye_left",
        "weight_brow_right", "weight_brow_left",
    ),
    "FD-GAN": ("profile", "repair", "teeth", "fdgan_weights", "parts", "appearance", "parts_file"),
    "Tracking": ("tracker", "landmarks", "face", "smoothing", "target_landmarks", "target_face"),
    "Colour": ("source_colorspace", "colorspace", "driver_colorspace", "layer", "driver_layer"),
    "Output": ("missing", "on_error"),
    "Engine": ("device", "python", "weights"),
}  # fmt: skip
# Ranges of sliders where the range of values is too wide for a slider; other values can be typed.
SLIDERS = {"driver_speed": (0.25, 4.0), "clip_speed": (0.25, 4.0), "clip_offset": (-2000.0, 2000.0)}

_NAMES = {"fdgan": "FD-GAN", "colorspace": "colour space"}


@dataclass(frozen=True)
class Parameter:
    """One parameter as a host shows it.

    Attributes:
        name: under which hosts store it; an option's parameter has the option's name.
        label: shown in the panel.
        help: shown as tooltip.
        kind: what its values are; ``frame`` is a whole number or empty, ``files`` are paths separated by commas.
        group: name of its group; empty above all groups.
        is_option: whether it is an option of a render.
        animatable: whether it can be keyed.
        first: default of a number; index of the default among choices.
        low, high: range of a number; infinite where there is no limit.
        shown_low, shown_high: range of its slider.
        text: default of a text.
        choices: values of a choice, which are also their labels.
    """

    name: str
    label: str
    help: str
    kind: Kind
    group: str = ""
    is_option: bool = False
    animatable: bool = False
    first: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    shown_low: float = -math.inf
    shown_high: float = math.inf
    text: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """A group of parameters; ``open``: whether it is unfolded at first."""

    name: str
    label: str
    open: bool = False


GROUPS = tuple(Group(f"group_{label.lower().replace('-', '_')}", label) for label in ARRANGED)


def parameters() -> tuple[Parameter, ...]:
    """Return all parameters in the order of the panel: those above the groups, then group by group.

    Raises:
        LookupError: an option is listed nowhere and declares a group that is not shown.
    """
    options = {option["name"]: option for option in describe()["options"] if option["name"] not in LEFT_OUT}
    arranged = {label: [*names] for label, names in ARRANGED.items()}
    named = {*TOP, *(name for names in ARRANGED.values() for name in names)}
    for name, option in options.items():
        if name not in named:
            arranged[option["group"]].append(name)
    places = [("", name) for name in TOP]
    places += [(group.name, name) for group in GROUPS for name in arranged[group.label]]
    return tuple(_of_option(options[name], group) if name in options else _own(name, group) for group, name in places)


def label_of(name: str) -> str:
    """Return an option's label: its name in words, with a capital letter."""
    words = " ".join(_NAMES.get(word, word) for word in name.split("_"))
    return words[0].upper() + words[1:]


def _of_option(option: dict[str, Any], group: str) -> Parameter:
    """Return the parameter of an option, given as ``describe`` returns it.

    Raises:
        LookupError: no kind of parameter has its type.
    """
    name, default, choices = option["name"], option["default"], tuple(option["choices"])
    kind, text, help_text, first = _kind(option), "", option["help"], 0.0
    if kind == "choice":
        first = float(choices.index(default))
    elif kind == "number":
        first = float(default)
    elif kind != "frame":
        text = ", ".join(default) if kind == "files" else default
    if kind == "text" and choices:
        # OpenFX menus cannot take other values as well, so this is a text, and the help lists the choices.
        help_text = f"{help_text.removesuffix('.')}: {', '.join(choices)}."
    low = -math.inf if option["low"] is None else float(option["low"])
    high = math.inf if option["high"] is None else float(option["high"])
    return Parameter(
        name, label_of(name), help_text, kind, group, True, option["animatable"], first, low, high,
        *SLIDERS.get(name, (low, high)), text, choices if kind == "choice" else (),
    )  # fmt: skip


def _kind(option: dict[str, Any]) -> Kind:
    """Return the kind of parameter for an option.

    Raises:
        LookupError: no kind of parameter has its type.
    """
    if option["type"] == "text":
        return "file" if option["path"] and not option["unless"] else "text"
    if option["type"] == "int" and (option["default"] is not None or option["choices"]):
        raise LookupError(f"{option['name']}: no parameter is a whole number with a default")
    kinds: dict[str, Kind] = {"paths": "files", "int": "frame", "float": "number", "choice": "choice"}
    return kinds[option["type"]]


def _own(name: str, group: str) -> Parameter:
    """Return one of the plug-in's own parameters, put into a group."""
    return next(Parameter(**{**one.__dict__, "group": group}) for one in OWN if one.name == name)


# The plug-in's own parameters; TOP and ARRANGED give their order.
OWN = (
    Parameter(
        "folder", "Folder", "Where Analyse writes its files: the tracked driver and target, and copies of the clips' "
        "frames if it needs any.", "folder",
    ),
    Parameter(
        "analyse", "Analyse", "Track the driver, and a target that moves, into files in Folder. Frames are rendered "
        "from them.", "button",
    ),
    Parameter(
        "page", "Open page", "Open the shot in a browser page on this machine. It closes with the host.", "button"
    ),
    Parameter(
        "status", "Status", "What the last button did.", "status", text="Name target, driver and folder, press Analyse."
    ),
    Parameter(
        "clip_offset", "Clip offset", "Frame number of the target at the host's time 0 (of the driver if the target is "
        "a still). The frame at a time is Clip offset + Clip speed x time, rounded.", "number",
        shown_low=SLIDERS["clip_offset"][0], shown_high=SLIDERS["clip_offset"][1],
    ),
    Parameter(
        "clip_speed", "Clip speed", "Frames of the target for each frame of the host. Not 1 where the clip is "
        "retimed.", "number", first=1.0, low=0.01, high=100.0, shown_low=SLIDERS["clip_speed"][0],
        shown_high=SLIDERS["clip_speed"][1],
    ),
    Parameter(
        "source_colorspace", "Source colour space", "Colour space of the host's pixels; if empty, that of the target's "
        "file.", "text",
    ),
    Parameter(
        "on_error", "On error", "What to output for a frame that cannot be rendered. fail: an error; plate: the "
        "source, unchanged.", "choice", choices=("fail", "plate"),
    ),
    Parameter(
        "python", "Python", "Python that ofx-reenact is installed in. If empty: the one that installed the plug-in, "
        "else OFX_REENACT_PYTHON, else python3.", "file",
    ),
)  # fmt: skip
