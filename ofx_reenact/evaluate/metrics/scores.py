"""Metrics and their values: names, backends, means and 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student
from torch import Tensor


@dataclass(frozen=True)
class Metric:
    """A metric: its name in tables, its unit, the best value (``high``, ``low`` or a number) and a description."""

    name: str
    unit: str
    best: Literal["high", "low", "0", "1"]
    description: str


@dataclass(frozen=True)
class Scores:
    """Values (N,) float64 of one metric, all made by one backend; NaN where there is no value."""

    metric: Metric
    backend: str
    values: np.ndarray


@dataclass(frozen=True)
class Mean:
    """A mean of ``count`` independent values and half its 95 % interval."""

    mean: float
    interval: float
    count: int

    @classmethod
    def of(cls, values: Tensor) -> Mean:
        """Take the mean of values (N,); NaN are left out."""
        known = values[~values.isnan()].double()
        if len(known) == 0:
            return cls(math.nan, math.nan, 0)
        spread = known.std().item() if len(known) > 1 else math.nan
        return cls(known.mean().item(), 1.96 * spread / math.sqrt(len(known)), len(known))


@dataclass(frozen=True)
class Estimate:
    """A number over pairs, half its 95 % interval (NaN if there is none), and its number of pairs and frames."""

    value: float
    interval: float
    pairs: int
    frames: int


def estimate(
    statistic: Callable[[np.ndarray], float], groups: Sequence[np.ndarray], used: np.ndarray, frames: int
) -> Estimate:
    """Estimate a statistic and its interval by a jackknife that leaves out one target, or one driver, at a time.

    Pairs that share a target or a driver are not independent; an interval that took them as independent would be
    several times too narrow. The variance is the sum over the kinds of groups; the factor is Student's t for the
    smaller number of groups.

    Args:
        statistic: computes the number of the pairs that a mask (P,) bool chooses.
        groups: for each kind of group (targets, drivers) the group of each pair, (P,) int.
        used: (P,) bool, pairs that have a value.
        frames: number of frames, for the result.
    """
    value = statistic(used) if used.any() else math.nan
    variance, fewest_groups = 0.0, math.inf
    for group in groups:
        names = np.unique(group[used])
        if len(names) < 2:
            continue
        without = np.array([statistic(used & (group != name)) for name in names])
        variance += (len(names) - 1) / len(names) * float(((without - without.mean()) ** 2).sum())
        fewest_groups = min(fewest_groups, len(names))
    if math.isfinite(fewest_groups):
        interval = float(student.ppf(0.975, fewest_groups - 1)) * math.sqrt(variance)
    else:
        interval = math.nan
    return Estimate(value, interval, int(used.sum()), frames)


def estimate_mean(
    numbers: np.ndarray, groups: Sequence[np.ndarray], frames: int, weights: np.ndarray | None = None
) -> Estimate:
    """Estimate the mean of the pairs' numbers (P,), NaN where a pair has none; see :func:`estimate`.

    ``weights`` (P,) must be above 0 where there is a number; without them all pairs count equally.
    """
    return estimate(
        lambda chosen: float(np.average(numbers[chosen], weights=None if weights is None else weights[chosen])),
        groups, np.isfinite(numbers), frames,
    )  # fmt: skip


def finite_mean(values: np.ndarray) -> float:
    """Return the mean of the finite values (N,); NaN if there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def format_number(value: float, places: int) -> str:
    """Write a number with ``places`` decimal places; what rounds to 0 has no sign."""
    return f"{round(value, places) + 0.0:.{places}f}"


def format_estimate(number: Estimate, places: int) -> str:
    """Write a number and, if it has one, half its interval: ``0.70 ±0.15``."""
    interval = f" ±{format_number(number.interval, places)}" if math.isfinite(number.interval) else ""
    return format_number(number.value, places) + interval


def json_number(value: float) -> float | None:
    """Round to five decimal places for JSON; null where there is no number."""
    return round(value, 5) if math.isfinite(value) else None
