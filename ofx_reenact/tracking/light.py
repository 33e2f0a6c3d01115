"""How bright a face is in its picture, so that frames in the same light can be told from others."""

from __future__ import annotations

import cv2
import numpy as np

from ofx_reenact.tracking.landmarks import FACE_OVAL

# Luma of 8-bit R, G and B (ITU-R BT.709), of 1.
_LUMA = np.array([0.2126, 0.7152, 0.0722]) / 255
# A larger face is thinned out until it has about so many pixels along its longer side.
_ENOUGH = 256


def measure_light(image: np.ndarray, mesh: np.ndarray) -> float:
    """Return the mean luma, 0 to 1, of the pixels inside a face's oval; 0 where none of it is in the picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        mesh: (478, 3) pixels.
    """
    oval = mesh[list(FACE_OVAL), :2]
    low = np.maximum(np.floor(oval.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(oval.max(axis=0)).astype(int) + 1, image.shape[1::-1])
    if (high <= low).any():
        return 0.0
    step = max(1, int((high - low).max()) // _ENOUGH)
    part = np.ascontiguousarray(image[low[1] : high[1] : step, low[0] : high[0] : step])
    inside = np.zeros(part.shape[:2], np.uint8)
    # Far outside the picture the oval is cut off: OpenCV takes 16-bit coordinates.
    corners = np.clip(np.rint((oval - low) / step), -(2**14), 2**14).astype(np.int32)
    cv2.fillPoly(inside, [corners], 1)
    # Without any pixel the mean is 0.
    return float(np.array(cv2.mean(part, inside)[:3]) @ _LUMA)
