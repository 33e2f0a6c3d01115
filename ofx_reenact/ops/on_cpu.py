"""The operations on every pixel on the CPU: numba loops on all cores, and OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from ofx_reenact.ops import curve, edge, raster
from ofx_reenact.ops import sample as sampling


class OnCPU:
    """Operations as in :class:`~ofx_reenact.ops.backend.Ops`, on numpy arrays."""

    rasterise = staticmethod(raster.rasterise)
    sample = staticmethod(sampling.sample)
    warp = staticmethod(sampling.warp)
    keep_edge = staticmethod(edge.keep_edge)

    def put(self, array: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return array

    def fetch(self, array: np.ndarray, own: bool = False) -> np.ndarray:
        """Return the array itself, or a copy if ``own``."""
        return array.copy() if own else array

    def remap(self, vectors: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Sample vectors (H, W, 2) bilinearly at positions (h, w) that are rounded to 1/32 pixel: (h, w, 2)."""
        return cv2.remap(vectors, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def blur(self, picture: np.ndarray, sigma: float) -> np.ndarray:
        """Blur a picture (H, W) or (H, W, C) with a Gaussian of ``sigma`` pixels, mirrored at the edge."""
        return cv2.GaussianBlur(picture, (0, 0), sigma).reshape(picture.shape)

    def read_curve(self, knots: np.ndarray, powers: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Evaluate a piecewise cubic at places of any shape: float64."""
        read = np.empty(np.shape(places))
        curve.read_curve(knots, powers, np.ascontiguousarray(places, np.float64).reshape(-1), read.reshape(-1))
        return read


CPU = OnCPU()
