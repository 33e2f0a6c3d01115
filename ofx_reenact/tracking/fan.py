"""Track with the face-alignment package (FAN, Bulat & Tzimiropoulos 2017); its two weights files are not shipped."""

from __future__ import annotations

import os
import pickle
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.temporary import user_cache
from ofx_reenact.tracking.boxes import Follower
from ofx_reenact.tracking.tracker import DEFAULTS, Options, Track, Tracker

DETECTOR, LANDMARKER = FILES = ("s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar")


def weights_folder() -> Path:
    """Return the folder in which face-alignment looks for its files."""
    return Path(os.environ.get("TORCH_HOME") or user_cache() / "torch").expanduser() / "hub" / "checkpoints"


class Fan(Tracker):
    """2D-FAN-4 landmarks with S3FD detection; takes seconds a frame on a CPU.

    The package's files are pickles. PyTorch loads them with ``weights_only``, which runs no code from them.
    """

    name = "fan"
    terms = "The FAN and S3FD weights have their own terms; clear them before you publish."

    @classmethod
    def missing(cls) -> str:
        """Return which weights files are missing and where to put them; "" if none is missing."""
        names = [name for name in FILES if not (weights_folder() / name).is_file()]
        if not names:
            return ""
        return (
            f"{', '.join(names)} not found in {weights_folder()}; nothing is downloaded here, so put the files there "
            "(face-alignment's own release has them) or set TORCH_HOME"
        )

    def __init__(self, options: Options = DEFAULTS) -> None:
        import face_alignment

        self.version = f"face-alignment {version('face-alignment')}"
        self._follower = Follower(options.face, self.name)
        detector = {"path_to_detector": str(weights_folder() / DETECTOR)}
        try:
            self._network = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D, device=options.device, face_detector_kwargs=detector, compile=False
            )
        except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
            reason = str(error).splitlines()[0]
            raise TrackingError(
                f"--tracker fan: the files in {weights_folder()} are not its weights ({reason})"
            ) from error

    def reset(self) -> None:
        """Forget the face that was followed."""
        self._follower.reset()

    def track(self, image: np.ndarray, frame: int) -> Track | None:
        """Find the face in an (H, W, 3) uint8 RGB picture."""
        landmarks = self._follower.follow(image, self._find)
        return None if landmarks is None else Track(landmarks, 1.0)

    def _find(self, image: np.ndarray) -> list[np.ndarray]:
        found = self._network.get_landmarks_from_image(image) or []
        return [np.asarray(points, np.float64)[:, :2] for points in found]
