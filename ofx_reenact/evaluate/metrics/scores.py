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
    """A number's name.

    Attributes:
        name: as tables head it.
        unit: what it is counted in.
        best: ``high``, ``low``, or the value that is best.
        says: what it is, in one sentence.
    """

    name: str
    unit: str
    best: Literal["high", "low", "0", "1"]
    says: str


@dataclass(frozen=True)
class Scores:
    """Values of one metric, all made by one backend.

    Attributes:
        metric: its name.
        backend: what made them.
        values: (N,) float64, NaN where there is no value.
    """

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
    """Estimate a statistic of pairs, and its interval by leaving out one target, or one driver, at a time.

    Pairs that share a target or a driver are not independent: taken for so many independent values they would make
    the interval several times too narrow. The variance is the sum of the jackknife's over each kind of group, the
    factor Student's for the smaller number of groups.

    Args:
        statistic: of a choice of pairs, (P,) bool.
        groups: for each kind of group the group of every pair, (P,) int.
        used: (P,) bool, pairs that have a value.
        frames: number of values in all.
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
