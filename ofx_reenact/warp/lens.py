"""The lens shape of an eye's or the mouth's opening: two curves between two corners, in the corners' frame.

Convention: ``u`` runs from -1 at the first corner to 1 at the last; ``v`` is perpendicular to it, in pixels, positive
downwards in an upright face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from ofx_reenact.compiled import compiled
from ofx_reenact.ops.on_cpu import CPU


@dataclass(frozen=True)
class Lens:
    """An opening between two curves."""

    centre: np.ndarray  # (2,) midpoint of the corners, pixels
    axis: np.ndarray  # (2,) unit vector from the first corner to the last
    half: float  # half the distance between the corners, pixels
    upper: PchipInterpolator  # ``v`` of the upper curve as a function of ``u`` in [-1, 1]
    lower: PchipInterpolator  # of the lower curve

    @classmethod
    def fit(cls, upper: np.ndarray, lower: np.ndarray) -> Lens:
        """Fit to the two halves of a contour, (n, 2) pixels each, both from the first corner to the last."""
        first, last = (upper[0] + lower[0]) / 2, (upper[-1] + lower[-1]) / 2
        half = max(float(np.linalg.norm(last - first)) / 2, 1e-6)
        centre, axis = (first + last) / 2, (last - first) / (2 * half)

        def curve(points: np.ndarray) -> PchipInterpolator:
            u, v = _to_frame(points[:, 0], points[:, 1], centre, axis, half)
            u[0], u[-1], v[0], v[-1] = -1.0, 1.0, 0.0, 0.0
            # A contour seen from the side can double back at a corner, but the curve must be a function of u.
            u = np.maximum.accumulate(np.clip(u, -1, 1)) + 1e-4 * np.arange(len(u))
            return PchipInterpolator(2 * (u - u[0]) / (u[-1] - u[0]) - 1, v)

        return cls(centre, axis, half, curve(upper), curve(lower))

    def coordinates(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (u, v) of pixel positions, float64."""
        return _to_frame(x, y, self.centre, self.axis, self.half)

    def pixels(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixel positions (x, y) of (u, v)."""
        along = u * self.half
        x = self.centre[0] + along * self.axis[0] - v * self.axis[1]
        y = self.centre[1] + along * self.axis[1] + v * self.axis[0]
        return x, y

    def bounds(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``v`` of the upper and the lower curve at ``u``; outside the corners both are 0."""
        return CPU.read_curve(self.upper.x, self.upper.c, u), CPU.read_curve(self.lower.x, self.lower.c, u)

    @property
    def gap(self) -> float:
        """Largest distance between the curves divided by the opening's width; 0 is shut."""
        upper, lower = self.bounds(np.linspace(-0.9, 0.9, 37))
        return float(np.clip((lower - upper).max(), 0, None) / (2 * self.half))

    def coverage(self, x: np.ndarray, y: np.ndarray, feather: float) -> np.ndarray:
        """Return the coverage of pixels by the opening: 1 inside, 0 outside, with a ramp ``feather`` pixels wide."""
        u, v = self.coordinates(x, y)
        upper, lower = self.bounds(u)
        ramp = np.clip(0.5 + (v - upper) / feather, 0, 1) * np.clip(0.5 + (lower - v) / feather, 0, 1)
        thick = np.clip((lower - upper) / (2 * feather), 0, 1)
        ends = np.clip(0.5 + (1 - np.abs(u)) * self.half / feather, 0, 1)
        return ramp * thick * ends

    def box(self, margin: float) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of the opening's box, enlarged by ``margin`` pixels."""
        u = np.linspace(-1, 1, 25)
        upper, lower = self.bounds(u)
        x, y = self.pixels(np.concatenate([u, u]), np.concatenate([upper, lower]))
        return x.min() - margin, y.min() - margin, x.max() + margin, y.max() + margin


def pixel_places(left: int, top: int, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions (x, y) of the pixels of a window, (h, w) float64 each."""
    x, y = np.meshgrid(np.arange(left, left + width, dtype=np.float64), np.arange(top, top + height, dtype=np.float64))
    return x, y


def _to_frame(
    x: np.ndarray, y: np.ndarray, centre: np.ndarray, axis: np.ndarray, half: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (u, v) of places in the frame of two corners, in the places' shape, float64."""
    u, v = (np.empty(np.shape(x)) for _ in range(2))
    right, down = (np.ascontiguousarray(at, np.float64).reshape(-1) for at in (x, y))
    _convert(right, down, centre, axis, half, u.reshape(-1), v.reshape(-1))
    return u, v


@compiled
def _convert(
    x: np.ndarray, y: np.ndarray, centre: np.ndarray, axis: np.ndarray, half: float, u: np.ndarray, v: np.ndarray
) -> None:
    """Convert places (n,) to the frame of an opening."""
    for i in range(len(x)):
        right, down = x[i] - centre[0], y[i] - centre[1]
        u[i] = (right * axis[0] + down * axis[1]) / half
        v[i] = down * axis[0] - right * axis[1]
