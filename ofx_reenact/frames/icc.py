"""ICC profiles of pictures, read by OCIO, as far as they are a matrix and three curves."""

from __future__ import annotations

import hashlib
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio

from ofx_reenact.frames import primaries
from ofx_reenact.frames.channels import to_one_line
from ofx_reenact.frames.transform import Transform, ocio_errors

# The sRGB profiles of other programs differ from sRGB by less than this in XYZ, for colours from 0 to 1.
_SAME = 4e-3
_PROBE = np.array([[[v] * 3 for v in (0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)] + np.eye(3).tolist()], np.float32)


def describe(profile: bytes, name: str) -> str:
    """Return a unique name for a profile: its colour model, its own name and a digest."""
    model = {b"GRAY": "grey ", b"CMYK": "CMYK "}.get(profile[16:20], "")
    digest = hashlib.sha256(profile).hexdigest()[:8]
    return f"{model}ICC profile {to_one_line(name)} ({digest})"


@lru_cache(16)
def is_srgb(profile: bytes) -> bool:
    """Tell whether a profile is sRGB.

    Raises:
        FrameError: the profile is not a matrix and three curves.
    """
    ours = primaries.decode_srgb(_PROBE) @ primaries.to_xyz(primaries.REC709).T.astype(np.float32)
    return bool(np.abs(to_xyz(profile, _PROBE) - ours).max() < _SAME)


def to_xyz(profile: bytes, rgb: np.ndarray) -> np.ndarray:
    """Convert values (H, W, 3) from 0 to 1 to XYZ relative to D65.

    Raises:
        FrameError: the profile is not a matrix and three curves.
    """
    return _transform(profile, rgb, inverse=True)


def from_xyz(profile: bytes, xyz: np.ndarray) -> np.ndarray:
    """Convert XYZ (H, W, 3) relative to D65 to values of the profile; the inverse of :func:`to_xyz`."""
    return _transform(profile, xyz, inverse=False)


def _transform(profile: bytes, pixels: np.ndarray, *, inverse: bool) -> np.ndarray:
    return _read(profile, inverse).apply(pixels)


@lru_cache(16)
def _read(profile: bytes, inverse: bool) -> Transform:
    # OCIO caches files by path, so the path is named after the content.
    name = f"{hashlib.sha256(profile).hexdigest()}.icc"
    direction = ocio.TRANSFORM_DIR_INVERSE if inverse else ocio.TRANSFORM_DIR_FORWARD
    with tempfile.TemporaryDirectory(prefix="ofx-reenact-") as folder, ocio_errors("ICC profile"):
        path = Path(folder) / name
        path.write_bytes(profile)
        file = ocio.FileTransform(str(path), interpolation=ocio.INTERP_BEST, direction=direction)
        # The transform needs no colour space of a config.
        return Transform(ocio.Config.CreateRaw().getProcessor(file))
