"""Options over the frames of a result: a number that holds for all of them, or a curve that a person drew."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import read_json
from ofx_reenact.settings import FURTHEST, Settings
from ofx_reenact.settings.option import check

SCHEMA = "ofx-reenact/curves/1"
# What a file of turns of the gaze was before: {"frames": {"1001": [x, y]}}, in degrees.
GAZE_SCHEMA = "ofx-reenact/gaze/1"
INTERPOLATIONS = ("constant", "linear", "smooth")
ANIMATABLE = {field.name: field for field in dataclasses.fields(Settings) if field.metadata["animatable"]}
# MiB of a file: some 20,000 frames of every option.
_LARGEST = 32
_KEYS = '{"interpolation": "linear", "frames": {"1001": 0, "1010": 1}}'


@dataclass(frozen=True)
class Curve:
    """Keys of one option: frames (N,), ascending, and values (N,); between them it is interpolated, beyond it is held.

    ``constant`` keeps a key's value until the next, ``linear`` goes straight, ``smooth`` comes and goes softly and is
    never beyond the two keys that it is between.
    """

    frames: np.ndarray
    values: np.ndarray
    interpolation: str = "linear"

    def at(self, frames: np.ndarray) -> np.ndarray:
        """Return its values in frames (T,), (T,) float64."""
        inside = np.clip(frames, self.frames[0], self.frames[-1])
        if self.interpolation == "constant" or len(self.frames) == 1:
            return np.asarray(self.values[np.searchsorted(self.frames, inside, side="right") - 1])
        if self.interpolation == "linear":
            return np.interp(inside, self.frames, self.values)
        return np.asarray(PchipInterpolator(self.frames, self.values)(inside))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, as a file has them."""
        keys = zip(self.frames.tolist(), self.values.tolist(), strict=True)
        return {"interpolation": self.interpolation, "frames": {int(frame): value for frame, value in keys}}


@dataclass(frozen=True)
class Animated:
    """What the options of a render are in each of its frames (T,)."""

    settings: Settings
    frames: np.ndarray
    curves: Mapping[str, Curve]

    def of(self, name: str) -> np.ndarray:
        """Return an option's values, (T,) float64."""
        if name in self.curves:
            return self.curves[name].at(self.frames)
        return np.full(len(self.frames), float(getattr(self.settings, name)))

    @cached_property
    def gaze(self) -> np.ndarray:
        """Turns of the gaze by hand, (T, 2, 2) degrees: right and left eye; to the picture's right and up."""
        both = np.stack([self.of("gaze_x"), self.of("gaze_y")], -1)
        each = [np.stack([self.of(f"gaze_{eye}_x"), self.of(f"gaze_{eye}_y")], -1) for eye in ("right", "left")]
        return np.clip(both[:, None] + np.stack(each, 1), -FURTHEST, FURTHEST)


def animate(settings: Settings, frames: Iterable[int]) -> Animated:
    """Read what the options are in the frames of a result: their numbers, and the curves that take their place.

    Raises:
        SettingsError: the file of curves is none, or says what an option cannot be.
    """
    curves = read_curves(Path(settings.curves)) if settings.curves else {}
    return Animated(settings, np.array(list(frames), np.float64), curves)


def read_curves(path: Path) -> dict[str, Curve]:
    """Read a file of curves, by option.

    Raises:
        SettingsError: naming the file, the option, and the frame where it is to blame.
    """
    content = read_json(path, what="curves file", error=SettingsError, largest=_LARGEST)
    if content.get("schema") == GAZE_SCHEMA:
        return _read_gaze(path, content)
    if content.get("schema") != SCHEMA:
        raise SettingsError(f'{path}: expected a curves file with "schema": "{SCHEMA}"')
    return check_curves(content.get("curves"), path)


def check_curves(curves: Any, where: str | Path) -> dict[str, Curve]:
    """Read what the ``curves`` of such a file are, by option; ``where`` they are is for messages.

    Raises:
        SettingsError: naming the option, and the frame where it is to blame.
    """
    if not isinstance(curves, dict) or not curves:
        raise SettingsError(f'{where}: give "curves", as {{"weight_mouth": {_KEYS}}}')
    return {_known(name, where): _read_curve(name, said, where) for name, said in curves.items()}


def _known(name: str, path: str | Path) -> str:
    if name not in ANIMATABLE:
        raise SettingsError(f"{path}: {name[:40]!r} has no curve; options that have are {', '.join(ANIMATABLE)}")
    return name


def _read_curve(name: str, said: Any, path: str | Path) -> Curve:
    """Check what a file says of one option."""
    if not isinstance(said, dict) or not isinstance(said.get("frames"), dict) or not said["frames"]:
        raise SettingsError(f"{path}: {name}: give keys, as {_KEYS}")
    if unknown := sorted(set(said) - {"interpolation", "frames"}):
        raise SettingsError(f"{path}: {name}: {unknown[0][:40]!r} is not known; a curve has interpolation and frames")
    interpolation = said.get("interpolation", "linear")
    if interpolation not in INTERPOLATIONS:
        said_so = str(interpolation)[:40]
        raise SettingsError(f"{path}: {name}: interpolation {said_so}: choose from {', '.join(INTERPOLATIONS)}")
    keys: dict[int, float] = {}
    for frame, value in said["frames"].items():
        number = _frame(frame, path, name)
        if number in keys:
            raise SettingsError(f"{path}: {name}: frame {number} is there twice")
        keys[number] = _value(name, value, f"{path}: frame {number}")
    return _curve(keys, interpolation)


def _curve(keys: Mapping[int, float], interpolation: str) -> Curve:
    frames = sorted(keys)
    return Curve(np.array(frames, np.float64), np.array([keys[frame] for frame in frames]), interpolation)


def _frame(text: str, path: str | Path, name: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise SettingsError(f"{path}: {name}: frame {text[:40]!r} is no whole number") from error


def _value(name: str, value: Any, where: str) -> float:
    """Check a key's value as the option's own would be."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{where}: {name} {value}: give a number")
    try:
        check(ANIMATABLE[name], value)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error
    return float(value)


def _read_gaze(path: Path, content: Mapping[str, Any]) -> dict[str, Curve]:
    """Read a file of turns of the gaze, as it was before there were curves."""
    frames = content.get("frames")
    if not isinstance(frames, dict) or not frames:
        raise SettingsError(f'{path}: give "frames", as {{"1001": [10, -5], "1010": [0, 0]}}')
    keys: dict[str, dict[int, float]] = {"gaze_x": {}, "gaze_y": {}}
    for frame, turn in frames.items():
        number = _frame(frame, path, "gaze")
        if not isinstance(turn, list) or len(turn) != 2:
            raise SettingsError(f"{path}: frame {number}: give degrees to the picture's right and up, as [10, -5]")
        for name, value in zip(keys, turn, strict=True):
            keys[name][number] = _value(name, value, f"{path}: frame {number}")
    return {name: _curve(one, "linear") for name, one in keys.items()}
