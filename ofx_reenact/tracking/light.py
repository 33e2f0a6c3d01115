"""Measure how bright a face is in its picture, to recognise changes of light and objects in front of the face."""

from __future__ import annotations

import cv2
import numpy as np

from ofx_reenact.tracking.landmarks import FACE_OVAL
from ofx_reenact.tracking.surface import FACE_POINTS

# Luma weights (ITU-R BT.709) of 8-bit R, G and B; luma is from 0 to 1.
_LUMA = np.array([0.2126, 0.7152, 0.0722]) / 255
# Standard deviation of the blur under a skin point, in heights of the face.
_SKIN_SIGMA = 1 / 60
# A larger face is subsampled to less than twice this many pixels along its longer side.
_MAX_SIDE = 256


def fill_oval(oval: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return the mask (H, W) uint8 of a face's oval (n, 2) in pixels: 1 inside, 0 outside. ``size`` is (H, W, ...)."""
    inside = np.zeros(size[:2], np.uint8)
    # Clipped because OpenCV takes 16-bit coordinates.
    return np.asarray(cv2.fillPoly(inside, [np.clip(np.rint(oval), -(2**14), 2**14).astype(np.int32)], 1))


def pixels_of_face(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Return the pixels (n, 3) of a picture (H, W, 3 or more) inside a face's oval; (0, 3) if the oval is outside.

    ``mesh`` is (468 or more, 2 or more), in pixels.
    """
    oval, size = np.rint(mesh[list(FACE_OVAL), :2]), np.array(picture.shape[1::-1])
    low, high = (edge.clip(0, size).astype(int) for edge in (oval.min(axis=0), oval.max(axis=0) + 1))
    part = picture[low[1] : high[1], low[0] : high[0], :3]
    return np.asarray(part[fill_oval(oval - low, part.shape) > 0]) if part.size else np.zeros((0, 3), picture.dtype)


def measure_light(image: np.ndarray, mesh: np.ndarray) -> float:
    """Return the mean luma, 0 to 1, of the pixels inside a face's oval; 0 if the oval is outside the picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        mesh: (478, 3) pixels.
    """
    oval = mesh[list(FACE_OVAL), :2]
    low = np.maximum(np.floor(oval.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(oval.max(axis=0)).astype(int) + 1, image.shape[1::-1])
    if (high <= low).any():
        return 0.0
    step = max(1, int((high - low).max()) // _MAX_SIDE)
    part = np.ascontiguousarray(image[low[1] : high[1] : step, low[0] : high[0] : step])
    # OpenCV's mean of no pixels is 0.
    return float(np.array(cv2.mean(part, fill_oval((oval - low) / step, part.shape))[:3]) @ _LUMA)


def measure_skin(image: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Return the picture's luma, blurred, under each point of a face's skin: (468,) uint8.

    Args:
        image: (H, W, 3) uint8 RGB.
        mesh: (478, 3) pixels. A point outside the picture takes the nearest pixel at its edge.
    """
    points = mesh[:FACE_POINTS, :2]
    low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, np.array(image.shape[1::-1]) - 1)
    high = np.maximum(np.minimum(np.ceil(points.max(axis=0)).astype(int) + 1, image.shape[1::-1]), low + 1)
    step = max(1, int((high - low).max()) // _MAX_SIDE)
    part = image[low[1] : high[1] : step, low[0] : high[0] : step].astype(np.float32) @ (_LUMA * 255).astype(np.float32)
    soft = cv2.GaussianBlur(part, (0, 0), max(_SKIN_SIGMA * part.shape[0], 0.5))
    x, y = (((points - low) / step).clip(0, np.array(soft.shape[::-1]) - 1)).astype(np.float32).T
    return np.rint(cv2.remap(soft, x[None], y[None], cv2.INTER_LINEAR)[0]).astype(np.uint8)
