"""dlib's 68 landmarks, for those who have its package and the terms to use it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.boxes import Follower
from ofx_reenact.tracking.tracker import Track

_FILE = "shape_predictor_68_face_landmarks.dat"


def model_file() -> Path | None:
    """Where the landmark file lies, if the package that carries it is installed."""
    spec = find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "models" / _FILE
    return path if path.is_file() else None


class Dlib68:
    """dlib's frontal face detector and shape predictor."""

    name = "dlib"
    terms = "dlib's 68-point file was trained on iBUG 300-W and may not be used commercially."

    def __init__(self, *, face: int = 1) -> None:
        path = model_file()
        if find_spec("dlib") is None or path is None:
            raise TrackingError("--tracker dlib needs two packages: pip install dlib-bin face-recognition-models")
        import dlib

        self.version = f"dlib {dlib.__version__}"
        self._follower = Follower(face)
        self._detect: Any = dlib.get_frontal_face_detector()
        self._predict: Any = dlib.shape_predictor(str(path))

    def reset(self) -> None:
        """Forget the face that was followed."""
        self._follower.reset()

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in an (H, W, 3) uint8 RGB picture."""
        image = np.ascontiguousarray(image)
        shapes = [self._predict(image, box) for box in self._detect(image, 1)]
        faces = [np.array([(p.x, p.y) for p in shape.parts()], np.float64) for shape in shapes]
        landmarks = self._follower.choose(faces)
        return None if landmarks is None else Track(landmarks, 1.0)
