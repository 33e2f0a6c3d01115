"""Clips of an instance and the images in them, in memory as hosts have them: padded, upside down, off the origin."""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from openfx.handles import Handled, Record
from openfx.properties import READ_ONLY, PropertySet
from openfx.tables import CLIP, IMAGE

DTYPES = {"OfxBitDepthFloat": np.float32, "OfxBitDepthHalf": np.float16}
CHANNELS = {"OfxImageComponentRGBA": 4, "OfxImageComponentRGB": 3, "OfxImageComponentAlpha": 1}
# What lies before, after and between the rows of an image, and in an output that nobody has written.
_GUARD, FILL = 0xA5, -77.0
_libc = ctypes.CDLL(None)
_libc.malloc.restype, _libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
_libc.free.argtypes = (ctypes.c_void_p,)
_numbers = itertools.count()
# A picture at a time, (H, W, channels), top row first; None where there is none.
Source = Callable[[float], "np.ndarray | None"]


@dataclass(frozen=True)
class Layout:
    """How a host keeps images in memory.

    Attributes:
        down: top row first, so that the bytes of a row are negative; else bottom row first.
        padding: bytes after each row.
        lead: bytes before the first.
        guard: bytes before and after all, in which nobody may write; 0 leaves that to a sanitizer.
    """

    down: bool = False
    padding: int = 0
    lead: int = 0
    guard: int = 64


PLAIN = Layout()


class Memory:
    """An image in C's memory.

    Args:
        pixels: (H, W, channels), top row first; what is not contiguous or of another type is copied.
        layout: how it lies there.
    """

    def __init__(self, pixels: np.ndarray, layout: Layout) -> None:
        self.shape, self.dtype, self.layout = pixels.shape, pixels.dtype, layout
        height = pixels.shape[0]
        self._row = pixels[0].nbytes if height else 0
        self._step = self._row + layout.padding
        self._before = layout.guard + layout.lead
        # The last row has no padding: nobody may count on more than the pixels.
        self._size = self._before + max(0, height - 1) * self._step + self._row + layout.guard
        self._address = _libc.malloc(max(1, self._size))
        assert self._address, "out of memory"
        self._bytes = np.ctypeslib.as_array((ctypes.c_uint8 * self._size).from_address(self._address))
        self._bytes[:] = _GUARD
        for row, place in self._rows():
            self._bytes[place : place + self._row] = np.frombuffer(pixels[row].tobytes(), np.uint8)
        self._first = self._bytes.copy()

    @property
    def data(self) -> int:
        """The address of the bottom row."""
        height = self.shape[0]
        return self._address + self._before + (max(0, height - 1) * self._step if self.layout.down else 0)

    @property
    def row_bytes(self) -> int:
        return -self._step if self.layout.down else self._step

    def _rows(self) -> Any:
        """Yield rows of the picture, the top one first, and where they lie."""
        height = self.shape[0]
        for row in range(height):
            line = row if self.layout.down else height - 1 - row
            yield row, self._before + line * self._step

    def read(self) -> np.ndarray:
        """Return the pixels, top row first."""
        pixels = np.empty(self.shape, self.dtype)
        for row, place in self._rows():
            line = self._bytes[place : place + self._row].tobytes()
            pixels[row] = np.frombuffer(line, self.dtype).reshape(self.shape[1:])
        return pixels

    def is_as_it_was(self) -> bool:
        return bool(np.array_equal(self._bytes, self._first))

    def is_whole(self) -> bool:
        """Tell whether nobody wrote beside the pixels."""
        beside = np.ones(self._size, bool)
        for _, place in self._rows():
            beside[place : place + self._row] = False
        return bool((self._bytes[beside] == _GUARD).all())

    def free(self) -> None:
        """Give the memory back; nobody may look at it any more."""
        if self._address:
            self._bytes = self._first = np.empty(0, np.uint8)
            _libc.free(self._address)
            self._address = 0


class Image(Handled):
    """What a plug-in gets of a clip: the handle is that of its properties."""

    def __init__(self, record: Record, clip: Clip, memory: Memory, corner: tuple[int, int], scale: tuple[float, float]):
        super().__init__(record, f"of {clip.name}")
        self.memory, self.clip = memory, clip
        height, width = memory.shape[:2]
        bounds = [corner[0], corner[1], corner[0] + width, corner[1] + height]
        values: dict[str, Any] = {
            "OfxPropType": "OfxTypeImage", "OfxImagePropData": memory.data, "OfxImagePropRowBytes": memory.row_bytes,
            "OfxImagePropBounds": bounds, "OfxImagePropRegionOfDefinition": bounds,
            "OfxImageEffectPropRenderScale": scale, "OfxImagePropField": "OfxFieldNone",
            "OfxImagePropUniqueIdentifier": f"{clip.name} {next(_numbers)}",
        }  # fmt: skip
        same = ("PixelDepth", "Components", "PreMultiplication")
        values |= {f"OfxImageEffectProp{name}": clip.properties[f"OfxImageEffectProp{name}"] for name in same}
        values["OfxImagePropPixelAspectRatio"] = clip.properties["OfxImagePropPixelAspectRatio"]
        self.properties = PropertySet(record, str(self), IMAGE, values)
        self.properties.image = self  # type: ignore[attr-defined]

    def end(self) -> None:
        super().end()
        self.properties.end()


class Clip(Handled):
    """A clip of an instance.

    Attributes:
        owner: the instance.
        corner: x and y of its lower left in pixels at full resolution.
        size: width and height there.
    """

    def __init__(
        self, record: Record, described: PropertySet, owner: Any, depth: str, frames: tuple[float, float], rate: float
    ) -> None:
        super().__init__(record, described["OfxPropName"])
        self.owner = owner
        self.source: Source | None = None
        self.corner, self.size = (0, 0), (0, 0)
        self.layout, self.reduce = Layout(), reduce_picture
        alive = {"OfxPropType": "OfxTypeClip", **_unconnected(frames, rate)}
        self.properties = described.copy_to(CLIP, str(self), READ_ONLY, alive)
        self.depth = depth

    def end(self) -> None:
        super().end()
        self.properties.end()

    @property
    def optional(self) -> bool:
        return bool(self.properties["OfxImageClipPropOptional"])

    def connect(
        self, source: Source | None, size: tuple[int, int], corner: tuple[int, int], components: str,
        premultiplication: str, aspect: float,
    ) -> None:  # fmt: skip
        """Connect pictures of one size, or nothing."""
        self.source, self.size, self.corner = source, size, corner
        depth = self.depth if source else "OfxBitDepthNone"
        found = components if source else "OfxImageComponentNone"
        for prefix in ("OfxImageEffectProp", "OfxImageClipPropUnmapped"):
            self.properties[f"{prefix}PixelDepth"], self.properties[f"{prefix}Components"] = depth, found
        self.properties["OfxImageClipPropConnected"] = int(source is not None)
        self.properties["OfxImageEffectPropPreMultiplication"] = premultiplication
        self.properties["OfxImagePropPixelAspectRatio"] = aspect

    def picture(self, time: float, scale: tuple[float, float]) -> np.ndarray | None:
        """Return the picture at a time as the plug-in gets it: of the clip's type and components."""
        found = self.source(time) if self.source else None
        if found is None:
            return None
        channels = CHANNELS[self.properties["OfxImageEffectPropComponents"]]
        assert found.ndim == 3 and found.shape[2] == channels, f"{self.name} has {channels} channels, not {found.shape}"
        return self.reduce(found, scale).astype(DTYPES[self.depth], copy=False)

    def pixel_corner(self, scale: tuple[float, float]) -> tuple[int, int]:
        return math.floor(self.corner[0] * scale[0]), math.floor(self.corner[1] * scale[1])

    def region(self) -> tuple[float, float, float, float]:
        """Return the region of definition in canonical coordinates."""
        aspect = self.properties["OfxImagePropPixelAspectRatio"]
        (x, y), (width, height) = self.corner, self.size
        return x * aspect, float(y), (x + width) * aspect, float(y + height)


def _unconnected(frames: tuple[float, float], rate: float) -> dict[str, Any]:
    none = {"PixelDepth": "OfxBitDepthNone", "Components": "OfxImageComponentNone"}
    return {
        **{f"OfxImageEffectProp{name}": value for name, value in none.items()},
        **{f"OfxImageClipPropUnmapped{name}": value for name, value in none.items()},
        "OfxImageEffectPropPreMultiplication": "OfxImageOpaque", "OfxImagePropPixelAspectRatio": 1.0,
        "OfxImageEffectPropFrameRate": rate, "OfxImageEffectPropUnmappedFrameRate": rate,
        "OfxImageEffectPropFrameRange": frames, "OfxImageEffectPropUnmappedFrameRange": frames,
        "OfxImageClipPropFieldOrder": "OfxFieldNone", "OfxImageClipPropConnected": 0,
        "OfxImageClipPropContinuousSamples": 0,
    }  # fmt: skip


def reduce_picture(picture: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """Make a picture of another size: each pixel is the mean of those that fall into it, or else the nearest."""
    for axis, factor in ((0, scale[1]), (1, scale[0])):
        length = picture.shape[axis]
        wanted = max(1, math.ceil(length * factor))
        if wanted >= length:
            if wanted > length:
                picture = picture.take(np.arange(wanted) * length // wanted, axis)
            continue
        edges = np.arange(wanted + 1) * length // wanted
        total = np.add.reduceat(picture.astype(np.float64), edges[:-1], axis)
        count = np.diff(edges).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        picture = (total / count).astype(picture.dtype)
    return picture
