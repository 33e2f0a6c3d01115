"""The portrait around a face: the window that pixels are measured in, and pictures on contact sheets."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ofx_reenact.fdgan.window import Window
from ofx_reenact.tracking.surface import FACE_POINTS

# Side of the portrait: in pixels, as in the paper, and over the larger side of the face mesh.
SIDE, MARGIN = 256, 1.8
# Side of a portrait on a contact sheet, pixels.
_SHEET_SIDE = 176


def portrait_window(mesh: np.ndarray) -> Window:
    """Return the window of the portrait around a face's mesh (478, 3), pixels."""
    low, high = mesh[:FACE_POINTS, :2].min(0), mesh[:FACE_POINTS, :2].max(0)
    return Window.around((low + high) / 2, np.array([MARGIN * (high - low).max() / SIDE, 0.0]), (SIDE, SIDE))


def encode_portraits(portraits: Sequence[np.ndarray], quality: int) -> bytes:
    """Stack portraits (H, W, 3) uint8 vertically at the size of contact sheets, as a JPEG."""
    small = np.vstack([cv2.resize(x, (_SHEET_SIDE, _SHEET_SIDE), interpolation=cv2.INTER_AREA) for x in portraits])
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(encoded)
