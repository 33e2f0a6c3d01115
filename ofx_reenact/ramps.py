"""A smooth step from 0 to 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def smooth_step(x: ArrayLike) -> np.ndarray:
    """Return 0 for x ≤ 0, 1 for x ≥ 1, and ``x² (3 − 2x)`` between, whose slope is 0 at both ends."""
    within = np.clip(np.asarray(x), 0, 1)
    return np.asarray(within * within * (3 - 2 * within))
