"""What is measured of a plate that is driven, and what is promised of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ofx_reenact.evaluate.metrics.following import CURVES, LIDS


@dataclass(frozen=True)
class Promise:
    """The range that a value is to lie in; with ``everywhere`` each pair's, else the mean of pairs'."""

    low: float = -math.inf
    high: float = math.inf
    everywhere: bool = False

    def miss(self, value: float) -> float:
        """Return by how much a value lies outside the range; 0 inside, NaN where there is no value."""
        return float(max(self.low - value, value - self.high, 0.0)) if math.isfinite(value) else math.nan

    def __str__(self) -> str:
        """Write the range as a table does."""
        if self.low == self.high:
            return f"{self.low:g}"
        if math.isinf(self.low) or math.isinf(self.high):
            return f"≤ {self.high:g}" if math.isinf(self.low) else f"≥ {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Quantity:
    """A number of a pair.

    Attributes:
        name: in tables.
        unit: its unit.
        says: a sentence on it.
        of_pair: makes the pair's number of its values (n,), which are finite and one or more.
        promise: what it is to be; None where nothing is promised.
        digits: behind the point.
    """

    name: str
    unit: str
    says: str
    of_pair: Callable[[np.ndarray], float] = np.mean
    promise: Promise | None = None
    digits: int = 3

    def reduce(self, values: np.ndarray) -> float:
        """Make the number of a pair of its values (n,); NaN are left out, and there may be none."""
        known = values[np.isfinite(values)]
        return float(self.of_pair(known)) if len(known) else math.nan


_FOLLOWS, _AS_FAR, _NEVER = Promise(low=0.9), Promise(0.9, 1.1), Promise(0, 0, everywhere=True)


def correlation_of(curve: str) -> Quantity:
    """Name the correlation of a curve with the driver's."""
    where = "; of pairs whose driver blinks with this eye" if curve in LIDS else ""
    says = f"correlation of the result's {curve} with the driver's, over the frames of a clip{where}"
    return Quantity(f"{curve}: correlation", "-1 to 1", says, promise=_FOLLOWS)


def slope_of(curve: str) -> Quantity:
    """Name the slope of a curve over the driver's."""
    where = "; of pairs whose driver blinks with this eye" if curve in LIDS else ""
    says = f"how far the result's {curve} goes for the driver's: slope of the least-squares line{where}"
    return Quantity(f"{curve}: slope", "of the driver's", says, promise=_AS_FAR)


def slope_asked(curve: str) -> Quantity:
    """Name the slope of what the shot asks of a curve over the driver's."""
    says = (
        f"the same slope of the {curve} that the shot asks for, before it is made and tracked: what lies between it "
        "and the slope is lost in the picture, or by the tracker"
    )
    return Quantity(f"{curve}: slope asked", "of the driver's", says)


JITTER = Quantity(
    "jitter ratio", "of both", "RMS second difference of the result's lips over the root of the sum of squares of the "
    "plate's and the driver's, of tracks that are not smoothed", promise=Promise(high=1),
)  # fmt: skip
IDENTITY = Quantity(
    "identity", "cosine", "likeness of each result frame to the same frame of the plate: cosine of two face embeddings",
    promise=Promise(low=0.95),
)  # fmt: skip
LOWEST = Quantity("identity, lowest", "cosine", "the same in the frame of the pair where it is lowest", of_pair=np.min)
OUTSIDE = Quantity(
    "outside the matte", "scene-linear", "largest difference of a pixel from the plate where the matte is 0",
    of_pair=np.max, promise=_NEVER, digits=6,
)  # fmt: skip
STRAYS = Quantity(
    "pixels outside", "pixels", "pixels that differ from the plate where the matte is 0, over all frames of a pair",
    of_pair=np.sum, promise=_NEVER, digits=0,
)  # fmt: skip
PARTS = Quantity("frames with parts", "fraction", "frames that take mouth or eyes from another frame")
CONFIDENCE = Quantity("confidence", "0 to 1", "what the shot says of its own frames")
FACE = Quantity("face found", "fraction", "frames of the result in which the tracker finds a face")
# Of a plate that is driven by its own performance.
ASKED = Quantity(
    "displacement asked", "pixels", "largest displacement that any point of the face is asked to make",
    of_pair=np.max,
)  # fmt: skip
EXACT = Quantity(
    "frames bit for bit", "fraction", "frames whose every pixel is the plate's",
    promise=Promise(low=1, everywhere=True),
)  # fmt: skip

OF_PAIRS: tuple[Quantity, ...] = (
    *(make(curve) for curve in CURVES for make in (correlation_of, slope_of, slope_asked)),
    JITTER, IDENTITY, LOWEST, OUTSIDE, STRAYS, PARTS, CONFIDENCE, FACE,
)  # fmt: skip
OF_SELF: tuple[Quantity, ...] = (ASKED, EXACT, OUTSIDE, STRAYS)
