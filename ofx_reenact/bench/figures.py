"""What all rows of benchmarks share: the fields that identify what was measured, and percentiles of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Fields that identify what a row measured: rows of two records are compared if these are equal.
IDENTITY = ("state", "project", "size", "target", "stage", "what", "until", "per", "processes", "frames")


@dataclass(frozen=True, kw_only=True)
class Timed:
    """How long something took: median, 5th and 95th percentile of ``samples`` values, in milliseconds."""

    samples: int
    milliseconds: float
    milliseconds_p5: float
    milliseconds_p95: float


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, the 5th and the 95th percentile of values."""
    p5, median, p95 = (float(p) for p in np.percentile(values, (5, 50, 95)))
    return median, p5, p95


def timed_fields(seconds: Sequence[float]) -> dict[str, Any]:
    """Return the fields of :class:`Timed` for samples in seconds."""
    median, p5, p95 = (1000 * value for value in percentiles(seconds))
    return {"samples": len(seconds), "milliseconds": median, "milliseconds_p5": p5, "milliseconds_p95": p95}
