"""Landmarks placed by hand: read and write the JSON file, and use it as a tracker where no other finds the face.

``{"schema": "ofx-reenact/landmarks/1", "frames": {"1001": [[x, y], … 68 points]}}``; the frame ``"*"`` stands for
every frame that is not named. Points are in pixels of the files, which need not be square.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.files import read_json, write_whole
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.tracking.tracker import DEFAULTS, Options, Track, Tracker

SCHEMA = "ofx-reenact/landmarks/1"
EVERY = "*"
# Coordinates must be below this, in pixels, as no picture is larger. The comparison also refuses NaN and infinity.
_FARTHEST = 1e6
# Largest file in MiB: about 20,000 frames.
_LARGEST = 64


class FileLandmarks(Tracker):
    """Returns the landmarks in a file, whatever the picture shows."""

    name = "file"
    hand_made = True
    version = SCHEMA

    def __init__(self, options: Options = DEFAULTS) -> None:
        if not options.landmarks:
            raise SettingsError("--tracker file needs hand-placed landmarks: pass --landmarks NAME.json")
        self._frames = read_landmarks(Path(options.landmarks))
        self._squeeze = Squeeze.of_aspect(options.aspect)

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Return the frame's landmarks in square pixels, with confidence 1."""
        landmarks = self._frames.get(str(frame), self._frames.get(EVERY))
        return None if landmarks is None else Track(self._squeeze.to_square(landmarks), 1.0)


def read_landmarks(path: Path) -> dict[str, np.ndarray]:
    """Read hand-placed landmarks, (68, 2) float64 pixels by frame, and check them.

    Raises:
        TrackingError: the file is not valid; the message names it, the frame and the point.
    """
    content = read_json(path, SCHEMA, what="landmarks file", error=TrackingError, largest=_LARGEST)
    return check_landmarks(content.get("frames"), str(path))


def check_landmarks(frames: Any, source: str) -> dict[str, np.ndarray]:
    """Check the ``frames`` of a landmarks file and return them as arrays: (68, 2) float64 pixels by frame.

    Raises:
        TrackingError: they are not valid; the message names the source, the frame and the point.
    """
    if not isinstance(frames, dict) or not frames:
        raise TrackingError(f'{source}: expected frames as {{"1001": [[x, y], …]}}')
    checked = {}
    for frame, points in frames.items():
        if frame != EVERY and not re.fullmatch("-?[0-9]{1,9}", frame):
            raise TrackingError(f"{source}: '{frame}' is neither a frame number nor '{EVERY}'")
        if not isinstance(points, list) or len(points) != 68:
            raise TrackingError(f"{source}: frame {frame} needs a list of 68 points")
        for index, point in enumerate(points):
            good = isinstance(point, list) and len(point) == 2
            if not good or not all(isinstance(v, int | float) and abs(v) < _FARTHEST for v in point):
                raise TrackingError(f"{source}: frame {frame}, point {index} is not [x, y]")
        checked[frame] = np.array(points, np.float64)
        if np.ptp(checked[frame], axis=0).min() <= 0:
            raise TrackingError(f"{source}: frame {frame}: all points are on one line")
    return checked


def by_number(frames: Mapping[str, np.ndarray], source: str) -> dict[int, np.ndarray]:
    """Return landmarks by frame number instead of by text.

    Raises:
        TrackingError: the frame "*" is among them.
    """
    if EVERY in frames:
        raise TrackingError(f"{source}: '{EVERY}' cannot be placed in a performance; name the frames")
    return {int(frame): points for frame, points in frames.items()}


def plain_landmarks(frames: Mapping[int, np.ndarray]) -> dict[str, list[list[float]]]:
    """Return landmarks (68, 2) by frame as JSON values."""
    return {str(frame): points.astype(np.float64).tolist() for frame, points in frames.items()}


def write_landmarks(path: Path, frames: Mapping[int, np.ndarray]) -> None:
    """Write a landmarks file from landmarks (68, 2) by frame.

    Raises:
        OutputError: it cannot be written.
    """
    content = {"schema": SCHEMA, "frames": plain_landmarks(frames)}
    with write_whole(path) as partial:
        partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
