"""Every option of a render, once. Flags, knobs, job parameters and the sidecar are generated from here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.errors import SettingsError
from ofx_reenact.layers import LAYERS

SCHEMA = "ofx-reenact/settings/1"


def option(
    default: Any,
    text: str,
    group: str,
    *,
    choices: tuple[str, ...] = (),
    open: bool = False,
    low: float | None = None,
    high: float | None = None,
    path: bool = False,
    short: str = "",
) -> Any:
    """Declare one field of :class:`Settings` with what an interface needs to show and check it.

    ``open`` choices are offered, and other texts are taken as well.
    """
    metadata = {
        "help": text, "group": group, "choices": choices, "open": open, "low": low, "high": high, "path": path,
        "short": short,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def weight(region: str) -> Any:
    """Declare how much of the driver's motion one region takes."""
    return option(1.0, f"How much of the driver's motion {region} takes; 1 is all of it.", "Motion", low=0, high=2)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to render and how. Frozen and checked on construction; paths are as the user wrote them.

    Raises:
        SettingsError: a value is outside its choices or range, or a needed one is empty.
    """

    target: str = option("", "Picture of the person to animate.", "Inputs", path=True, short="t")
    driver: str = option("", "Performance to follow: sequence, video or still.", "Inputs", path=True, short="d")
    output: str = option("", "EXR sequence to write, as NAME.####.exr.", "Inputs", path=True, short="o")
    frames: str = option("", "Frames to render, as 1001-1010 or 1-20x2; empty renders all.", "Inputs", short="f")
    target_frame: int | None = option(None, "Frame of a target sequence to use; the first if not given.", "Inputs")
    performance: str = option(
        "",
        "Performance file: read if it exists, else written after the driver is tracked.",
        "Inputs",
        path=True,
    )
    identity: str = option("", "Identity file of the target: read if it exists, else written.", "Inputs", path=True)
    weights: str = option("", "LD-Net weights (safetensors); the shipped ones if not given.", "Inputs", path=True)

    profile: str = option(
        "plate",
        "plate: the target's own pixels, carried at their resolution; paper: FD-GAN's whole portrait, 256 pixels "
        "wide, pasted back, as the paper does it, for comparison.",
        "FD-GAN",
        choices=("plate", "paper"),
    )
    repair: str = option(
        "on",
        "on: FD-GAN paints what the target does not show, the inside of an opening mouth; off: the warp alone.",
        "FD-GAN",
        choices=("on", "off"),
    )
    fdgan_weights: str = option(
        "", "FD-GAN weights of the profile; the shipped ones if not given.", "FD-GAN", path=True
    )
    appearance: tuple[str, ...] = option(
        (), "More pictures of the target for FD-GAN to know it by, separated by commas.", "FD-GAN", path=True
    )

    tracker: str = option(
        "mesh",
        "What finds the face: one of these, or one that an installed package registers.",
        "Tracking",
        choices=("mesh", "fan", "dlib", "file"),
        open=True,
    )
    landmarks: str = option(
        "", "Hand-placed landmarks of the driver (JSON), for tracker 'file'.", "Tracking", path=True
    )
    target_landmarks: str = option("", "Hand-placed landmarks of the target (JSON).", "Tracking", path=True)
    face: int = option(1, "Which face of the driver, by size; 1 is the largest.", "Tracking", low=1)
    target_face: int = option(1, "Which face of the target, by size; 1 is the largest.", "Tracking", low=1)
    smoothing: float = option(1.0, "Strength of the driver's smoothing; 0 is off.", "Tracking", low=0, high=5)

    motion: str = option(
        "relative",
        "relative: the driver's change from a reference frame; absolute: the driver's own expression and head "
        "rotation; locked: expression only, the target's head stays.",
        "Motion",
        choices=("relative", "absolute", "locked"),
    )
    retarget: str = option(
        "ldnet",
        "ldnet: the target's own landmarks doing what the driver does; copy: the driver's as they are, for comparison.",
        "Motion",
        choices=("ldnet", "copy"),
    )
    reference: int | None = option(None, "Driver's frame that means 'as in the target'; chosen if not given.", "Motion")
    weight_pose: float = weight("the head's rotation")
    weight_position: float = weight("the head's place and size")
    weight_jaw: float = weight("the jaw line")
    weight_mouth: float = weight("the mouth, with the nose,")
    weight_eye_right: float = weight("the person's right eye, lids and gaze,")
    weight_eye_left: float = weight("the person's left eye, lids and gaze,")
    weight_brow_right: float = weight("the person's right brow")
    weight_brow_left: float = weight("the person's left brow")
    neck: float = option(
        0.35, "How far below the chin the head's motion reaches, in face heights.", "Motion", low=0.05, high=2
    )

    layers: tuple[str, ...] = option(
        ("rgba",), "Layers to write, separated by commas.", "Output", choices=tuple(LAYERS)
    )
    colorspace: str = option("", "Colour space of the target; else its tag or its format's rule.", "Output")
    driver_colorspace: str = option("", "Colour space of the driver; else its tag or its format's rule.", "Output")
    depth: str = option(
        "auto",
        "Bits of the colour channels; auto is the target's.",
        "Output",
        choices=("auto", "half", "float"),
    )
    compression: str = option(
        "zip", "EXR compression.", "Output", choices=("none", "rle", "zips", "zip", "piz", "dwaa", "dwab")
    )
    existing: str = option(
        "error",
        "What to do with frames that are there and whole.",
        "Output",
        choices=("error", "skip", "overwrite"),
    )
    missing: str = option(
        "hold",
        "What to write where the driver has no frame or no face.",
        "Output",
        choices=("hold", "black", "error"),
    )
    preview: str = option("", "Also write a small mp4 to look at.", "Output", path=True)
    consent: str = option("", "Consent file (JSON) of the person shown, named in every frame.", "Output", path=True)

    device: str = option("auto", "Where the networks run.", "Engine", choices=("auto", "cpu", "cuda"))

    def __post_init__(self) -> None:
        """Check every value against its declaration."""
        for field in dataclasses.fields(self):
            check(field, getattr(self, field.name))

    def as_dict(self) -> dict[str, Any]:
        """Return all options as plain JSON-ready values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Build settings from plain values (a sidecar, a job); unknown names are errors."""
        names = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - names):
            raise SettingsError(f"unknown option {', '.join(unknown)}; known are {', '.join(sorted(names))}")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


def kind(field: dataclasses.Field[Any]) -> str:
    """Return what a field's values are: ``text``, ``int``, ``float``, ``choice``, ``choices`` or ``paths``.

    A number without a default is ``int`` and may be None. A ``text`` that has choices takes others as well.
    """
    if isinstance(field.default, tuple):
        return "choices" if field.metadata["choices"] else "paths"
    if isinstance(field.default, str):
        return "choice" if field.metadata["choices"] and not field.metadata["open"] else "text"
    return "float" if isinstance(field.default, float) else "int"


def describe() -> dict[str, Any]:
    """Return every option as plain JSON-ready values, in order, for interfaces that are made from them."""
    options = [
        {
            "name": field.name,
            "type": kind(field),
            "default": list(field.default) if isinstance(field.default, tuple) else field.default,
            "help": field.metadata["help"],
            "group": field.metadata["group"],
            "choices": list(field.metadata["choices"]),
            "low": field.metadata["low"],
            "high": field.metadata["high"],
            "path": field.metadata["path"],
        }
        for field in dataclasses.fields(Settings)
    ]
    return {"schema": SCHEMA, "version": __version__, "options": options}


def check(field: dataclasses.Field[Any], value: Any) -> None:
    """Compare one value with its declaration.

    Raises:
        SettingsError: it is of another type, or outside the choices or the range.
    """
    flag = "--" + field.name.replace("_", "-")
    choices, low, high = (field.metadata[k] for k in ("choices", "low", "high"))
    if not _is_of(kind(field), value) and not (value is None and field.default is None):
        raise SettingsError(f"{flag} {value!r}: give {_WANTED[kind(field)]}")
    chosen = value if isinstance(value, tuple) else (value,)
    if choices and not field.metadata["open"] and (not chosen or any(v not in choices for v in chosen)):
        raise SettingsError(f"{flag} {','.join(map(str, chosen))}: choose from {', '.join(choices)}")
    if value is None or isinstance(value, str | tuple):
        return
    if math.isnan(value) or (low is not None and value < low) or (high is not None and value > high):
        span = f"from {low:g} to {high:g}" if high is not None else f"{low:g} or more"
        raise SettingsError(f"{flag} {value:g}: give a number {span}")


_WANTED = {
    "text": "text", "choice": "text", "int": "a whole number", "float": "a number",
    "choices": "a list of texts", "paths": "a list of texts",
}  # fmt: skip


def _is_of(wanted: str, value: Any) -> bool:
    if wanted in ("choices", "paths"):
        return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    if wanted in ("text", "choice"):
        return isinstance(value, str)
    return isinstance(value, int if wanted == "int" else int | float) and not isinstance(value, bool)
