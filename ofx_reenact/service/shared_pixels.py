"""SharedPixels in shared memory as a request names them: checked before any memory is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping as Values
from dataclasses import dataclass
from typing import Any

import numpy as np

from ofx_reenact.errors import SettingsError
from ofx_reenact.service.mapping import Mapping
from ofx_reenact.service.pixel_loops import to_floats, to_halves

DEPTHS: dict[str, np.dtype] = {"float": np.dtype(np.float32), "half": np.dtype(np.float16)}
ALPHAS = ("premultiplied", "straight", "opaque")
# SharedPixels that a picture has across or down at most, and bytes of shared memory.
_LONGEST, _LARGEST = 1 << 16, 1 << 40
# Render scales that are taken.
_SMALLEST_SCALE, _LARGEST_SCALE = 0.0001, 100.0
_RGBA = 4
_MATTES = (1, 4)


@dataclass(frozen=True)
class Plane:
    """Where a picture's rows lie: its first at an offset, each following one a stride later, both in bytes."""

    offset: int
    stride: int
    channels: int = _RGBA


@dataclass(frozen=True)
class SharedPixels:
    """A picture in shared memory, its result's place, and a matte; row 0 is the top.

    Attributes:
        mapping: name of the shared memory.
        size: its bytes.
        width, height: pixels.
        depth: ``float`` or ``half``.
        alpha: whether colour is ``premultiplied`` with it, ``straight``, or there is none (``opaque``).
        scale: pixels for one of the plate, across and down.
        source: RGBA.
        result: where RGBA goes; None where none is asked for.
        holdout: a matte, whose last channel counts; None for none.
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
    def of(cls, said: Any, *, result: bool) -> SharedPixels:
        """Read what a request says; ``result`` says whether it wants one.

        Raises:
            SettingsError: it cannot be.
        """
        if not isinstance(said, dict):
            raise SettingsError('pixels are needed, as {"mapping": "/dev/shm/NAME", "size": …, "width": …, …}')
        known = {"mapping", "size", "width", "height", "depth", "alpha", "scale", "source"}
        known |= {"result", "holdout"} if result else set()
        if unknown := sorted(set(said) - known):
            raise SettingsError(f"pixels: {unknown[0][:40]!r} is not known; there are {', '.join(sorted(known))}")
        mapping = said.get("mapping")
        if not isinstance(mapping, str) or not mapping:
            raise SettingsError(f"pixels: mapping {str(mapping)[:40]!r}: name the shared memory")
        size = _whole(said, "size", 1, _LARGEST)
        width, height = (_whole(said, name, 1, _LONGEST) for name in ("width", "height"))
        depth, alpha = _choice(said, "depth", tuple(DEPTHS)), _choice(said, "alpha", ALPHAS)
        made = cls(mapping, size, width, height, depth, alpha, _scale(said.get("scale")), Plane(0, 0))
        planes = {"source": made._plane(said, "source")}
        if result:
            planes["result"] = made._plane(said, "result")
            if said.get("holdout") is not None:
                planes["holdout"] = made._plane(said, "holdout", _MATTES)
        return cls(mapping, size, width, height, depth, alpha, made.scale, **planes)

    def read(self, memory: Mapping, plane: Plane) -> np.ndarray:
        """Read a plane: (H, W, C) float32.

        Raises:
            ReenactError: the shared memory has become smaller.
        """
        made = np.empty((self.height, self.width, plane.channels), DEPTHS[self.depth])
        memory.read(plane.offset, plane.stride, made.view(np.uint8).reshape(self.height, -1))
        return made if made.dtype == np.float32 else to_floats(made)

    def write(self, memory: Mapping, plane: Plane, pixels: np.ndarray) -> None:
        """Write (H, W, 4) float32 to a plane, in the depth's type; halfs end where they can be no larger.

        Raises:
            ReenactError: the shared memory has become smaller.
        """
        stored = pixels if self.depth == "float" else to_halves(pixels)
        memory.write(plane.offset, plane.stride, stored.view(np.uint8).reshape(self.height, -1))

    def _plane(self, said: Values[str, Any], name: str, channels: tuple[int, ...] = ()) -> Plane:
        """Check where rows lie: each within the shared memory, none within another."""
        plane = said.get(name)
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


def _whole(said: Values[str, Any], name: str, low: int, high: int, of: str = "") -> int:
    value = said.get(name)
    if type(value) is not int or not low <= value <= high:
        raise SettingsError(f"pixels: {of}{name} {str(value)[:40]}: give a whole number from {low} to {high}")
    return value


def _choice(said: Values[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = said.get(name)
    if value not in choices:
        raise SettingsError(f"pixels: {name} {str(value)[:40]!r}: choose from {', '.join(choices)}")
    return value


def _scale(said: Any) -> tuple[float, float]:
    good = isinstance(said, list) and len(said) == 2 and all(type(one) in (int, float) for one in said)
    if not good or not all(math.isfinite(one) and _SMALLEST_SCALE <= one <= _LARGEST_SCALE for one in said):
        raise SettingsError(
            f"pixels: scale {str(said)[:40]}: give two numbers from {_SMALLEST_SCALE:g} to {_LARGEST_SCALE:g}"
        )
    return float(said[0]), float(said[1])
