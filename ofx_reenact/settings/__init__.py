"""Every option of a render, once. The command line, panels, job parameters and the sidecar are generated from here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.device import DEVICES
from ofx_reenact.errors import SettingsError
from ofx_reenact.layers import LAYERS
from ofx_reenact.settings.earlier_names import VALUES, as_named_now
from ofx_reenact.settings.face import NO_PATH, FaceChoice
from ofx_reenact.settings.option import Affects, PathRole, check, is_path, kind, option

SCHEMA = "ofx-reenact/settings/1"
# Degrees that an eye may be turned by; no eye turns further.
FURTHEST = 60.0
_RIGHT, _UP = "positive to the right of the picture", "positive upwards, and the lids follow"


def weight(motion: str) -> Any:
    """Declare the weight of the driver's motion in one region."""
    text = f"Weight of {motion}: 0 keeps the target's own, 1 takes the driver's, 2 doubles the change."
    return option(1.0, text, "Motion", "pixels", low=0, high=2, animatable=True)


def turn(eye: str, direction: str, added_to: str) -> Any:
    """Declare an angle by which eyes are turned by hand."""
    text = f"Degrees by which {eye} turned, {direction}; added to {added_to}."
    return option(0.0, text, "Motion", "pixels", low=-FURTHEST, high=FURTHEST, animatable=True)


def which_face(of: str, *affects: Affects) -> Any:
    """Declare which of several faces in the pictures of driver or target is used."""
    text = (
        f"Which face of the {of}, where there are several. A number: by size, 1 is the largest. X,Y or X,Y@FRAME: its "
        "position in pixels, y down. A file: a picture of the person. That person is followed through the shot."
    )
    return option("1", text, "Tracking", *affects, path="read", unless=NO_PATH, form=FaceChoice.parse)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to render and how. Frozen, and checked on construction; paths are as the user wrote them.

    Raises:
        SettingsError: a value has another type, or is outside its choices or range.
    """

    target: str = option(
        "", "Person to animate: a picture (a still), or a sequence or video, which moves. A target that moves needs "
        "every frame of its range, all of one size and format.", "Inputs", "person", path="read", short="t",
    )  # fmt: skip
    driver: str = option(
        "", "Performance to transfer to the target: an image sequence (NAME.####.exr), a video (its first frame is 1) "
        "or a still. Not needed if the performance file exists.", "Inputs", "track", path="read", short="d",
    )  # fmt: skip
    output: str = option(
        "", "EXR sequence to write, as NAME.####.exr. Each # is one digit of the frame number; %04d is the same as "
        "####.", "Inputs", "output", path="written", short="o",
    )  # fmt: skip
    frames: str = option(
        "", "Frames to render, as 1001-1010, 1-20x2 (every second) or 1,5,9; all if empty. Frames have the numbers of "
        "a target that moves, else the driver's.", "Inputs", "output", short="f",
    )  # fmt: skip
    target_frame: int | None = option(
        None, "Number of the one frame of a target sequence or video to use, as a still. Without it, all frames are "
        "used and the target moves.", "Inputs", "person",
    )  # fmt: skip
    performance: str = option(
        "", "Tracked driver (.npz). If the file exists it is read, and no driver is needed; else the driver is tracked "
        "and the file is written. Chunks of a job share it.", "Inputs", "track", path="read_or_written",
    )  # fmt: skip
    target_performance: str = option(
        "", "Tracked target that moves (.npz). If the file exists it is read; else the target is tracked and the file "
        "is written. Chunks of a job share it.", "Inputs", "person", path="read_or_written",
    )  # fmt: skip
    identity: str = option(
        "", "Identity of the target (.safetensors): what LD-Net and FD-GAN know of the face. If the file exists it is "
        "read; else it is computed and written.", "Inputs", "person", path="read_or_written",
    )  # fmt: skip
    weights: str = option(
        "", "LD-Net weights of your own (.safetensors); the shipped weights if empty.", "Inputs", "person", "pixels",
        path="weights",
    )  # fmt: skip

    cast: str = option(
        "", "Cast file (JSON): several people of the target in one render, each with a driver and options of their "
        "own.", "Inputs", "pixels", path="read",
    )  # fmt: skip
    holdout: str = option(
        "", "Mattes that protect the target: where a matte is 1, the target stays unchanged in all layers. One for "
        "each frame of the result, with its number, or a single picture for all frames.", "Inputs", "content",
        path="read",
    )  # fmt: skip
    mask: str = option(
        "", "Mattes that limit the result: where a matte is 0, the target stays unchanged in all layers. One for each "
        "frame of the result, with its number, or a single picture for all frames.", "Inputs", "content", path="read",
    )  # fmt: skip

    profile: str = option(
        "warp", "warp: the target's own pixels are warped at their own resolution. portrait: FD-GAN draws the whole "
        "face at the size of its weights (64 pixels with the shipped ones) and it is pasted back, as in the paper; for "
        "comparison.", "FD-GAN", "person", "pixels", choices=("warp", "portrait"),
    )  # fmt: skip
    repair: str = option(
        "on", "on: FD-GAN paints the inside of a mouth that opens further than the target shows. off: the inside stays "
        "dark.", "FD-GAN", "person", "pixels", choices=("on", "off"),
    )  # fmt: skip
    teeth: str = option(
        "auto", "Teeth of a person who shows none in any picture. drawn: two rows of teeth behind the lips; beside "
        "teeth that a still shows, what is new stays dark. painted: as FD-GAN paints them. auto: painted if the "
        "identity was trained on the person, else drawn.", "FD-GAN", "person", "pixels",
        choices=("auto", "drawn", "painted"),
    )  # fmt: skip
    fdgan_weights: str = option(
        "", "FD-GAN weights of your own (.safetensors), of the same profile; the shipped weights if empty.", "FD-GAN",
        "person", "pixels", path="weights",
    )  # fmt: skip
    appearance: tuple[str, ...] = option(
        (), "More pictures and footage of the same person, separated by commas; best with one that shows the teeth. "
        "FD-GAN learns the person's looks from them, and mouth and eyes are taken from them where the target does not "
        "show them as needed.", "FD-GAN", "person", path="read",
    )  # fmt: skip
    parts: str = option(
        "on", "on: mouth and eyes come from another frame of the target, or from the appearance pictures, where one "
        "shows them better. off: each frame uses its own.", "FD-GAN", "pixels", choices=("on", "off"),
    )  # fmt: skip
    parts_file: str = option(
        "", "Which frame each mouth and eye is taken from (JSON). If the file exists it is read, so it may be edited; "
        "else it is written. Chunks of a job share it.", "FD-GAN", "pixels", path="read_or_written",
    )  # fmt: skip

    tracker: str = option(
        "mesh", "Tracker that finds the face. mesh: 478 points by Face Mesh; fan, dlib: 68 points; file: points placed "
        "by hand. Target and driver need the same one. Give the name of a tracker that an installed package registers, "
        "or one of these.", "Tracking", "track", "person", choices=("mesh", "fan", "dlib", "file"), open=True,
    )  # fmt: skip
    landmarks: str = option(
        "", "Landmarks of the driver placed by hand (JSON), for the tracker 'file'.", "Tracking", "track", path="read",
    )  # fmt: skip
    target_landmarks: str = option(
        "", "Landmarks of the target placed by hand (JSON); they replace those that the tracker finds.", "Tracking",
        "person", path="read",
    )  # fmt: skip
    face: str = which_face("driver", "track")
    target_face: str = which_face("target", "person")
    smoothing: float = option(
        1.0, "Strength of smoothing over time, for the driver and a target that moves: 1 is usual, 0 is off.",
        "Tracking", "track", low=0, high=5,
    )  # fmt: skip

    motion: str = option(
        "relative", "relative: the target does what the driver changes since a reference frame. absolute: the driver's "
        "own expression and head rotation, whatever the target shows. locked: expression only; the target's head stays "
        "where it is.", "Motion", "pixels", choices=("relative", "absolute", "locked"),
    )  # fmt: skip
    retarget: str = option(
        "ldnet", "ldnet: the motion in the target's own way, at full strength. uncalibrated: LD-Net alone, whose "
        "motion is too weak. copy: the driver's landmarks without LD-Net. The last two are for comparison.", "Motion",
        "pixels", choices=("ldnet", "uncalibrated", "copy"),
    )  # fmt: skip
    rest: str = option(
        "frame", "What the driver's frame at rest stands for. frame: the target as it is. auto: the same, but a mouth "
        "that smiles, shouts or shows its teeth at rest, the driver's or the target's, becomes calm where the driver "
        "is calm.", "Motion", "pixels", choices=("frame", "auto"),
    )  # fmt: skip
    reference: int | None = option(
        None, "Frame in which the driver is at rest; for a still, this frame means 'as in the target'. Chosen "
        "automatically if not given.", "Motion", "pixels",
    )  # fmt: skip
    target_reference: int | None = option(
        None, "Frame of a target that moves in which the person is at rest. If not given, the mean of the calmest "
        "frames is used.", "Motion", "person",
    )  # fmt: skip
    driver_start: int | None = option(
        None, "Frame of the driver that belongs to the first frame of a target that moves; the driver's own first "
        "frame if not given.", "Motion", "pixels",
    )  # fmt: skip
    driver_speed: float = option(
        1.0, "Frames of the driver that pass in one frame of a target that moves. Between two frames of the driver the "
        "motion is interpolated.", "Motion", "pixels", low=0.01, high=100,
    )  # fmt: skip
    perform: str = option(
        "replace", "What happens to the performance that a moving target has already. replace: the driver's takes its "
        "place. add: the driver's is added to it.", "Motion", "pixels", choices=("replace", "add"),
    )  # fmt: skip
    head: str = option(
        "auto", "Whose head motion the result has. plate: the target's own. driver: the driver's, added to the "
        "target's own if it moves. auto: plate for a target that moves, driver for a still.", "Motion", "pixels",
        choices=("auto", "plate", "driver"),
    )  # fmt: skip
    regions: str = option(
        "all", "Which regions perform; the rest keeps the target's own motion. dialogue: jaw and mouth. eyes: lids and "
        "gaze. expression: the whole face without the head. all: face and head. The weights of the regions count "
        "within this.", "Motion", "pixels", choices=("all", "dialogue", "eyes", "expression"),
    )  # fmt: skip
    strength: float = option(
        1.0, "Strength of the whole face's performance: 0 is none, 1 all of it, 2 twice as much. Multiplied with the "
        "weights of the face's regions; it does not change the head's motion.", "Motion", "pixels", low=0, high=2,
        animatable=True,
    )  # fmt: skip
    weight_pose: float = weight("the head's rotation")
    weight_position: float = weight("the head's position and size")
    weight_jaw: float = weight("the jaw line's motion")
    weight_mouth: float = weight("the motion of mouth and nose")
    weight_eye_right: float = weight("the motion of the person's right eye (lids and gaze)")
    weight_eye_left: float = weight("the motion of the person's left eye (lids and gaze)")
    weight_brow_right: float = weight("the motion of the person's right brow")
    weight_brow_left: float = weight("the motion of the person's left brow")
    gaze: str = option(
        "follow", "Where the eyes look. follow: as the driver's eyes do. keep: as the target's own do. lock: at the "
        "place in the picture that they look at when at rest, whatever the head does.", "Motion", "pixels",
        choices=("follow", "keep", "lock"),
    )  # fmt: skip
    gaze_x: float = turn("both eyes are", _RIGHT, "the direction that gaze gives")
    gaze_y: float = turn("both eyes are", _UP, "the direction that gaze gives")
    gaze_right_x: float = turn("the person's right eye is", _RIGHT, "the turn of both eyes")
    gaze_right_y: float = turn("the person's right eye is", _UP, "the turn of both eyes")
    gaze_left_x: float = turn("the person's left eye is", _RIGHT, "the turn of both eyes")
    gaze_left_y: float = turn("the person's left eye is", _UP, "the turn of both eyes")
    neck: float = option(
        0.35, "How far below the chin the head's motion reaches, in heights of the face.", "Motion", "pixels", low=0.05,
        high=2, animatable=True,
    )  # fmt: skip

    shading: float = option(
        1.0, "How strongly the light on the skin follows the expression (raised cheeks, folds beside the mouth): 1 is "
        "usual, 0 leaves the target's light as it is.", "Motion", "pixels", low=0, high=2, animatable=True,
    )  # fmt: skip
    curves: str = option(
        "", "Curves file (JSON): values of strength, weights, gaze angles, neck and shading for each frame of the "
        "result. They replace the constant values.", "Motion", "pixels", path="read",
    )  # fmt: skip

    proxy: int = option(
        1, "Resolution of a preview in the same framing. 1: the target's resolution; 2: half of it; 4: a quarter. "
        "Tracking is always done at the full resolution.", "Output", "content", choices=(1, 2, 4),
    )  # fmt: skip
    layers: tuple[str, ...] = option(
        ("rgba",), "Layers to write into each frame's file, separated by commas.", "Output", "content",
        choices=tuple(LAYERS),
    )  # fmt: skip
    matte_erode: float = option(
        0.0, "Pixels of the target by which the edge of the written layer 'matte' moves inwards; negative moves it "
        "outwards. The picture does not change.", "Output", "content", low=-200, high=200,
    )  # fmt: skip
    matte_feather: float = option(
        0.0, "Pixels of the target, inwards and outwards, over which the edge of the written layer 'matte' is softened "
        "after that. The picture does not change.", "Output", "content", low=0, high=200,
    )  # fmt: skip
    colorspace: str = option(
        "", "Colour space of the target, as a name, alias or role of the OCIO config. If empty: the file's tag, else "
        "the rule for its format.", "Output", "person",
    )  # fmt: skip
    driver_colorspace: str = option(
        "", "Colour space of the driver, as a name, alias or role of the OCIO config. If empty: the file's tag, else "
        "the rule for its format.", "Output", "track",
    )  # fmt: skip
    layer: str = option(
        "", "Layer of the target's EXR to use as the picture. If empty: the channels R, G, B, else the layer whose "
        "name says that it is the picture, as rgba or beauty.", "Output", "person",
    )  # fmt: skip
    driver_layer: str = option(
        "", "Layer of the driver's EXR to use as the picture. If empty: the channels R, G, B, else the layer whose "
        "name says that it is the picture, as rgba or beauty.", "Output", "track",
    )  # fmt: skip
    depth: str = option(
        "auto", "Type of the colour channels that are written. auto: as in the target's file; half: 16-bit float; "
        "float: 32-bit float.", "Output", "content", choices=("auto", "half", "float"),
    )  # fmt: skip
    compression: str = option(
        "zip", "Compression of the EXR files. dwaa and dwab change pixels slightly; the others keep them exactly.",
        "Output", "output", choices=("none", "rle", "zips", "zip", "piz", "dwaa", "dwab"),
    )  # fmt: skip
    existing: str = option(
        "error", "Frames of the output that exist already. error: stop before anything is rendered. skip: keep those "
        "that decode completely, render the others. overwrite: render all.", "Output", "output",
        choices=("error", "skip", "overwrite"),
    )  # fmt: skip
    missing: str = option(
        "hold", "Frames in which the driver is missing or shows no face. hold: the last face stays (gaps of up to 12 "
        "frames are bridged). black: a black frame. error: stop. Where a moving target shows no face itself, it stays "
        "unchanged.", "Output", "content", choices=("hold", "black", "error"),
    )  # fmt: skip
    preview: str = option("", "Also write a small mp4 of the result to look at.", "Output", "output", path="written")
    preview_sound: str = option(
        "auto", "Whose sound the preview has. driver: the driver's. target: that of a target that moves. none: no "
        "sound. auto: the driver's, or the target's if the driver has none or the mouth does not perform.", "Output",
        "output", choices=("auto", "driver", "target", "none"),
    )  # fmt: skip
    sound: str = option(
        "", "Sound file, or video with sound, for the preview; it replaces the driver's or the target's sound.",
        "Output", "output", path="read",
    )  # fmt: skip
    sound_start: int | None = option(
        None, "Frame of the result at which the sound file begins; the first frame of the shot if not given.", "Output",
        "output",
    )  # fmt: skip
    consent: str = option(
        "", "Consent file (JSON) of the person shown. Its identifier is written into every frame.", "Output", "output",
        path="read",
    )  # fmt: skip

    device: str = option(
        "auto", "Where the networks run and the picture is warped; eyes, mouth and lids are always drawn on the CPU. "
        "auto: cuda if there is one, else cpu.", "Engine", "track", "person", "pixels", choices=DEVICES,
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Check every value against its declaration."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            # Earlier versions wrote faces as whole numbers.
            if field.metadata["form"] == FaceChoice.parse and type(value) is int:
                object.__setattr__(self, field.name, str(value))
            check(field, getattr(self, field.name))

    def as_dict(self) -> dict[str, Any]:
        """Return all options as plain JSON-ready values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Build settings from plain values, as of a sidecar or a job; names and values of earlier versions work.

        Raises:
            SettingsError: an option is unknown, or its value cannot be used.
        """
        values, names = as_named_now(values), {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - names):
            listed = ", ".join(name[:40] for name in unknown[:5])
            raise SettingsError(f"unknown option {listed}; known are {', '.join(sorted(names))}")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


def names_affecting(*what: Affects) -> tuple[str, ...]:
    """Return the names of the options that affect any of these, in the order of declaration."""
    return tuple(f.name for f in dataclasses.fields(Settings) if set(what) & set(f.metadata["affects"]))


def names_of_paths(*roles: PathRole) -> tuple[str, ...]:
    """Return the names of the options whose values are, or may be, paths of any of these roles, in order."""
    return tuple(f.name for f in dataclasses.fields(Settings) if f.metadata["path"] in roles)


def paths_in(values: Mapping[str, Any], *roles: PathRole) -> list[str]:
    """Return the paths of any of these roles among the values of options, in order; empty ones are left out."""
    given = [(field, values[field.name]) for field in dataclasses.fields(Settings) if field.name in values]
    return [
        path
        for field, value in given
        if field.metadata["path"] in roles
        for path in ((value,) if isinstance(value, str) else value)
        if is_path(field, path)
    ]


def describe() -> dict[str, Any]:
    """Describe every option in plain JSON-ready values, in order, for interfaces that are generated from them."""
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
