"""How much of a performance arrives: gain and correlation of what a face does against what its driver did.

Both are of changes within a clip, each less its mean, so that a face's own shape falls out. A gain of 1 and a
correlation of 1 are a performance that arrives whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ofx_reenact.tracking.blendshapes import BLENDSHAPES

# A driver who moves a blendshape less than this, as a deviation over the clip, does not use it.
USED = 0.03
# Blendshapes by what they say, as beginnings of their names. Those of none say little of real faces.
GROUPS: dict[str, tuple[str, ...]] = {
    "smile": ("mouthSmile",),
    "mouth": (
        "mouthClose", "mouthFunnel", "mouthLeft", "mouthLowerDown", "mouthPress", "mouthPucker", "mouthRight",
        "mouthRoll", "mouthStretch", "mouthUpperUp",
    ),
    "jaw": ("jaw",),
    "brows": ("brow",),
    "blink": ("eyeBlink",),
    "squint and wide": ("eyeSquint", "eyeWide"),
    "gaze": ("eyeLook",),
}  # fmt: skip


def members(starts: Sequence[str]) -> np.ndarray:
    """Return which blendshapes begin with one of these names: (52,) bool."""
    return np.array([name.startswith(tuple(starts)) for name in BLENDSHAPES])


def follow(made: np.ndarray, driver: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare curves (N, K) with the driver's, each less its mean.

    Rows with a NaN do not count. Returns slopes of the least-squares lines made = slope · driver, and correlations,
    (K,) each: NaN where the driver does not move or fewer than three rows are left; what does not move at all follows
    nothing, 0.
    """
    known = np.isfinite(made).all(1) & np.isfinite(driver).all(1)
    count = made.shape[1]
    if known.sum() < 3:
        return np.full(count, np.nan), np.full(count, np.nan)
    one, other = (values[known] - values[known].mean(0) for values in (made, driver))
    own, asked, both = (one**2).sum(0), (other**2).sum(0), (one * other).sum(0)
    moves = asked > 1e-18
    slope = np.where(moves, both / np.where(moves, asked, 1), np.nan)
    product = np.sqrt(own * asked)
    correlation = np.where(moves, both / np.where(product > 1e-18, product, np.inf), np.nan)
    return slope, correlation


def mean_by(values: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> float:
    """Average those of values (K,) that are chosen (K,) and known, with their weights (K,); NaN of none."""
    used = chosen & np.isfinite(values) & (weights > 0)
    return float(np.average(values[used], weights=weights[used])) if used.any() else float("nan")


def deviations(blendshapes: np.ndarray) -> np.ndarray:
    """Measure how much a driver uses each blendshape (T, 52) over his whole clip: deviations (52,), 0 where he does not.

    They are the weights of means over blendshapes.
    """
    deviation = blendshapes.std(0)
    return np.where(deviation > USED, deviation, 0.0)
