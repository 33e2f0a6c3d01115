"""What a number is called, what made it, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student


@dataclass(frozen=True)
class Metric:
    """A number: its name in tables, its unit, ``high``, ``low`` or the value that is best, and a sentence on it."""

    name: str
    unit: str
    best: Literal["high", "low", "0", "1"]
    says: str


@dataclass(frozen=True)
class Scores:
    """Values (N,) float64 of one metric, all made by one backend; NaN where there is no value."""

    metric: Metric
    backend: str
    values: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """A number with half its 95 % interval (NaN if there is none), and of how many pairs and frames it is."""

    value: float
    interval: float
    pairs: int
    frames: int


def estimate(
    statistic: Callable[[np.ndarray], float], groups: Sequence[np.ndarray], used: np.ndarray, frames: int
) -> Estimate:
    """Estimate a statistic of chosen pairs (P,) bool, and its interval by leaving out one target, or driver, at a time.

    Pairs that share a target or a driver are not independent: taken for so many independent values they would make the
    interval several times too narrow. The variance is the sum of the jackknife's over each kind of group, (P,) int, the
    factor Student's for the smaller number of groups. ``used`` (P,) bool are pairs that have a value.
    """
    value = statistic(used) if used.any() else math.nan
    variance, least = 0.0, math.inf
    for group in groups:
        names = np.unique(group[used])
        if len(names) < 2:
            continue
        without = np.array([statistic(used & (group != name)) for name in names])
        variance += (len(names) - 1) / len(names) * float(((without - without.mean()) ** 2).sum())
        least = min(least, len(names))
    interval = float(student.ppf(0.975, least - 1)) * math.sqrt(variance) if math.isfinite(least) else math.nan
    return Estimate(value, interval, int(used.sum()), frames)


def estimate_mean(
    means: np.ndarray, groups: Sequence[np.ndarray], frames: int, weights: np.ndarray | None = None
) -> Estimate:
    """Estimate the mean of pairs' numbers (P,), NaN where there is none; the rest as :func:`estimate`.

    ``weights`` (P,) are above 0 where there is a number; without, pairs count alike.
    """
    return estimate(
        lambda chosen: float(np.average(means[chosen], weights=None if weights is None else weights[chosen])),
        groups, np.isfinite(means), frames,
    )  # fmt: skip
