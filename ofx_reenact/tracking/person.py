"""Which pixels show a person: MediaPipe's selfie segmentation through OpenCV, from one vendored model file."""

from __future__ import annotations

import cv2
import numpy as np

from ofx_reenact.resources import resource

MODEL = ("models", "selfie_segmentation.tflite")
_SIZE = 256


class SelfieSegmentation:
    """Tells people, with hair and clothes, from what is behind them."""

    def __init__(self) -> None:
        model = np.frombuffer(resource(*MODEL).read_bytes(), np.uint8)
        self._network = cv2.dnn.readNetFromTFLite(model)

    def mask(self, image: np.ndarray) -> np.ndarray:
        """Find the people in an (H, W, 3) uint8 RGB picture, best a square one.

        Returns:
            How likely each pixel shows a person, (H, W) float32 in [0, 1]; edges are as fine as 256² allows.
        """
        height, width = image.shape[:2]
        scale = _SIZE / max(height, width)
        small = cv2.resize(image, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        self._network.setInput(np.ascontiguousarray((small.astype(np.float32) / 255).transpose(2, 0, 1))[None])
        # The network ends in a sigmoid: what comes out is the mask itself, not a logit.
        found = self._network.forward().reshape(_SIZE, _SIZE)
        return cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 1)
