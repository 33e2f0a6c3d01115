"""How much of a performance is transferred: gain and correlation of the result's curves and the driver's.

The mean over the clip is subtracted from each curve first, so the shape of a face does not count. A gain of 1 with a
correlation of 1 is a performance that is transferred completely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ofx_reenact.evaluate.metrics.motion import BLENDSHAPE_BACKEND
from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.tracking.blendshapes import BLENDSHAPES

# A driver uses a blendshape whose standard deviation over the clip is above this.
USED = 0.03
# Fewest frames that a line is fitted to.
FEWEST = 3
# A sum of squares below this is rounding error.
_ROUNDING = 1e-18
# Groups of blendshapes, by the beginnings of their names. Those in no group are unreliable on real faces.
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
# The name of the whole face: all blendshapes of these groups.
WHOLE = ""


def gain_metric(group: str = WHOLE) -> Metric:
    """Return the metric for the gain of a group of blendshapes, or of the whole face."""
    what = f"{group} blendshapes" if group else "blendshapes"
    return Metric(
        f"gain {group}".strip(), "of the driver's", "1",
        f"how far the result's {what} move in comparison with the driver's within the clip: slopes of least-squares "
        "lines, mean weighted by the driver's standard deviations",
    )  # fmt: skip


def correlation_metric(group: str = WHOLE) -> Metric:
    """Return the metric for the correlation of a group of blendshapes, or of the whole face."""
    what = f"{group} blendshapes" if group else "blendshapes"
    return Metric(
        f"correlation {group}".strip(), "-1 to 1", "1",
        f"whether the result's {what} move in time with the driver's within the clip: correlations, mean weighted as "
        "for the gain",
    )  # fmt: skip


def in_group(group: str = WHOLE) -> np.ndarray:
    """Return which blendshapes belong to a group, or to any of the groups: (52,) bool."""
    starts = GROUPS[group] if group else tuple(start for one in GROUPS.values() for start in one)
    return np.array([name.startswith(starts) for name in BLENDSHAPES])


def gain_and_correlation(
    made: np.ndarray, driver: np.ndarray, fewest: int = FEWEST
) -> tuple[np.ndarray, np.ndarray]:
    """Compare the result's curves (N,) or (N, ...) with the driver's, after subtracting the mean from each.

    Frames in which either has a NaN do not count. Returns gains (...), the slopes of the least-squares lines
    made = gain · driver, and correlations (...). Both are NaN where the driver does not move or fewer than ``fewest``
    frames are left, and 0 where the result does not move.
    """
    rest = tuple(range(1, made.ndim))
    known = np.isfinite(made).all(rest) & np.isfinite(driver).all(rest)
    if known.sum() < fewest:
        return np.full(made.shape[1:], np.nan), np.full(made.shape[1:], np.nan)
    one, other = (values[known] - values[known].mean(0) for values in (made, driver))
    return gain_and_correlation_of_sums((one**2).sum(0), (other**2).sum(0), (one * other).sum(0))


def gain_and_correlation_of_sums(
    made: np.ndarray, driver: np.ndarray, products: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return gain and correlation from the sums of squares of both curves and the sum of their products."""
    driver_moves, made_moves = driver > _ROUNDING, made > _ROUNDING
    # A result that does not move has a gain of 0, not of -0.
    gain = np.where(driver_moves, np.where(made_moves, products, 0.0) / np.where(driver_moves, driver, 1), np.nan)
    norm = np.sqrt(np.where(made_moves & driver_moves, made * driver, 1))
    return gain, np.where(driver_moves, np.where(made_moves, products / norm, 0.0), np.nan)


def weighted_mean(values: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> float:
    """Average the chosen finite values (K,) with their weights (K,); NaN if there are none."""
    used = chosen & np.isfinite(values) & (weights > 0)
    return float(np.average(values[used], weights=weights[used])) if used.any() else float("nan")


def used_deviations(blendshapes: np.ndarray) -> np.ndarray:
    """Return the standard deviation (52,) of each blendshape that a driver uses, and 0 for the others.

    ``blendshapes`` are (T, 52), NaN without a face. The deviations of a whole clip are the weights of means over
    blendshapes.
    """
    known = blendshapes[np.isfinite(blendshapes).all(1)]
    deviation = known.std(0) if len(known) else np.zeros(blendshapes.shape[1])
    return np.where(deviation > USED, deviation, 0.0)


def compare_blendshapes(
    made: np.ndarray, driver: np.ndarray, weights: np.ndarray
) -> tuple[list[Scores], dict[str, np.ndarray]]:
    """Compare the blendshapes of rendered faces with the driver's, by groups and one by one.

    Args:
        made: (N, 52) of the rendered faces, NaN without a face.
        driver: (N, 52) of the driver in the same frames.
        weights: (52,), :func:`used_deviations` of the driver's whole clip.

    Returns gain and correlation of the whole face and of each group, one value each: means over the blendshapes that
    the driver uses both in the whole clip and in these frames; NaN where there are none. And for each of these
    blendshapes its name → (gain, correlation).
    """
    used = np.where(used_deviations(driver) > 0, weights, 0.0)
    gains, correlations = gain_and_correlation(made, driver)
    scores = []
    for group in (WHOLE, *GROUPS):
        chosen = in_group(group)
        for metric, values in ((gain_metric(group), gains), (correlation_metric(group), correlations)):
            scores.append(Scores(metric, BLENDSHAPE_BACKEND, np.array([weighted_mean(values, used, chosen)])))
    by_blendshape = {
        name: np.array([gains[row], correlations[row]])
        for row, name in enumerate(BLENDSHAPES)
        if used[row] > 0 and in_group()[row]
    }
    return scores, by_blendshape


def weights_by_name(weights: np.ndarray) -> dict[str, float]:
    """Return the weights (52,) of the blendshapes that a driver uses by name."""
    chosen = in_group() & (weights > 0)
    return {BLENDSHAPES[row]: float(weights[row]) for row in np.flatnonzero(chosen).tolist()}


def pair_weights(uses: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
    """Return the weight of each pair in the means of a group's gain and correlation: metric → (P,).

    The weight of a pair is how much its driver uses the group: a driver who hardly smiles shows little of how smiles
    are transferred. ``uses`` has the blendshapes' weights of each pair, from :func:`weights_by_name`.
    """
    found: dict[str, np.ndarray] = {}
    for group in (WHOLE, *GROUPS):
        chosen = in_group(group)
        weights = np.array([sum(use.get(name, 0.0) for name in np.array(BLENDSHAPES)[chosen]) for use in uses])
        # Results of earlier versions have no weights; the small number makes them count a little.
        found |= {metric(group).name: weights + 1e-6 for metric in (gain_metric, correlation_metric)}
    return found


def average_blendshapes(
    pairs: Sequence[Mapping[str, np.ndarray]], weights: Sequence[Mapping[str, float]]
) -> dict[str, np.ndarray]:
    """Average each blendshape's (gain, correlation) over the pairs, with the weights of their drivers."""
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
