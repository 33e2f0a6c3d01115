"""Find cuts from the pictures alone, by correlating the fine detail of consecutive frames."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

# Width and height in pixels at which details are compared.
_SIZE = (32, 18)
# A picture is blank if its details have a smaller standard deviation (of brightness, 0 to 255): they are only noise.
_BLANK = 0.5
# There may be a cut between consecutive pictures whose details correlate less than this.
SAME_SHOT = 0.8
# A change is compared with those of the four frames before and after it. At a cut it is at least three times the second
# largest of them. The largest may be another cut, so it does not count; in a fast pan all are large.
_AROUND, _STANDS_OUT = 4, 3.0


def extract_details(image: np.ndarray) -> np.ndarray:
    """Reduce an (H, W, 3) uint8 RGB picture to its fine detail: brightness (18, 32), high-passed, mean 0, variance 1.

    All are 0 if the picture is blank.
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
    """Return the correlation of two pictures' details: 1 if equal, 0 if unrelated; 1 if both are blank."""
    return float((one * other).mean()) if one.any() or other.any() else 1.0


def find_cuts(details: Sequence[np.ndarray | None]) -> np.ndarray:
    """Return which of T frames are the first of a new shot: (T,) bool.

    A cut is a change much larger than its neighbours. If a picture from before the change comes back after it, the
    change is a flash and no cut. Dissolves, and cuts that hardly change the picture, are not found.

    Args:
        details: of each frame, from :func:`extract_details`; None where there is no picture.
    """
    cut = np.zeros(len(details), bool)
    rows = [row for row, one in enumerate(details) if one is not None]
    shown = [one for one in details if one is not None]
    change = 1 - np.array([compare_details(a, b) for a, b in itertools.pairwise(shown)])
    for i in np.nonzero(change > 1 - SAME_SHOT)[0].tolist():
        around = sorted([*change[max(0, i - _AROUND) : i], *change[i + 1 : i + 1 + _AROUND]])
        before, after = shown[max(0, i - _AROUND) : i + 1], shown[i + 1 : i + 2 + _AROUND]
        flash = any(compare_details(before[-1], one) >= SAME_SHOT for one in after) or any(
            compare_details(one, after[0]) >= SAME_SHOT for one in before
        )
        stands_out = change[i] >= _STANDS_OUT * (around[-2] if len(around) > 1 else 0.0)
        cut[rows[i + 1]] = stands_out and not flash
    return cut
