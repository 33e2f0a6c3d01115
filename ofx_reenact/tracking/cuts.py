"""Where another shot begins, told by the pictures alone: the details of two in a row are compared."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

# Width and height at which details are compared.
_SIZE = (32, 18)
# Details with a smaller standard deviation than this, of brightness from 0 to 255, are noise: the picture is blank.
_BLANK = 0.5
# Two pictures in a row whose details correlate less than this may have a cut between them.
ALIKE = 0.8
# Pictures around a cut that are looked at on either side. A cut changes the picture this many times as much as all but
# one of its neighbours do (there may be another cut among them): a camera that pans fast changes all of them.
_AROUND, _STANDS_OUT = 4, 3.0


def details_of(image: np.ndarray) -> np.ndarray:
    """Shrink an (H, W, 3) uint8 RGB picture to its details, brightness of zero mean and unit variance: (18, 32).

    All are 0 where the picture is blank.
    """
    step = max(1, min(image.shape[:2]) // 72)
    small = cv2.resize(np.ascontiguousarray(image[::step, ::step]), _SIZE, interpolation=cv2.INTER_AREA)
    brightness = small.astype(np.float32).mean(axis=2)
    details = brightness - cv2.GaussianBlur(brightness, (0, 0), 3)
    details -= details.mean()
    contrast = float(details.std())
    scaled: np.ndarray = details / (contrast + 1e-3) if contrast > _BLANK else np.zeros_like(details)
    return scaled


def compare_details(one: np.ndarray, other: np.ndarray) -> float:
    """Correlate the details of two pictures: 1 is the same, 0 nothing in common; two blank ones are the same."""
    return float((one * other).mean()) if one.any() or other.any() else 1.0


def find_cuts(details: Sequence[np.ndarray | None]) -> np.ndarray:
    """Tell which of T frames begin another shot: (T,) bool.

    A cut is a change that stands out among its neighbours and after which the pictures from before do not come back, as
    they do after a flash. Dissolves, and cuts that hardly change the picture, are not seen.

    Args:
        details: of each frame, as :func:`details_of` makes them; None where there is no picture.
    """
    cut = np.zeros(len(details), bool)
    rows = [row for row, one in enumerate(details) if one is not None]
    shown = [one for one in details if one is not None]
    change = 1 - np.array([compare_details(a, b) for a, b in itertools.pairwise(shown)])
    for i in np.nonzero(change > 1 - ALIKE)[0].tolist():
        around = sorted([*change[max(0, i - _AROUND) : i], *change[i + 1 : i + 1 + _AROUND]])
        before, after = shown[max(0, i - _AROUND) : i + 1], shown[i + 1 : i + 2 + _AROUND]
        flash = any(compare_details(before[-1], one) >= ALIKE for one in after) or any(
            compare_details(one, after[0]) >= ALIKE for one in before
        )
        stands_out = change[i] >= _STANDS_OUT * (around[-2] if len(around) > 1 else 0.0)
        cut[rows[i + 1]] = stands_out and not flash
    return cut
