"""A request's description of pixels in shared memory: checked before any memory is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping as Values
from dataclasses import dataclass
from typing import Any

import numpy as np

from ofx_reenact.errors import SettingsError
from ofx_reenact.service.pixel_loops import to_floats, to_halves
from ofx_reenact.service.shared_memory import Mapping

DEPTHS: dict[str, np.dtype] = {"float": np.dtype(np.float32), "half": np.dtype(np.float16)}
ALPHAS = ("premultiplied", "straight", "opaque")
# Limits: width or height in pixels, bytes of shared memory.
_LONGEST, _LARGEST = 1 << 16, 1 << 40
# Limits of the render scale.
_SMALLEST_SCALE, _LARGEST_SCALE = 0.0001, 100.0
_RGBA = 4
_MATTES = (1, 4)


@dataclass(frozen=True)
class Plane:
    """Where a picture's rows are: the first one begins at ``offset``, each next one ``stride`` later, in bytes."""

    offset: int
    stride: int
    channels: int = _RGBA


@dataclass(frozen=True)
class SharedPixels:
    """The places of a picture, its result and a matte in shared memory; row 0 is the top.

    Attributes:
        mapping: name of the shared memory.
        size: its size in bytes.
        width, height: size of the picture in pixels.
        depth: ``float`` or ``half``, of all planes.
        alpha: ``premultiplied``, ``straight``, or ``opaque`` if alpha is to be ignored.
        scale: how many of the picture's pixels lie on one pixel of the plate, across and down: 0.5 for half size.
        source: the picture, RGBA.
        result: where the result goes, RGBA; None if the request has none.
        holdout: a matte of 1 or 4 channels, of which the last counts; 1 keeps the picture unchanged. None for no matte.
    """

    mapping: str
    size: int
    width: int
    height: int
    depth: str
    alpha: str
    scale: tuple[float, float]
    source: Plane
    result: Plane | None = None
    holdout: Plane | None = None

    @classmethod
    def of(cls, fields: Any, *, result: bool) -> SharedPixels:
        """Check and read the field ``pixels`` of a request; it must have the plane ``result`` if ``result`` is true.

        Raises:
            SettingsError: a field is wrong.
        """
        if not isinstance(fields, dict):
            raise SettingsError('pixels are needed, as {"mapping": "/dev/shm/NAME", "size": …, "width": …, …}')
        known = {"mapping", "size", "width", "height", "depth", "alpha", "scale", "source"}
        known |= {"result", "holdout"} if result else set()
        if unknown := sorted(set(fields) - known):
            raise SettingsError(f"pixels: {unknown[0][:40]!r} is not known; there are {', '.join(sorted(known))}")
        mapping = fields.get("mapping")
        if not isinstance(mapping, str) or not mapping:
            raise SettingsError(f"pixels: mapping {str(mapping)[:40]!r}: name the shared memory")
        size = _whole(fields, "size", 1, _LARGEST)
        width, height = (_whole(fields, name, 1, _LONGEST) for name in ("width", "height"))
        depth, alpha = _choice(fields, "depth", tuple(DEPTHS)), _choice(fields, "alpha", ALPHAS)
        made = cls(mapping, size, width, height, depth, alpha, _scale(fields.get("scale")), Plane(0, 0))
        planes = {"source": made._plane(fields, "source")}
        if result:
            planes["result"] = made._plane(fields, "result")
            if fields.get("holdout") is not None:
                planes["holdout"] = made._plane(fields, "holdout", _MATTES)
        return cls(mapping, size, width, height, depth, alpha, made.scale, **planes)

    def read(self, memory: Mapping, plane: Plane) -> np.ndarray:
        """Read a plane as (H, W, C) float32, in native byte order.

        Raises:
            ReenactError: the shared memory has become smaller.
        """
        made = np.empty((self.height, self.width, plane.channels), DEPTHS[self.depth])
        memory.read(plane.offset, plane.stride, made.view(np.uint8).reshape(self.height, -1))
        return made if made.dtype == np.float32 else to_floats(made)

    def write(self, memory: Mapping, plane: Plane, pixels: np.ndarray) -> None:
        """Write (H, W, 4) float32 to a plane, in its depth; for ``half``, values are limited to ±65504.

        Raises:
            ReenactError: the shared memory has become smaller.
        """
        stored = pixels if self.depth == "float" else to_halves(pixels)
        memory.write(plane.offset, plane.stride, stored.view(np.uint8).reshape(self.height, -1))

    def _plane(self, fields: Values[str, Any], name: str, channels: tuple[int, ...] = ()) -> Plane:
        """Check that a plane's rows are inside the shared memory and do not overlap."""
        plane = fields.get(name)
        if not isinstance(plane, dict):
            raise SettingsError(f'pixels: {name} is needed, as {{"offset": 0, "stride": {self.width * 16}}}')
        known = {"offset", "stride", *(("channels",) if channels else ())}
        if unknown := sorted(set(plane) - known):
            raise SettingsError(f"pixels: {name}: {unknown[0][:40]!r} is not known; there are {', '.join(known)}")
        count = _RGBA
        if channels:
            count = _whole(plane, "channels", channels[0], channels[-1], f"{name} ")
            if count not in channels:
                raise SettingsError(f"pixels: {name} channels {count}: give {' or '.join(map(str, channels))}")
        row = self.width * count * DEPTHS[self.depth].itemsize
        offset = _whole(plane, "offset", 0, self.size, f"{name} ")
        stride = _whole(plane, "stride", row, self.size, f"{name} ")
        if (end := offset + (self.height - 1) * stride + row) > self.size:
            raise SettingsError(f"pixels: {name} ends at byte {end}, the shared memory has {self.size}")
        return Plane(offset, stride, count)


def _whole(fields: Values[str, Any], name: str, low: int, high: int, of: str = "") -> int:
    value = fields.get(name)
    if type(value) is not int or not low <= value <= high:
        raise SettingsError(f"pixels: {of}{name} {str(value)[:40]}: give a whole number from {low} to {high}")
    return value


def _choice(fields: Values[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = fields.get(name)
    if value not in choices:
        raise SettingsError(f"pixels: {name} {str(value)[:40]!r}: choose from {', '.join(choices)}")
    return value


def _scale(fields: Any) -> tuple[float, float]:
    good = isinstance(fields, list) and len(fields) == 2 and all(type(one) in (int, float) for one in fields)
    if not good or not all(math.isfinite(one) and _SMALLEST_SCALE <= one <= _LARGEST_SCALE for one in fields):
        raise SettingsError(
            f"pixels: scale {str(fields)[:40]}: give two numbers from {_SMALLEST_SCALE:g} to {_LARGEST_SCALE:g}"
        )
    return float(fields[0]), float(fields[1])
