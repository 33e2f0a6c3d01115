"""Draw landmarks and mesh over a picture, to check a tracker."""

from __future__ import annotations

import cv2
import numpy as np

from ofx_reenact.tracking.landmarks import REGIONS

_COLOURS = {
    "jaw": (90, 160, 255), "mouth": (255, 90, 90), "nose": (250, 220, 90), "eye_right": (120, 255, 140),
    "eye_left": (120, 255, 140), "brow_right": (220, 140, 255), "brow_left": (220, 140, 255),
}  # fmt: skip
# Fractional bits of the coordinates that OpenCV draws at.
_SHIFT = 4


def draw_overlay(
    image: np.ndarray, landmarks: np.ndarray, mesh: np.ndarray | None = None, text: str = ""
) -> np.ndarray:
    """Draw landmarks (68, 2), mesh points (N, 2 or more) and a text on a copy of an (H, W, 3) uint8 RGB picture."""
    drawn = np.ascontiguousarray(image).copy()
    size = max(1.0, float(np.ptp(landmarks[:, 0])) / 150)

    def dot(point: np.ndarray, radius: float, colour: tuple[int, int, int]) -> None:
        x, y = (round(float(v) * 2**_SHIFT) for v in point[:2])
        cv2.circle(drawn, (x, y), round(radius * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)

    for point in () if mesh is None else mesh:
        dot(point, 0.5 * size, (235, 235, 235))
    for region, indices in REGIONS.items():
        for index in indices:
            dot(landmarks[index], 1.3 * size, _COLOURS[region])
    if text:
        scale = image.shape[0] / 600
        origin = (round(10 * scale), round(24 * scale))
        for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            cv2.putText(
                drawn, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.7 * scale, colour, max(1, round(thickness * scale)),
                cv2.LINE_AA,
            )  # fmt: skip
    return drawn
