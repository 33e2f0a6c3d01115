"""ICC profiles of a matrix and three curves, and of grey, made by hand."""

import struct

import numpy as np

from ofx_reenact.frames.primaries import REC709, to_xyz

P3 = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
ADOBE = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329)
# ICC relates colours to D50; this is Bradford's way there from D65.
_TO_D50 = np.array([[1.0479, 0.0229, -0.0502], [0.0296, 0.9904, -0.0171], [-0.0092, 0.0151, 0.7519]])


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def srgb_curve() -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def table(function, count: int = 1024) -> bytes:
    values = [round(65535 * function(index / (count - 1))) for index in range(count)]
    return b"curv\0\0\0\0" + struct.pack(f">I{count}H", count, *values)


def icc_profile(chromaticities=REC709, curve: bytes = b"", model: bytes = b"RGB ", name: bytes = b"Test") -> bytes:
    """Return a profile of a display: of ``RGB `` a matrix and three curves, of ``GRAY`` one curve."""
    curve = curve or srgb_curve()
    tags = [(b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(79)), (b"wtpt", _xyz(_white()))]
    if model == b"RGB ":
        matrix = _TO_D50 @ to_xyz(chromaticities)
        tags += [(tag, _xyz(matrix[:, index])) for index, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
        tags += [(tag, curve) for tag in (b"rTRC", b"gTRC", b"bTRC")]
    elif model == b"GRAY":
        tags += [(b"kTRC", curve)]
    table_of, data, start = b"", b"", 132 + 12 * len(tags)
    for tag, value in tags:
        table_of += tag + struct.pack(">II", start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    body = struct.pack(">I", len(tags)) + table_of + data
    head = struct.pack(">I", 128 + len(body)) + b"lcms" + struct.pack(">I", 0x04200000) + b"mntr" + model + b"XYZ "
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*_white()) + bytes(48)
    return head + body


def _white() -> tuple[float, float, float]:
    return 0.9642, 1.0, 0.8249


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(values) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)
