"""A digest of a picture's pixels that does not depend on the file's compression or header."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

# Lossy compressions: decoded pixels differ from those written, and may differ between machines.
LOSSY = ("dwaa", "dwab", "b44", "b44a", "pxr24")
_TYPES = {"float16": "half", "float32": "float", "uint32": "uint"}
# Float type → whole numbers of its size, mask of all bits but the sign, infinity, and the NaN that replaces all NaNs.
_FLOATS = {"float16": ("<u2", 0x7FFF, 0x7C00, 0x7E00), "float32": ("<u4", 0x7FFFFFFF, 0x7F800000, 0x7FC00000)}
# Values that are processed at a time, so that they stay in the cache and no channel is copied whole.
_AT_ONCE = 1 << 16


def pixels_sha256(channels: Mapping[str, np.ndarray]) -> str:
    """Return the hexadecimal SHA-256 of channels: (H, W) float16, float32 or uint32 by full name, as in a file.

    Channels are hashed in the order of their names' code points. Of each, these bytes: its name, a space, ``half``,
    ``float`` or ``uint``, a space, width, ``x``, height and a line feed, in UTF-8; then its values in rows from the
    top, little-endian. Every NaN is replaced by 0x7e00 (half) or 0x7fc00000 (float).
    """
    digest = hashlib.sha256()
    for name in sorted(channels):
        pixels = channels[name]
        height, width = pixels.shape
        digest.update(f"{name} {_TYPES[pixels.dtype.name]} {width}x{height}\n".encode())
        rows = max(1, _AT_ONCE // max(1, width))
        for top in range(0, height, rows):
            digest.update(_normalised(pixels[top : top + rows]).data)
    return digest.hexdigest()


def _normalised(pixels: np.ndarray) -> np.ndarray:
    """Return the values as they are hashed: contiguous, little-endian, with all NaNs equal."""
    whole = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    if pixels.dtype.name not in _FLOATS:
        return whole
    kind, magnitude, infinity, nan = _FLOATS[pixels.dtype.name]
    bits = whole.view(kind)
    is_nan = np.bitwise_and(bits, bits.dtype.type(magnitude)) > infinity
    return np.where(is_nan, bits.dtype.type(nan), bits) if is_nan.any() else bits
