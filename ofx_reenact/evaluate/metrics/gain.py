"""How much of a performance arrives: gain and correlation of what a face does against what its driver did.

Both are of changes within a clip, each less its mean, so that a face's own shape falls out. A gain of 1 and a
correlation of 1 are a performance that arrives whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ofx_reenact.evaluate.metrics.motion import BLENDSHAPE_BACKEND
from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.tracking.blendshapes import BLENDSHAPES

# A driver who moves a blendshape less than this, as a deviation over the clip, does not use it.
USED = 0.03
# Fewest frames that a line is laid through.
FEWEST = 3
# Below this a sum of squares is that of rounding.
_STILL = 1e-18
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
# The whole face: all blendshapes of these groups.
WHOLE = ""


def gain_metric(group: str = WHOLE) -> Metric:
    """Name the gain of a group of blendshapes, or of the whole face."""
    what = f"{group} blendshapes" if group else "blendshapes"
    return Metric(
        f"gain {group}".strip(), "of the driver's", "1",
        f"how far the result's {what} go for the driver's within the clip: slopes of least-squares lines, mean "
        "weighted with how much the driver uses each",
    )  # fmt: skip


def correlation_metric(group: str = WHOLE) -> Metric:
    """Name the correlation of a group of blendshapes, or of the whole face."""
    what = f"{group} blendshapes" if group else "blendshapes"
    return Metric(
        f"correlation {group}".strip(), "-1 to 1", "1",
        f"whether the result's {what} go with the driver's within the clip: correlations, mean weighted as for gain",
    )  # fmt: skip


def members(group: str = WHOLE) -> np.ndarray:
    """Return which blendshapes belong to a group, or to any of them: (52,) bool."""
    starts = GROUPS[group] if group else tuple(start for one in GROUPS.values() for start in one)
    return np.array([name.startswith(starts) for name in BLENDSHAPES])


def follow(made: np.ndarray, driver: np.ndarray, fewest: int = FEWEST) -> tuple[np.ndarray, np.ndarray]:
    """Compare curves (N,) or (N, ...) with the driver's, each less its mean.

    Frames in which either has a NaN do not count. Returns gains (...), the slopes of the least-squares lines
    made = gain · driver, and correlations (...): NaN where the driver does not move or fewer than ``fewest`` frames are
    left; what does not move at all follows nothing, 0.
    """
    rest = tuple(range(1, made.ndim))
    known = np.isfinite(made).all(rest) & np.isfinite(driver).all(rest)
    if known.sum() < fewest:
        return np.full(made.shape[1:], np.nan), np.full(made.shape[1:], np.nan)
    one, other = (values[known] - values[known].mean(0) for values in (made, driver))
    return compare_sums((one**2).sum(0), (other**2).sum(0), (one * other).sum(0))


def compare_sums(own: np.ndarray, asked: np.ndarray, both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gain and correlation, given the sums of squares of what was made and asked, and of their products."""
    leads, moves = asked > _STILL, own > _STILL
    # What does not move at all has a gain of 0, without a sign.
    gain = np.where(leads, np.where(moves, both, 0.0) / np.where(leads, asked, 1), np.nan)
    follows = np.where(moves, both / np.sqrt(np.where(moves & leads, own * asked, 1)), 0.0)
    return gain, np.where(leads, follows, np.nan)


def mean_by(values: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> float:
    """Average those of values (K,) that are chosen (K,) and known, with their weights (K,); NaN of none."""
    used = chosen & np.isfinite(values) & (weights > 0)
    return float(np.average(values[used], weights=weights[used])) if used.any() else float("nan")


def deviations(blendshapes: np.ndarray) -> np.ndarray:
    """Measure how much a driver uses each blendshape (T, 52), NaN without a face: deviations (52,), 0 where not at all.

    Those of the whole clip are the weights of means over blendshapes.
    """
    known = blendshapes[np.isfinite(blendshapes).all(1)]
    deviation = known.std(0) if len(known) else np.zeros(blendshapes.shape[1])
    return np.where(deviation > USED, deviation, 0.0)


def compare_blendshapes(
    made: np.ndarray, driver: np.ndarray, weights: np.ndarray
) -> tuple[list[Scores], dict[str, np.ndarray]]:
    """Compare blendshapes (N, 52), NaN without a face, with the driver's, by groups and one by one.

    Args:
        made: of the rendered faces.
        driver: the driver's own in the same frames.
        weights: (52,), from the driver's whole clip; 0 is a blendshape that is not used.

    Returns gain and correlation of the whole face and of each group, one value each: means over those blendshapes that
    the driver uses, in the clip and in these frames again; NaN where there are none. And, of each of these blendshapes,
    its name → (gain, correlation).
    """
    used = np.where(deviations(driver) > 0, weights, 0.0)
    gains, correlations = follow(made, driver)
    scores = []
    for group in (WHOLE, *GROUPS):
        mine = members(group)
        for metric, values in ((gain_metric(group), gains), (correlation_metric(group), correlations)):
            scores.append(Scores(metric, BLENDSHAPE_BACKEND, np.array([mean_by(values, used, mine)])))
    alone = {
        name: np.array([gains[row], correlations[row]])
        for row, name in enumerate(BLENDSHAPES)
        if used[row] > 0 and members()[row]
    }
    return scores, alone


def name_weights(weights: np.ndarray) -> dict[str, float]:
    """Name the weights (52,) of those blendshapes that a driver uses."""
    chosen = members() & (weights > 0)
    return {BLENDSHAPES[row]: float(weights[row]) for row in np.flatnonzero(chosen).tolist()}


def weigh_pairs(uses: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
    """Return how much each pair counts in the means of a group's gain and correlation: metric → (P,).

    It counts as much as its driver uses the group: who hardly smiles says little of how smiles arrive. ``uses`` are the
    weights of each pair's blendshapes, as :func:`name_weights` names them.
    """
    found: dict[str, np.ndarray] = {}
    for group in (WHOLE, *GROUPS):
        mine = members(group)
        weights = np.array([sum(use.get(name, 0.0) for name in np.array(BLENDSHAPES)[mine]) for use in uses])
        # Whose file does not say how much counts for little, but counts.
        found |= {metric(group).name: weights + 1e-6 for metric in (gain_metric, correlation_metric)}
    return found


def average_blendshapes(
    pairs: Sequence[Mapping[str, np.ndarray]], weights: Sequence[Mapping[str, float]]
) -> dict[str, np.ndarray]:
    """Average what pairs have of single blendshapes, (gain, correlation) each, with the weights of their drivers."""
    found: dict[str, np.ndarray] = {}
    for name in BLENDSHAPES:
        known = [
            (pair[name], weight[name])
            for pair, weight in zip(pairs, weights, strict=True)
            if name in pair and weight.get(name, 0.0) > 0 and np.isfinite(pair[name]).all()
        ]
        if known:
            found[name] = np.average([v for v, _ in known], axis=0, weights=[w for _, w in known])
    return found
