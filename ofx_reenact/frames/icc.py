"""ICC profiles of pictures, read by OCIO: those that are a matrix and three curves."""

from __future__ import annotations

import hashlib
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio

from ofx_reenact.frames import primaries
from ofx_reenact.frames.channels import plain
from ofx_reenact.frames.transform import Transform, one_line

# XYZ of colours from 0 to 1 differs by less than this from sRGB's in the profiles that programs ship for sRGB.
_SAME = 4e-3
_PROBE = np.array([[[v] * 3 for v in (0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)] + np.eye(3).tolist()], np.float32)


def describe(profile: bytes, name: str) -> str:
    """Name a profile by its colour model, its own name and a digest, so that no two have one name."""
    model = {b"GRAY": "grey ", b"CMYK": "CMYK "}.get(profile[16:20], "")
    digest = hashlib.sha256(profile).hexdigest()[:8]
    return f"{model}ICC profile {plain(name)} ({digest})"


@lru_cache(16)
def is_srgb(profile: bytes) -> bool:
    """Tell whether a profile is sRGB's.

    Raises:
        FrameError: it is no matrix and three curves.
    """
    ours = primaries.decode_srgb(_PROBE) @ primaries.to_xyz(primaries.REC709).T.astype(np.float32)
    return bool(np.abs(to_xyz(profile, _PROBE) - ours).max() < _SAME)


def to_xyz(profile: bytes, rgb: np.ndarray) -> np.ndarray:
    """Return the XYZ under D65 of (H, W, 3) values from 0 to 1.

    Raises:
        FrameError: it is no matrix and three curves.
    """
    return _transform(profile, rgb, inverse=True)


def from_xyz(profile: bytes, xyz: np.ndarray) -> np.ndarray:
    """Return the values of XYZ (H, W, 3) under D65, the inverse of :func:`to_xyz`."""
    return _transform(profile, xyz, inverse=False)


def _transform(profile: bytes, pixels: np.ndarray, *, inverse: bool) -> np.ndarray:
    return _read(profile, inverse).apply(pixels)


@lru_cache(16)
def _read(profile: bytes, inverse: bool) -> Transform:
    # OCIO keeps what it read of a path: the path is the content's.
    name = f"{hashlib.sha256(profile).hexdigest()}.icc"
    direction = ocio.TRANSFORM_DIR_INVERSE if inverse else ocio.TRANSFORM_DIR_FORWARD
    with tempfile.TemporaryDirectory(prefix="ofx-reenact-") as folder, one_line("ICC profile"):
        path = Path(folder) / name
        path.write_bytes(profile)
        file = ocio.FileTransform(str(path), interpolation=ocio.INTERP_BEST, direction=direction)
        # The file alone says what it does: no space of a config is asked for.
        return Transform(ocio.Config.CreateRaw().getProcessor(file))
