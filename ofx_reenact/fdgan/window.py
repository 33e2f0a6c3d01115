"""Windows: scaled and rotated views of a picture, the inputs and outputs of the networks.

A window is fixed to the *skull*: its place and size follow from the head's pose and the target's own face, never from
the mouth's motion, so that teeth painted in it stay with skull and jaw.
Convention: pixel (i, j) of window or picture has its centre at (i, j).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ofx_reenact.tracking.landmarks import LIPS_OUTER
from ofx_reenact.tracking.rigid import Similarity

# The mouth's window: size in pixels, pixels per centimetre of the canonical face, and how many centimetres
# the window's middle lies below the target's lips, since jaws drop. A mouth is five to seven centimetres
# wide and opens up to five.
MOUTH_SIZE = (128, 96)
MOUTH_SCALE = 12.0
MOUTH_BELOW = 1.2
# The windows, by a factor: width and height in pixels are this many times the coarsest window's, for larger faces.
# There are only two, so that networks learn each well.
FINER = (1, 2)
# The next finer window is used if a window pixel covers more picture pixels each way than this.
_COARSE = 1.3


@dataclass(frozen=True)
class Window:
    """The place of a window in a picture."""

    size: tuple[int, int]  # width and height in the window's own pixels
    matrix: np.ndarray  # (2, 3) affine map, window pixels → picture pixels: a similarity

    @classmethod
    def of_mouth(cls, frontal: np.ndarray, head: Similarity, finer: int = 1) -> Window:
        """Return the mouth's window for a pose of the head and the *target's* frontal mesh at rest, (468 or more, 3).

        ``finer``, one of FINER, multiplies the number of its pixels each way; what it shows is the same.
        """
        lips = frontal[[i for half in LIPS_OUTER for i in half]]
        centre = head.apply(lips.mean(0) + np.array([0, MOUTH_BELOW, 0]))[:2]
        # The window has the head's roll on screen, that of the axis from eye to eye.
        across = head.rotation[:2, 0] / max(float(np.linalg.norm(head.rotation[:2, 0])), 1e-6)
        return cls.around(centre, across * head.scale / (MOUTH_SCALE * finer), mouth_size(finer))

    @classmethod
    def around(cls, centre: np.ndarray, step: np.ndarray, size: tuple[int, int]) -> Window:
        """Return a window around a centre; ``step`` (2,) is one window pixel to the right, in picture pixels."""
        axes = np.array([[step[0], -step[1]], [step[1], step[0]]])
        middle = (np.array(size) - 1) / 2
        return cls(size, np.column_stack([axes, centre - axes @ middle]))

    @property
    def scale(self) -> float:
        """Return the picture pixels per window pixel."""
        return float(np.linalg.norm(self.matrix[:, 0]))

    @property
    def inverse(self) -> np.ndarray:
        """Return the affine map (2, 3), picture pixels → window pixels."""
        return cv2.invertAffineTransform(self.matrix)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Map picture pixels (..., 2) to window pixels."""
        inverse = self.inverse
        return points @ inverse[:, :2].T + inverse[:, 2]

    def box(self, size: tuple[int, int]) -> tuple[slice, slice] | None:
        """Return the rows and columns that the window touches in a picture of (width, height); None if none."""
        width, height = self.size
        corners = np.array([[-1, -1, 1], [width, -1, 1], [-1, height, 1], [width, height, 1]]) @ self.matrix.T
        left, top = np.maximum(np.floor(corners.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, size)
        return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None

    def within(self, box: tuple[slice, slice]) -> Window:
        """Return the same window in the coordinates of a box (rows, columns) of the picture."""
        return Window(self.size, self.matrix - np.array([[0, 0, box[1].start], [0, 0, box[0].start]]))

    def look(self, picture: np.ndarray) -> np.ndarray:
        """Sample a picture (H, W[, C]) float32 into the window: (h, w[, C]); a coarser window sees it blurred."""
        box = self.box((picture.shape[1], picture.shape[0]))
        if box is None:
            return np.zeros((self.size[1], self.size[0], *picture.shape[2:]), np.float32)
        rows, columns = box
        part = np.ascontiguousarray(picture[rows, columns], np.float32)
        if self.scale > 1:
            part = cv2.GaussianBlur(part, (0, 0), 0.5 * np.sqrt(self.scale**2 - 1) + 1e-3)
        matrix, flags = self.within(box).matrix, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(part, matrix, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def paste(self, seen: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        """Sample a window's pixels (h, w[, C]) into a box of the picture; 0 outside the window."""
        rows, columns = box
        inverse = self.inverse
        inverse[:, 2] += inverse[:, :2] @ [columns.start, rows.start]
        size = (columns.stop - columns.start, rows.stop - rows.start)
        flags = (cv2.INTER_CUBIC if self.scale > 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(np.ascontiguousarray(seen, np.float32), inverse, size, flags=flags)


def mouth_size(finer: int) -> tuple[int, int]:
    """Return width and height of the mouth's window that is ``finer`` times finer."""
    return MOUTH_SIZE[0] * finer, MOUTH_SIZE[1] * finer


def finer_for(scale: float, finest: int = FINER[-1]) -> int:
    """Choose the mouth's window, one of FINER up to ``finest``, for a head of ``scale`` pixels a centimetre."""
    steps = [finer for finer in FINER if finer <= finest]
    return next((finer for finer in steps if scale <= _COARSE * MOUTH_SCALE * finer), steps[-1])


def finer_of(height: int) -> int:
    """Return how many times finer the mouth's window with ``height`` rows is, at least 1."""
    return max((height + MOUTH_SIZE[1] // 2) // MOUTH_SIZE[1], 1)
