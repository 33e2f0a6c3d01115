"""What is done to every pixel, on the CPU: numba's loops, shared over its cores, and OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from ofx_reenact.ops import curve, edge, raster
from ofx_reenact.ops import sample as sampling


class OnCPU:
    """The operations of :class:`~ofx_reenact.ops.backend.Ops` on numpy's arrays."""

    rasterise = staticmethod(raster.rasterise)
    sample = staticmethod(sampling.sample)
    warp = staticmethod(sampling.warp)
    keep_edge = staticmethod(edge.keep_edge)

    def put(self, array: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return array

    def fetch(self, array: np.ndarray, own: bool = False) -> np.ndarray:
        """Return the array itself, or a copy that is the caller's own."""
        return array.copy() if own else array

    def remap(self, vectors: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Read vectors (H, W, 2) at positions (h, w) rounded to 1/32 of a pixel, linearly between pixels: (h, w, 2)."""
        return cv2.remap(vectors, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def blur(self, picture: np.ndarray, sigma: float) -> np.ndarray:
        """Blur a picture (H, W) or (H, W, C) by a deviation in pixels; its edge is a mirror."""
        return cv2.GaussianBlur(picture, (0, 0), sigma).reshape(picture.shape)

    def read_curve(self, knots: np.ndarray, powers: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Read a curve of cubic pieces at places of any shape, float64."""
        read = np.empty(np.shape(places))
        curve.read_curve(knots, powers, np.ascontiguousarray(places, np.float64).reshape(-1), read.reshape(-1))
        return read


CPU = OnCPU()
