"""Options over the frames of a result: one number for all frames, or a curve from a curves file."""

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
# Schema of the gaze files that came before curves: {"frames": {"1001": [x, y]}}, in degrees.
GAZE_SCHEMA = "ofx-reenact/gaze/1"
INTERPOLATIONS = ("constant", "linear", "smooth")
ANIMATABLE = {field.name: field for field in dataclasses.fields(Settings) if field.metadata["animatable"]}
# Largest file that is read, MiB: about 20,000 frames of every option.
_LARGEST = 32
_KEYS = '{"interpolation": "linear", "frames": {"1001": 0, "1010": 1}}'


@dataclass(frozen=True)
class Curve:
    """The keys of one option.

    Before the first key and after the last the value is constant.

    Attributes:
        frames: (N,) float64, ascending.
        values: (N,) float64, in the option's range.
        interpolation: between keys: ``constant`` keeps a key's value until the next key, ``linear`` is a straight line,
            ``smooth`` eases in and out and never leaves the range of the two keys around it (monotone cubic, PCHIP).
    """

    frames: np.ndarray
    values: np.ndarray
    interpolation: str = "linear"

    def at(self, frames: np.ndarray) -> np.ndarray:
        """Return the values (T,) float64 at frames (T,)."""
        inside = np.clip(frames, self.frames[0], self.frames[-1])
        if self.interpolation == "constant" or len(self.frames) == 1:
            return np.asarray(self.values[np.searchsorted(self.frames, inside, side="right") - 1])
        if self.interpolation == "linear":
            return np.interp(inside, self.frames, self.values)
        return np.asarray(PchipInterpolator(self.frames, self.values)(inside))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, as in a curves file."""
        keys = zip(self.frames.tolist(), self.values.tolist(), strict=True)
        return {"interpolation": self.interpolation, "frames": {int(frame): value for frame, value in keys}}


@dataclass(frozen=True)
class Animated:
    """The options of a render in each of its frames.

    Attributes:
        settings: the options' numbers.
        frames: (T,) float64, numbers of the frames.
        curves: by option, the curve that replaces its number.
    """

    settings: Settings
    frames: np.ndarray
    curves: Mapping[str, Curve]

    def of(self, name: str) -> np.ndarray:
        """Return an option's value in each frame, (T,) float64."""
        if name in self.curves:
            return self.curves[name].at(self.frames)
        return np.full(len(self.frames), float(getattr(self.settings, name)))

    @cached_property
    def gaze(self) -> np.ndarray:
        """The artist's turn of the gaze, (T, 2, 2): right and left eye; degrees to the picture's right and up."""
        both = np.stack([self.of("gaze_x"), self.of("gaze_y")], -1)
        each = [np.stack([self.of(f"gaze_{eye}_x"), self.of(f"gaze_{eye}_y")], -1) for eye in ("right", "left")]
        return np.clip(both[:, None] + np.stack(each, 1), -FURTHEST, FURTHEST)


def animate(settings: Settings, frames: Iterable[int]) -> Animated:
    """Return the options in the frames of a result, with the curves of ``settings.curves`` read from its file.

    Raises:
        SettingsError: the curves file is invalid, or a value is outside its option's range.
    """
    curves = read_curves(Path(settings.curves)) if settings.curves else {}
    return Animated(settings, np.array(list(frames), np.float64), curves)


def read_curves(path: Path) -> dict[str, Curve]:
    """Read the curves of a file, by option.

    Raises:
        SettingsError: the file is invalid; names the file, the option and the frame.
    """
    content = read_json(path, what="curves file", error=SettingsError, largest=_LARGEST)
    if content.get("schema") == GAZE_SCHEMA:
        return _read_gaze(path, content)
    if content.get("schema") != SCHEMA:
        raise SettingsError(f'{path}: expected a curves file with "schema": "{SCHEMA}"')
    return check_curves(content.get("curves"), path)


def check_curves(curves: Any, where: str | Path) -> dict[str, Curve]:
    """Check the value of ``curves`` in a curves file, and return the curves by option.

    Args:
        curves: plain values, as JSON has them.
        where: the file or request that they come from, for messages.

    Raises:
        SettingsError: a curve is invalid; names the option and the frame.
    """
    if not isinstance(curves, dict) or not curves:
        raise SettingsError(f'{where}: give "curves", as {{"weight_mouth": {_KEYS}}}')
    return {_check_animatable(name, where): _read_curve(name, value, where) for name, value in curves.items()}


def _check_animatable(name: str, path: str | Path) -> str:
    if name not in ANIMATABLE:
        raise SettingsError(f"{path}: {name[:40]!r} has no curve; options that have one: {', '.join(ANIMATABLE)}")
    return name


def _read_curve(name: str, content: Any, path: str | Path) -> Curve:
    """Check one option's curve and return it."""
    if not isinstance(content, dict) or not isinstance(content.get("frames"), dict) or not content["frames"]:
        raise SettingsError(f"{path}: {name}: give keys, as {_KEYS}")
    if unknown := sorted(set(content) - {"interpolation", "frames"}):
        raise SettingsError(f"{path}: {name}: {unknown[0][:40]!r} is not known; a curve has interpolation and frames")
    interpolation = content.get("interpolation", "linear")
    if interpolation not in INTERPOLATIONS:
        text = str(interpolation)[:40]
        raise SettingsError(f"{path}: {name}: interpolation {text}: choose from {', '.join(INTERPOLATIONS)}")
    keys: dict[int, float] = {}
    for frame, value in content["frames"].items():
        number = _parse_frame(frame, path, name)
        if number in keys:
            raise SettingsError(f"{path}: {name}: frame {number} has two keys")
        keys[number] = _check_value(name, value, f"{path}: frame {number}")
    return _make_curve(keys, interpolation)


def _make_curve(keys: Mapping[int, float], interpolation: str) -> Curve:
    frames = sorted(keys)
    return Curve(np.array(frames, np.float64), np.array([keys[frame] for frame in frames]), interpolation)


def _parse_frame(text: str, path: str | Path, name: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise SettingsError(f"{path}: {name}: frame {text[:40]!r} is no whole number; write it as 1001") from error


def _check_value(name: str, value: Any, where: str) -> float:
    """Check a key's value by the option's own type and range."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{where}: {name} {value}: give a finite number")
    try:
        check(ANIMATABLE[name], value)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error
    return float(value)


def _read_gaze(path: Path, content: Mapping[str, Any]) -> dict[str, Curve]:
    """Read a gaze file (:data:`GAZE_SCHEMA`) as curves of ``gaze_x`` and ``gaze_y``."""
    frames = content.get("frames")
    if not isinstance(frames, dict) or not frames:
        raise SettingsError(f'{path}: give "frames", as {{"1001": [10, -5], "1010": [0, 0]}}')
    keys: dict[str, dict[int, float]] = {"gaze_x": {}, "gaze_y": {}}
    for frame, turn in frames.items():
        number = _parse_frame(frame, path, "gaze")
        if not isinstance(turn, list) or len(turn) != 2:
            raise SettingsError(f"{path}: frame {number}: give degrees to the picture's right and up, as [10, -5]")
        for name, value in zip(keys, turn, strict=True):
            keys[name][number] = _check_value(name, value, f"{path}: frame {number}")
    return {name: _make_curve(one, "linear") for name, one in keys.items()}
