"""One interface to what is done to every pixel, whatever computes it: the CPU's own loops, or torch on a device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

# An array where these operations are done: numpy's on the CPU, torch's elsewhere. Slices of it are read and set as
# numpy's are.
Array = Any


class Ops(Protocol):
    """Operations on arrays that lie where they are done; of those, all take arrays of the host as well.

    What is in them is float32; positions, curves and ``rows`` may be float64 on the host.
    """

    def put(self, array: np.ndarray) -> Array:
        """Put an array of the host where these operations are done; it may be the same memory."""

    def fetch(self, array: Array, own: bool = False) -> np.ndarray:
        """Return an array on the host; it may be the same memory, unless it is to be the caller's ``own``."""

    def rasterise(
        self,
        positions: np.ndarray,
        depth: np.ndarray,
        layers: Sequence[np.ndarray],
        vectors: np.ndarray,
        values: np.ndarray,
        size: tuple[int, int],
        beside: Sequence[float] = (),
    ) -> tuple[Array, Array]:
        """Draw layers of triangles: as :func:`ofx_reenact.ops.raster.rasterise`, whose arguments are the host's."""

    def sample(self, picture: Array, x: Array, y: Array) -> Array:
        """Sample a picture at continuous positions: as :func:`ofx_reenact.ops.sample.sample`."""

    def warp(
        self,
        picture: Array,
        offset: Array,
        left: int,
        top: int,
        shading: Array | None = None,
        out: np.ndarray | None = None,
    ) -> Array:
        """Sample a picture where the pixels of a window come from: as :func:`ofx_reenact.ops.sample.warp`.

        With ``out``, an array of the host, the result is put there and nowhere else.
        """

    def remap(self, vectors: Array, x: Array, y: Array) -> Array:
        """Read vectors (H, W, 2) at positions (h, w), rounded to 1/32 of a pixel, linearly between pixels: (h, w, 2).

        Beyond the edge is the edge.
        """

    def blur(self, picture: Array, sigma: float) -> Array:
        """Blur a picture (H, W) or (H, W, C) by a deviation in pixels; its edge is a mirror."""

    def keep_edge(self, offset: Array, stretch: Array, left: int, rows: np.ndarray) -> None:
        """Squeeze a map below the picture's upper edge, in place: as :func:`ofx_reenact.ops.edge.keep_edge`."""

    def read_curve(self, knots: np.ndarray, powers: np.ndarray, places: Array) -> Array:
        """Read a curve of cubic pieces at places of any shape: as :func:`ofx_reenact.ops.curve.read_curve`."""


@lru_cache(maxsize=4)
def ops_for(device: str) -> Ops:
    """Return the operations of a device: ``cpu``, or one that torch has, as ``cuda``."""
    if device == "cpu":
        from ofx_reenact.ops.on_cpu import CPU

        return CPU
    from ofx_reenact.ops.on_torch import OnTorch

    return OnTorch(device)
