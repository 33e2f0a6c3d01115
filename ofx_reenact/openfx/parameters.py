"""What a host shows of the plug-in: one table, of the options of a render and of the plug-in's own parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ofx_reenact.settings import describe

Kind = Literal["text", "file", "folder", "files", "frame", "number", "choice", "button", "status"]

# Options that a host decides by its clips, its frame range and its render scale, or that only shape files.
LEFT_OUT = (
    "output", "frames", "cast", "holdout", "mask", "proxy", "layers", "matte_erode", "matte_feather", "depth",
    "compression", "existing", "preview", "preview_sound", "sound", "sound_start", "consent",
)  # fmt: skip
# What an editor needs, above all groups.
TOP = (
    "target", "driver", "folder", "analyse", "page", "status", "clip_offset", "clip_speed", "driver_start",
    "driver_speed", "strength",
)  # fmt: skip
# The groups in order, each with its parameters. An option that is named nowhere comes last in the group of its name.
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
# Ranges of sliders where that of the values is too wide for one; more can be typed.
SLIDERS = {"driver_speed": (0.25, 4.0), "clip_speed": (0.25, 4.0), "clip_offset": (-2000.0, 2000.0)}

_NAMES = {"fdgan": "FD-GAN", "colorspace": "colour space"}


@dataclass(frozen=True)
class Parameter:
    """One parameter as a host shows it.

    Attributes:
        name: by which hosts keep it; that of an option is the option's.
        label: what the panel says.
        help: the tooltip.
        kind: what its values are; ``frame`` is a whole number or nothing, ``files`` are paths with commas between.
        group: name of the group it is shown in; empty above all groups.
        is_option: whether it is an option of a render.
        animatable: whether it may have another value in each frame.
        first: default of a number; index of the default among choices.
        low, high: range of a number, infinite where it is open.
        shown_low, shown_high: range of its slider.
        text: default of a text.
        choices: words that may be chosen, which are also their labels.
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
    """A group of parameters; ``open`` is how it starts."""

    name: str
    label: str
    open: bool = False


GROUPS = tuple(Group(f"group_{label.lower().replace('-', '_')}", label) for label in ARRANGED)


def parameters() -> tuple[Parameter, ...]:
    """Return all parameters in the order of the panel: those above the groups, then group by group.

    Raises:
        LookupError: an option is of a group that no host shows, and no group names it.
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
    """Return what a panel calls an option: its words, the first with a capital letter."""
    words = " ".join(_NAMES.get(word, word) for word in name.split("_"))
    return words[0].upper() + words[1:]


def _of_option(option: dict[str, Any], group: str) -> Parameter:
    """Make the parameter of one option, as ``describe`` tells of it.

    Raises:
        LookupError: it is of a type that no parameter has.
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
        # Hosts have no menus that take other words as well.
        help_text = f"{help_text.removesuffix('.')}: {', '.join(choices)}."
    low = -math.inf if option["low"] is None else float(option["low"])
    high = math.inf if option["high"] is None else float(option["high"])
    return Parameter(
        name, label_of(name), help_text, kind, group, True, option["animatable"], first, low, high,
        *SLIDERS.get(name, (low, high)), text, choices if kind == "choice" else (),
    )  # fmt: skip


def _kind(option: dict[str, Any]) -> Kind:
    """Say what kind of parameter an option is.

    Raises:
        LookupError: it is of a type that no parameter has.
    """
    if option["type"] == "text":
        return "file" if option["path"] and not option["unless"] else "text"
    if option["type"] == "int" and (option["default"] is not None or option["choices"]):
        raise LookupError(f"{option['name']}: no parameter is a whole number with a default")
    kinds: dict[str, Kind] = {"paths": "files", "int": "frame", "float": "number", "choice": "choice"}
    return kinds[option["type"]]


def _own(name: str, group: str) -> Parameter:
    """Return one of the plug-in's own parameters, in a group."""
    return next(Parameter(**{**one.__dict__, "group": group}) for one in OWN if one.name == name)


# The plug-in's own, in no order.
OWN = (
    Parameter(
        "folder", "Folder", "Where Analyse keeps what it makes: the tracked driver and target, and the clips' frames "
        "where the plug-in has to write them.", "folder",
    ),
    Parameter(
        "analyse", "Analyse", "Track the driver, and a target that moves, into files of the folder. Renders read them.",
        "button",
    ),
    Parameter(
        "page", "Open page", "Work on the shot in a page of this machine's browser, which ends with the host.", "button"
    ),
    Parameter(
        "status", "Status", "What the last button did.", "status", text="Name target, driver and folder, press Analyse."
    ),
    Parameter(
        "clip_offset", "Clip offset", "Frame number of the target at the host's time 0; of the driver if the target is "
        "a still. The frame at a time is Clip offset + Clip speed x time, rounded.", "number",
        shown_low=SLIDERS["clip_offset"][0], shown_high=SLIDERS["clip_offset"][1],
    ),
    Parameter(
        "clip_speed", "Clip speed", "Frames of the target for a frame of the host; other than 1 where the clip is "
        "retimed.", "number", first=1.0, low=0.01, high=100.0, shown_low=SLIDERS["clip_speed"][0],
        shown_high=SLIDERS["clip_speed"][1],
    ),
    Parameter(
        "source_colorspace", "Source colour space", "Colour space of the pixels that the host hands over; that of the "
        "target's file if empty.", "text",
    ),
    Parameter(
        "on_error", "On error", "What a frame is that cannot be rendered. fail: an error; plate: the source as it is.",
        "choice", choices=("fail", "plate"),
    ),
    Parameter(
        "python", "Python", "Python that ofx-reenact is installed in. If empty: the one that installed the plug-in, "
        "else OFX_REENACT_PYTHON, else python3.", "file",
    ),
)  # fmt: skip
