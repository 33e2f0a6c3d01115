"""Landmarks placed by hand: 68 points a frame from a JSON file, for faces that no tracker finds.

``{"schema": "ofx-reenact/landmarks/1", "frames": {"1001": [[x, y], … 68 points]}}``; the frame ``"*"`` stands for
every frame that is not named.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.tracker import Track

SCHEMA = "ofx-reenact/landmarks/1"
EVERY = "*"


class Placed:
    """Gives the landmarks of a file; pictures are not looked at."""

    name = "file"
    version = SCHEMA

    def __init__(self, path: str) -> None:
        self._frames = read_landmarks(Path(path))

    def reset(self) -> None:
        """Nothing to forget."""

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Return the landmarks placed for this frame, with full confidence."""
        landmarks = self._frames.get(str(frame), self._frames.get(EVERY))
        return None if landmarks is None else Track(landmarks, 1.0)


def read_landmarks(path: Path) -> dict[str, np.ndarray]:
    """Read and check hand-placed landmarks: frame → (68, 2) float64 pixels.

    Raises:
        TrackingError: naming the file, the frame and the point.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrackingError(f"{path}: the landmarks cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise TrackingError(f"{path}: not JSON ({error})") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA or not isinstance(content.get("frames"), dict):
        raise TrackingError(f'{path}: expected {{"schema": "{SCHEMA}", "frames": {{…}}}}')
    frames = {}
    for frame, points in content["frames"].items():
        if frame != EVERY and not frame.lstrip("-").isdigit():
            raise TrackingError(f"{path}: '{frame}' is no frame number and not '{EVERY}'")
        if not isinstance(points, list) or len(points) != 68:
            raise TrackingError(f"{path}: frame {frame} needs a list of 68 points")
        for index, point in enumerate(points):
            good = isinstance(point, list) and len(point) == 2
            good = good and all(isinstance(v, int | float) and np.isfinite(v) for v in point)
            if not good:
                raise TrackingError(f"{path}: frame {frame}, point {index} is not [x, y]")
        frames[frame] = np.array(points, np.float64)
        if np.ptp(frames[frame], axis=0).min() <= 0:
            raise TrackingError(f"{path}: frame {frame}: all points lie on one line")
    return frames
