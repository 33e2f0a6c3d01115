"""What rows of a benchmark have in common: which fields say what was measured, and how samples are summed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Fields that say what a row is of; rows of two records that agree in them are of the same thing.
IDENTITY = ("state", "project", "size", "target", "stage", "what", "until", "per", "processes", "frames")


@dataclass(frozen=True, kw_only=True)
class Timed:
    """How long something took: median and percentiles of so many samples."""

    samples: int
    milliseconds: float
    milliseconds_p5: float
    milliseconds_p95: float


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median of values, their 5th and their 95th percentile."""
    p5, median, p95 = (float(p) for p in np.percentile(values, (5, 50, 95)))
    return median, p5, p95


def spread(seconds: Sequence[float]) -> dict[str, Any]:
    """Sum up samples, in seconds; returns the fields of :class:`Timed`."""
    median, p5, p95 = (1000 * value for value in percentiles(seconds))
    return {"samples": len(seconds), "milliseconds": median, "milliseconds_p5": p5, "milliseconds_p95": p95}
