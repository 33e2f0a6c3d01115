"""Every option of a render, once. Flags, knobs, job parameters and the sidecar are generated from here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.device import DEVICES
from ofx_reenact.errors import SettingsError
from ofx_reenact.layers import LAYERS
from ofx_reenact.settings.earlier import VALUES, as_named_now
from ofx_reenact.settings.face import NO_PATH, FaceChoice
from ofx_reenact.settings.option import Affects, Role, check, is_path, kind, option

SCHEMA = "ofx-reenact/settings/1"
# Degrees: no eye turns further.
FURTHEST = 60.0


def weight(region: str) -> Any:
    """Declare how much of the driver's motion one region takes."""
    text = f"How much of the driver's motion {region} takes; 1 is all of it."
    return option(1.0, text, "Motion", "pixels", low=0, high=2, animatable=True)


def turn(eye: str, way: str) -> Any:
    """Declare by how many degrees the gaze is turned by hand."""
    text = f"Degrees by which {eye} by hand to the picture's {way}, on top of --gaze."
    return option(0.0, text, "Motion", "pixels", low=-FURTHEST, high=FURTHEST, animatable=True)


def which_face(of: str, *affects: Affects) -> Any:
    """Declare which of several faces is meant, in the pictures of one."""
    text = (
        f"Which face of the {of}: by size, 1 is the largest; X,Y or X,Y@FRAME, where it is, in pixels, y down; or a "
        "picture of the person."
    )
    return option("1", text, "Tracking", *affects, path="read", unless=NO_PATH, form=FaceChoice.parse)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to render and how. Frozen and checked on construction; paths are as the user wrote them.

    Raises:
        SettingsError: a value is outside its choices or range, or a needed one is empty.
    """

    target: str = option(
        "", "Picture or footage of the person to animate; a sequence or video of several frames moves.", "Inputs",
        "person", path="read", short="t",
    )  # fmt: skip
    driver: str = option(
        "", "Performance to follow: sequence, video or still.", "Inputs", "track", path="read", short="d",
    )  # fmt: skip
    output: str = option("", "EXR sequence to write, as NAME.####.exr.", "Inputs", "output", path="written", short="o")
    frames: str = option(
        "", "Frames to render, as 1001-1010 or 1-20x2; empty renders all.", "Inputs", "output", short="f",
    )  # fmt: skip
    target_frame: int | None = option(
        None, "Take this one frame of a target sequence or video, as a still.", "Inputs", "person",
    )  # fmt: skip
    performance: str = option(
        "", "Performance file: read if it exists, else written after the driver is tracked.", "Inputs", "track",
        path="kept",
    )  # fmt: skip
    target_performance: str = option(
        "", "Performance file of a target that moves: read if it exists, else written after the target is tracked.",
        "Inputs", "person", path="kept",
    )  # fmt: skip
    identity: str = option(
        "", "Identity file of the target: read if it exists, else written.", "Inputs", "person", path="kept",
    )  # fmt: skip
    weights: str = option(
        "", "LD-Net weights (safetensors); the shipped ones if not given.", "Inputs", "person", "pixels",
        path="weights",
    )  # fmt: skip

    cast: str = option(
        "", "Cast file (JSON): several people of the target in one render, each with options of their own.", "Inputs",
        "pixels", path="read",
    )  # fmt: skip
    holdout: str = option(
        "", "Mattes, one for each frame of the result: where one is 1, the target stays as it is.", "Inputs", "content",
        path="read",
    )  # fmt: skip
    mask: str = option(
        "", "Mattes, one for each frame of the result: where one is 0, the target stays as it is.", "Inputs", "content",
        path="read",
    )  # fmt: skip

    profile: str = option(
        "warp", "warp: the target's own pixels, carried at their resolution; portrait: FD-GAN's whole portrait, 256 "
        "pixels wide, pasted back, as the paper does it, for comparison.", "FD-GAN", "person", "pixels",
        choices=("warp", "portrait"),
    )  # fmt: skip
    repair: str = option(
        "on", "on: FD-GAN paints what the target does not show, the inside of an opening mouth; off: the warp alone.",
        "FD-GAN", "person", "pixels", choices=("on", "off"),
    )  # fmt: skip
    teeth: str = option(
        "auto", "Teeth of a target that shows none: drawn: two rows behind its lips, fast on skull and jaw, and beside "
        "a still's own the dark; painted: as FD-GAN paints them; auto: painted where an identity was trained, else "
        "drawn.", "FD-GAN", "person", "pixels", choices=("auto", "drawn", "painted"),
    )  # fmt: skip
    fdgan_weights: str = option(
        "", "FD-GAN weights of the profile; the shipped ones if not given.", "FD-GAN", "person", "pixels",
        path="weights",
    )  # fmt: skip
    appearance: tuple[str, ...] = option(
        (), "More pictures and footage of the person, separated by commas: FD-GAN knows it by them, and mouth and eyes "
        "are taken from them where the target does not show them as they are wanted.", "FD-GAN", "person", path="read",
    )  # fmt: skip
    parts: str = option(
        "on", "on: mouth and eyes come from another frame of the target, or from --appearance, where it shows them "
        "better; off: each frame from itself.", "FD-GAN", "pixels", choices=("on", "off"),
    )  # fmt: skip
    parts_file: str = option(
        "", "File (JSON) that says which frame each part comes from: read if it exists, else written.", "FD-GAN",
        "pixels", path="kept",
    )  # fmt: skip

    tracker: str = option(
        "mesh", "What finds the face: one of these, or one that an installed package registers.", "Tracking", "track",
        "person", choices=("mesh", "fan", "dlib", "file"), open=True,
    )  # fmt: skip
    landmarks: str = option(
        "", "Hand-placed landmarks of the driver (JSON), for tracker 'file'.", "Tracking", "track", path="read",
    )  # fmt: skip
    target_landmarks: str = option("", "Hand-placed landmarks of the target (JSON).", "Tracking", "person", path="read")
    face: str = which_face("driver", "track")
    target_face: str = which_face("target", "person")
    smoothing: float = option(
        1.0, "Strength of smoothing, of the driver and of a target that moves; 0 is off.", "Tracking", "track", low=0,
        high=5,
    )  # fmt: skip

    motion: str = option(
        "relative", "relative: the driver's change from a reference frame; absolute: the driver's own expression and "
        "head rotation; locked: expression only, the target's head stays.", "Motion", "pixels",
        choices=("relative", "absolute", "locked"),
    )  # fmt: skip
    retarget: str = option(
        "ldnet",
        "ldnet: the target's own landmarks doing what the driver does, so strongly that it arrives whole; for "
        "comparison, uncalibrated: as LD-Net alone gives it, and copy: the driver's landmarks as they are.",
        "Motion", "pixels", choices=("ldnet", "uncalibrated", "copy"),
    )  # fmt: skip
    rest: str = option(
        "frame", "What rest is. frame: the driver's frame at rest means the target as it is; auto: a mouth that "
        "smiles, shouts or bares its teeth at rest, the driver's or the target's, is calm where the driver is.",
        "Motion", "pixels", choices=("frame", "auto"),
    )  # fmt: skip
    reference: int | None = option(
        None, "Driver's frame at rest, which means 'as in a still target'; chosen if not given.", "Motion", "pixels",
    )  # fmt: skip
    target_reference: int | None = option(
        None, "Frame of a target that moves in which the person is at rest; the calmest frames if not given.", "Motion",
        "person",
    )  # fmt: skip
    driver_start: int | None = option(
        None, "Driver's frame that belongs to the first frame of a target that moves; the driver's first if not given.",
        "Motion", "pixels",
    )  # fmt: skip
    driver_speed: float = option(
        1.0, "Frames of the driver for a frame of a target that moves.", "Motion", "pixels", low=0.01, high=100,
    )  # fmt: skip
    perform: str = option(
        "replace", "What becomes of a moving target's own performance. replace: the driver's takes its place; add: the "
        "driver's comes on top.", "Motion", "pixels", choices=("replace", "add"),
    )  # fmt: skip
    head: str = option(
        "auto", "Whose head motion. plate: the target's own; driver: the driver's, on top of the target's own if it "
        "moves; auto: plate for a target that moves, driver for a still.", "Motion", "pixels",
        choices=("auto", "plate", "driver"),
    )  # fmt: skip
    regions: str = option(
        "all", "What performs, by the weights; the rest stays the target's own. dialogue: jaw and mouth; eyes: lids, "
        "gaze; expression: the whole face, the head not; all: the head, too.", "Motion", "pixels",
        choices=("all", "dialogue", "eyes", "expression"),
    )  # fmt: skip
    strength: float = option(
        1.0, "Strength of the whole face's performance; the weights of regions count within it.", "Motion", "pixels",
        low=0, high=2, animatable=True,
    )  # fmt: skip
    weight_pose: float = weight("the head's rotation")
    weight_position: float = weight("the head's place and size")
    weight_jaw: float = weight("the jaw line")
    weight_mouth: float = weight("the mouth, with the nose,")
    weight_eye_right: float = weight("the person's right eye, lids and gaze,")
    weight_eye_left: float = weight("the person's left eye, lids and gaze,")
    weight_brow_right: float = weight("the person's right brow")
    weight_brow_left: float = weight("the person's left brow")
    gaze: str = option(
        "follow", "Where the eyes look. follow: as the driver's do; keep: as the target's own do; lock: on, in the "
        "picture, to where they look at rest, whatever the head does.", "Motion", "pixels",
        choices=("follow", "keep", "lock"),
    )  # fmt: skip
    gaze_x: float = turn("both eyes are turned", "right")
    gaze_y: float = turn("both eyes are turned", "top")
    gaze_right_x: float = turn("the person's right eye is turned", "right")
    gaze_right_y: float = turn("the person's right eye is turned", "top")
    gaze_left_x: float = turn("the person's left eye is turned", "right")
    gaze_left_y: float = turn("the person's left eye is turned", "top")
    neck: float = option(
        0.35, "How far below the chin the head's motion reaches, in face heights.", "Motion", "pixels", low=0.05,
        high=2, animatable=True,
    )  # fmt: skip

    shading: float = option(
        1.0, "How far light on the skin follows the expression: cheeks, folds beside the mouth; 0 leaves it as "
        "it is.", "Motion", "pixels", low=0, high=2, animatable=True,
    )  # fmt: skip
    curves: str = option(
        "", "Curves (JSON) of strength, weights, gaze, neck and shading over the frames of the result; they take the "
        "place of the numbers.", "Motion", "pixels", path="read",
    )  # fmt: skip

    proxy: int = option(
        1, "1: the target's resolution; 2 or 4: half or a quarter of it, the same framing, for previews.", "Output",
        "content", choices=(1, 2, 4),
    )  # fmt: skip
    layers: tuple[str, ...] = option(
        ("rgba",), "Layers to write, separated by commas.", "Output", "content", choices=tuple(LAYERS),
    )  # fmt: skip
    matte_erode: float = option(
        0.0, "Pixels of the plate that the edge of the layer matte is drawn in by; negative lets it out.", "Output",
        "content", low=-200, high=200,
    )  # fmt: skip
    matte_feather: float = option(
        0.0, "Pixels of the plate, inside and outside, over which the layer matte is softened after that.", "Output",
        "content", low=0, high=200,
    )  # fmt: skip
    colorspace: str = option("", "Colour space of the target; else its tag or its format's rule.", "Output", "person")
    driver_colorspace: str = option(
        "", "Colour space of the driver; else its tag or its format's rule.", "Output", "track",
    )  # fmt: skip
    layer: str = option(
        "", "Layer of the target's EXR that is the picture; else the plain R, G, B or the one named like a picture.",
        "Output", "person",
    )  # fmt: skip
    driver_layer: str = option("", "Layer of the driver's EXR that is the picture.", "Output", "track")
    depth: str = option(
        "auto", "Bits of the colour channels; auto is the target's.", "Output", "content",
        choices=("auto", "half", "float"),
    )  # fmt: skip
    compression: str = option(
        "zip", "EXR compression.", "Output", "output", choices=("none", "rle", "zips", "zip", "piz", "dwaa", "dwab"),
    )  # fmt: skip
    existing: str = option(
        "error", "What to do with frames that are there and whole.", "Output", "output",
        choices=("error", "skip", "overwrite"),
    )  # fmt: skip
    missing: str = option(
        "hold", "What to write where the driver has no frame or no face.", "Output", "content",
        choices=("hold", "black", "error"),
    )  # fmt: skip
    preview: str = option("", "Also write a small mp4 to look at.", "Output", "output", path="written")
    preview_sound: str = option(
        "auto", "Whose sound the preview has. driver: the driver's; target: that of a target that moves; none: none; "
        "auto: the driver's, and the target's where the driver has none or the mouth does not perform.", "Output",
        "output", choices=("auto", "driver", "target", "none"),
    )  # fmt: skip
    sound: str = option(
        "", "Sound of the preview: a sound file or a video, in place of the driver's or the target's.", "Output",
        "output", path="read",
    )  # fmt: skip
    sound_start: int | None = option(
        None, "Frame of the result at which --sound begins; the shot's first if not given.", "Output", "output",
    )  # fmt: skip
    consent: str = option(
        "", "Consent file (JSON) of the person shown, named in every frame.", "Output", "output", path="read",
    )  # fmt: skip

    device: str = option(
        "auto", "Where the networks run and the picture is warped.", "Engine", "track", "person", "pixels",
        choices=DEVICES,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Check every value against its declaration."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            # Faces were whole numbers once, and are in files of that time.
            if field.metadata["form"] == FaceChoice.parse and type(value) is int:
                object.__setattr__(self, field.name, str(value))
            check(field, getattr(self, field.name))

    def as_dict(self) -> dict[str, Any]:
        """Return all options as plain JSON-ready values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Build settings from plain values (a sidecar, a job); unknown names are errors."""
        values, names = as_named_now(values), {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - names):
            said = ", ".join(name[:40] for name in unknown[:5])
            raise SettingsError(f"unknown option {said}; known are {', '.join(sorted(names))}")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


def names_affecting(*what: Affects) -> tuple[str, ...]:
    """Return the options that affect any of these, in order."""
    return tuple(f.name for f in dataclasses.fields(Settings) if set(what) & set(f.metadata["affects"]))


def names_of_paths(*roles: Role) -> tuple[str, ...]:
    """Return the options whose values are, or may be, paths of any of these roles, in order."""
    return tuple(f.name for f in dataclasses.fields(Settings) if f.metadata["path"] in roles)


def paths_in(values: Mapping[str, Any], *roles: Role) -> list[str]:
    """Return the paths of any of these roles among options' values, in order; empty ones are left out."""
    said = [(field, values[field.name]) for field in dataclasses.fields(Settings) if field.name in values]
    return [
        path
        for field, value in said
        if field.metadata["path"] in roles
        for path in ((value,) if isinstance(value, str) else value)
        if is_path(field, path)
    ]


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
            "earlier": dict(VALUES.get(field.name, {})),
            "low": field.metadata["low"],
            "high": field.metadata["high"],
            "path": bool(field.metadata["path"]),
            "animatable": field.metadata["animatable"],
            "unless": field.metadata["unless"],
            "affects": list(field.metadata["affects"]),
        }
        for field in dataclasses.fields(Settings)
    ]
    return {"schema": SCHEMA, "version": __version__, "options": options}
