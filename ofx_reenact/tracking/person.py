"""Segment people with MediaPipe's selfie segmentation in OpenCV, from one vendored model file."""

from __future__ import annotations

import cv2
import numpy as np

from ofx_reenact.resources import resource
from ofx_reenact.tracking.light import fill_oval

MODEL = ("models", "selfie_segmentation.tflite")
_SIZE = 256
# Side of the square around a head with its hair, in face heights.
_AROUND = 2.5


class SelfieSegmentation:
    """Separates people, with hair and clothes, from the background."""

    def __init__(self) -> None:
        model = np.frombuffer(resource(*MODEL).read_bytes(), np.uint8)
        self._network = cv2.dnn.readNetFromTFLite(model)

    def mask(self, image: np.ndarray) -> np.ndarray:
        """Return the probability (H, W) float32, 0 to 1, that a pixel of an (H, W, 3) uint8 RGB picture shows a person.

        The network works at 256², so square pictures are best, and the edges are no finer than at that size.
        """
        height, width = image.shape[:2]
        scale = _SIZE / max(height, width)
        small = cv2.resize(image, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        self._network.setInput(np.ascontiguousarray((small.astype(np.float32) / 255).transpose(2, 0, 1))[None])
        # The network ends in a sigmoid: its output is the mask, not a logit.
        found = self._network.forward().reshape(_SIZE, _SIZE)
        return cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 1)


def measure_headroom(image: np.ndarray, oval: np.ndarray) -> np.ndarray | None:
    """Count, in each column of an (H, W, 3) uint8 RGB picture, the rows above the person with this face.

    Args:
        image: the picture.
        oval: contour of the face (n, 2) in pixels.

    Returns:
        (W,) float32 rows; 0 where the person reaches the upper edge, H where no person is. None if the segmentation
        does not include the face.
    """
    height, width = image.shape[:2]
    low, high = oval.min(0), oval.max(0)
    side = int(min(_AROUND * (high[1] - low[1]), height, width))
    left, top = (np.clip((low + high) / 2 - side / 2, 0, (width - side, height - side))).astype(int)
    square = image[top : top + side, left : left + side]
    small = cv2.resize(square, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA if side > _SIZE else cv2.INTER_LINEAR)
    mask = SelfieSegmentation().mask(small)
    scale = side / _SIZE
    face = fill_oval((oval - (left, top)) / scale, mask.shape)
    if not face.any() or mask[face > 0].mean() < 0.5:
        return None
    _, parts = cv2.connectedComponents(((mask > 0.5) | (face > 0)).astype(np.uint8))
    person = parts == np.bincount(parts[face > 0]).argmax()
    first = np.where(person.any(0), person.argmax(0) * scale + top, height)
    columns = left + (np.arange(_SIZE) + 0.5) * scale - 0.5
    return np.interp(np.arange(width), columns, first).astype(np.float32)
