"""The numbers that are measured of a driven plate, and the ranges that are promised for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ofx_reenact.evaluate.metrics.lips_and_lids import CURVES, LIDS


@dataclass(frozen=True)
class Promise:
    """The range that a number should lie in: the mean over pairs, or, with ``every_pair``, the number of each pair."""

    low: float = -math.inf
    high: float = math.inf
    every_pair: bool = False

    def distance_outside(self, value: float) -> float:
        """Return how far a value lies outside the range; 0 inside, NaN of NaN."""
        return float(max(self.low - value, value - self.high, 0.0)) if math.isfinite(value) else math.nan

    def __str__(self) -> str:
        """Write the range as in tables."""
        if self.low == self.high:
            return f"{self.low:g}"
        if math.isinf(self.low) or math.isinf(self.high):
            return f"≤ {self.high:g}" if math.isinf(self.low) else f"≥ {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Quantity:
    """A number that each pair has.

    Attributes:
        name: its name in tables.
        unit: its unit.
        description: what it is.
        reduction: reduces the values (n,) of a pair, n ≥ 1 and all finite, to one number.
        promise: the promised range; None if nothing is promised.
        places: decimal places in tables.
    """

    name: str
    unit: str
    description: str
    reduction: Callable[[np.ndarray], float] = np.mean
    promise: Promise | None = None
    places: int = 3

    def reduce(self, values: np.ndarray) -> float:
        """Reduce the values (n,) of a pair to one number; NaN are left out, and NaN is returned if none are left."""
        known = values[np.isfinite(values)]
        return float(self.reduction(known)) if len(known) else math.nan


_HIGH_CORRELATION, _FULL_SLOPE, _ALWAYS_ZERO = Promise(low=0.9), Promise(0.9, 1.1), Promise(0, 0, every_pair=True)


def correlation_of(curve: str) -> Quantity:
    """Return the quantity for the correlation of a curve with the driver's."""
    pairs = "; only pairs whose driver blinks with this eye" if curve in LIDS else ""
    description = f"correlation of the result's {curve} with the driver's, over the frames of a clip{pairs}"
    return Quantity(f"{curve}: correlation", "-1 to 1", description, promise=_HIGH_CORRELATION)


def slope_of(curve: str) -> Quantity:
    """Return the quantity for the slope of a curve over the driver's."""
    pairs = "; only pairs whose driver blinks with this eye" if curve in LIDS else ""
    description = f"how far the result's {curve} moves against the driver's: slope of the least-squares line{pairs}"
    return Quantity(f"{curve}: slope", "of the driver's", description, promise=_FULL_SLOPE)


def slope_asked(curve: str) -> Quantity:
    """Return the quantity for the slope of the curve that the shot asks for, over the driver's."""
    description = (
        f"the same slope of the {curve} that the shot asks for, before it is rendered and tracked; the difference "
        "between the two is lost in the picture or by the tracker"
    )
    return Quantity(f"{curve}: slope asked", "of the driver's", description)


JITTER = Quantity(
    "jitter ratio", "of both", "RMS second difference of the result's lips over the root of the sum of squares of the "
    "plate's and the driver's, in tracks that are not smoothed", promise=Promise(high=1),
)  # fmt: skip
IDENTITY = Quantity(
    "identity", "cosine", "similarity of each result frame to the same frame of the plate: cosine of face embeddings",
    promise=Promise(low=0.95),
)  # fmt: skip
LOWEST = Quantity(
    "identity, lowest", "cosine", "the same, in the frame of the pair where it is lowest", reduction=np.min
)  # fmt: skip
OUTSIDE = Quantity(
    "outside the matte", "scene-linear", "largest difference of a pixel from the plate where the matte is 0",
    reduction=np.max, promise=_ALWAYS_ZERO, places=6,
)  # fmt: skip
STRAYS = Quantity(
    "pixels outside", "pixels", "pixels that differ from the plate where the matte is 0, over all frames of a pair",
    reduction=np.sum, promise=_ALWAYS_ZERO, places=0,
)  # fmt: skip
PARTS = Quantity("frames with parts", "fraction", "frames that take mouth or eyes from another frame")
CONFIDENCE = Quantity("confidence", "0 to 1", "the confidence that the shot gives its own frames")
FACE = Quantity("face found", "fraction", "frames of the result in which the tracker finds a face")
# For a plate that is driven by its own performance.
ASKED = Quantity(
    "displacement asked", "pixels", "largest displacement that is asked of any point of the face",
    reduction=np.max,
)  # fmt: skip
EXACT = Quantity(
    "frames bit for bit", "fraction", "frames in which every pixel is the plate's",
    promise=Promise(low=1, every_pair=True),
)  # fmt: skip

OF_PAIRS: tuple[Quantity, ...] = (
    *(make(curve) for curve in CURVES for make in (correlation_of, slope_of, slope_asked)),
    JITTER, IDENTITY, LOWEST, OUTSIDE, STRAYS, PARTS, CONFIDENCE, FACE,
)  # fmt: skip
OF_SELF: tuple[Quantity, ...] = (ASKED, EXACT, OUTSIDE, STRAYS)
