"""Gaze: what a performance's irises do, and what an artist adds to it by hand.

Convention: a gaze is the shift of an iris in widths of its eye, x to the picture's right, y down. By hand it is in
degrees, x to the picture's right, y up, as a curve editor has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import read_json
from ofx_reenact.settings import Settings

SCHEMA = "ofx-reenact/gaze/1"
# Radius of an eyeball in widths of the eye between its lids: some 12 mm of 30.
EYEBALL = 0.4
# Degrees: no eye turns further.
FURTHEST = 60.0
# MiB of a file: some 20,000 frames.
_LARGEST = 8


def gaze_by_hand(settings: Settings, frames: Iterable[int]) -> np.ndarray | None:
    """Return the gaze that an artist asks for in each of T frames, (T, 2, 2) like a performance's; None if for none.

    Raises:
        SettingsError: a direction that is no pair of numbers, or a file that holds other than frames and directions.
    """
    numbers = np.array(list(frames), np.float64)
    degrees = np.tile(parse_gaze(settings.gaze), (len(numbers), 1))
    if settings.gaze_file:
        given, directions = read_gaze(Path(settings.gaze_file))
        degrees += np.stack([np.interp(numbers, given, axis) for axis in directions.T], -1)
    if not degrees.any():
        return None
    return np.repeat(to_widths(np.clip(degrees, -FURTHEST, FURTHEST))[:, None], 2, axis=1)


def to_widths(degrees: np.ndarray) -> np.ndarray:
    """Turn directions (..., 2) in degrees, y up, into shifts of an iris in widths of its eye, y down."""
    return EYEBALL * np.sin(np.radians(degrees)) * (1, -1)


def parse_gaze(text: str) -> np.ndarray:
    """Read a direction "X,Y" in degrees, (2,); straight on if empty.

    Raises:
        SettingsError: it is none.
    """
    if not text:
        return np.zeros(2)
    try:
        return _direction([float(part) for part in text.split(",")])
    except ValueError as error:
        raise SettingsError(
            f"--gaze {text}: give degrees to the picture's right and up, as 10,-5, within {FURTHEST:g}"
        ) from error


def read_gaze(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a curve of directions by frame: frames (N,), ascending, and degrees (N, 2).

    Raises:
        SettingsError: naming the file, and the frame where it is to blame.
    """
    content = read_json(path, SCHEMA, what="gaze file", error=SettingsError, largest=_LARGEST)
    frames = content.get("frames")
    if not isinstance(frames, dict) or not frames:
        raise SettingsError(f'{path}: give "frames", as {{"1001": [10, -5], "1010": [0, 0]}}')
    curve: dict[int, np.ndarray] = {}
    for name, value in frames.items():
        try:
            number = int(name)
        except ValueError as error:
            raise SettingsError(f"{path}: frame {name[:40]!r} is no whole number") from error
        try:
            curve[number] = _direction(value)
        except ValueError as error:
            raise SettingsError(
                f"{path}: frame {number}: give degrees to the picture's right and up, as [10, -5], within {FURTHEST:g}"
            ) from error
    numbers = sorted(curve)
    return np.array(numbers, np.float64), np.array([curve[number] for number in numbers])


def _direction(value: Any) -> np.ndarray:
    """Check a direction in degrees: two numbers."""
    numbers: Sequence[Any] = value if isinstance(value, list) else []
    fine = len(numbers) == 2 and all(
        isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) and abs(one) <= FURTHEST
        for one in numbers
    )
    if not fine:
        raise ValueError(value)
    return np.array(numbers, np.float64)
