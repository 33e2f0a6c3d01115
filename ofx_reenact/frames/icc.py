"""ICC profiles of pictures, read by OCIO: those that are a matrix and three curves."""

from __future__ import annotations

import hashlib
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames import primaries
from ofx_reenact.frames.channels import plain

# XYZ of colours from 0 to 1 differs by less than this from sRGB's in the profiles that programs ship for sRGB.
_SAME = 4e-3
_PROBE = np.array([[[v] * 3 for v in (0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)] + np.eye(3).tolist()], np.float32)
# OCIO 2 may be asked without a studio's config: the file alone says what it does.
_CONFIG = "ocio://default"


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
    # OCIO keeps what it read of a path: the path is the content's.
    name = f"{hashlib.sha256(profile).hexdigest()}.icc"
    with tempfile.TemporaryDirectory(prefix="ofx-reenact-") as folder:
        path = Path(folder) / name
        path.write_bytes(profile)
        picture = oiio.ImageBuf(np.ascontiguousarray(pixels, np.float32))
        result = oiio.ImageBufAlgo.ociofiletransform(picture, str(path), False, inverse, _CONFIG)
    if result.has_error:
        raise FrameError(plain(result.geterror().replace(str(path), "it")))
    return np.asarray(result.get_pixels(oiio.FLOAT))
