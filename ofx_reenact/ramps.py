"""A rise from 0 to 1 without corners."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def smooth_step(x: ArrayLike) -> np.ndarray:
    """Return 0 up to 0, 1 from 1 on, and ``x² (3 − 2x)`` between, which begins and ends level."""
    within = np.clip(np.asarray(x), 0, 1)
    return np.asarray(within * within * (3 - 2 * within))
