"""One interface to the operations on every pixel, on the CPU or on a torch device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

# An array on the operations' device: numpy's on the CPU, torch's elsewhere. It is sliced and assigned like numpy's.
Array = Any


class Ops(Protocol):
    """Operations on arrays on a device, "the device"; each accepts arrays on the host too.

    Arrays are float32; positions, curves and ``rows`` may be float64 on the host.
    """

    def put(self, array: np.ndarray) -> Array:
        """Copy an array from the host to the device; on the CPU it may share memory."""

    def fetch(self, array: Array, own: bool = False) -> np.ndarray:
        """Return an array on the host; it may share memory unless ``own``."""

    def rasterise(
        self,
        positions: np.ndarray,
        depth: np.ndarray,
        layers: Sequence[np.ndarray],
        vectors: np.ndarray,
        values: np.ndarray,
        size: tuple[int, int],
        background: Sequence[float] = (),
    ) -> tuple[Array, Array]:
        """Draw layers of triangles, as :func:`ofx_reenact.ops.raster.rasterise`; the arguments are on the host."""

    def sample(self, picture: Array, x: Array, y: Array) -> Array:
        """Sample a picture at continuous positions, as :func:`ofx_reenact.ops.sample.sample`."""

    def warp(
        self,
        picture: Array,
        offset: Array,
        left: int,
        top: int,
        shading: Array | None = None,
        out: np.ndarray | None = None,
    ) -> Array:
        """Sample a picture at each pixel's position plus an offset, as :func:`ofx_reenact.ops.sample.warp`.

        With ``out``, an array on the host, the result is written there only.
        """

    def remap(self, vectors: Array, x: Array, y: Array) -> Array:
        """Sample vectors (H, W, 2) bilinearly at positions (h, w) that are rounded to 1/32 pixel: (h, w, 2).

        Beyond the edge, the edge's values are repeated.
        """

    def blur(self, picture: Array, sigma: float) -> Array:
        """Blur a picture (H, W) or (H, W, C) with a Gaussian of ``sigma`` pixels, mirrored at the edge."""

    def keep_edge(self, offset: Array, stretch: Array, left: int, rows: np.ndarray) -> None:
        """Squeeze a map below the picture's upper edge, in place, as :func:`ofx_reenact.ops.edge.keep_edge`."""

    def read_curve(self, knots: np.ndarray, powers: np.ndarray, places: Array) -> Array:
        """Evaluate a piecewise cubic at places of any shape, as :func:`ofx_reenact.ops.curve.read_curve`."""


@lru_cache(maxsize=4)
def ops_for(device: str) -> Ops:
    """Return the operations for ``cpu`` or a torch device such as ``cuda``; cached."""
    if device == "cpu":
        from ofx_reenact.ops.on_cpu import CPU

        return CPU
    from ofx_reenact.ops.on_torch import OnTorch

    return OnTorch(device)
