"""A picture with everything in its file: pixels, windows, other channels, attributes.

Convention: arrays cover the data window; row 0 is its top. Colours are the file's values as float32, with associated
alpha as in OpenEXR; nothing is clamped or converted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.frames.channels import Contents, read_file, read_strips, where_of
from ofx_reenact.frames.colour_tags import NO_TAGS, Tags, colour_tag, read_tags, refuse_unreadable_models
from ofx_reenact.frames.header import copy_header
from ofx_reenact.frames.picture_layer import COLOUR, Layer


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Plate:
    """A picture as it was read from its file."""

    path: Path
    rgb: np.ndarray  # (H, W, 3) float32; of a grey picture its channel three times
    alpha: np.ndarray | None  # (H, W) float32
    extra: Mapping[str, np.ndarray]  # other channels by full name, (H, W) float16, float32 or uint32 as in the file
    data_window: Window  # in pixels of the file
    display_window: Window  # in pixels of the file
    fps: Fraction | None  # frames a second
    depth: str  # type of the colour channels in the file: "half", "float", "uint8", …
    colour_space: str | None  # the space that an EXR's header names
    attributes: Any  # OpenImageIO's ImageSpec with the attributes that rendered frames keep
    notes: tuple[str, ...] = ()  # notes on what could not be kept, for the report
    transfer: str | None = None  # name of a video's transfer function, if it is too unlike sRGB to be taken for it
    tags: Tags = NO_TAGS  # what else the file tells of its colour
    layer: str = ""  # layer of the file that the picture is; empty for R, G, B
    names: tuple[str, ...] = (*COLOUR, "A")  # names of red, green, blue and alpha in rendered frames

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that the picture has in a file: with alpha only if it has one."""
        return self.names[:3] if self.alpha is None else self.names


def read_plate(path: str | Path, frame: int | None = None, layer: str = "", *, pixels: bool = True) -> Plate:
    """Read a picture of any format that OpenImageIO knows.

    Args:
        path: the file.
        frame: frame number, for messages.
        layer: which layer is the picture; empty to choose by the layers' names.
        pixels: whether to read pixels; if not, all channels are 0 everywhere.

    Raises:
        FrameError: it is missing, not a picture, damaged, deep, or in CMYK or Lab; or there is no such layer.
    """
    path = Path(path)
    where = where_of(path, frame)
    return _plate_of(read_file(path, where, layer, None if pixels else ()), path, where, pixels=pixels)


def read_in_strips(
    path: str | Path, frame: int | None = None, layer: str = ""
) -> tuple[Plate, Iterator[tuple[slice, np.ndarray]]]:
    """Read only the colours of a picture, in strips of rows if its file allows it.

    Args:
        path: the file.
        frame: frame number, for messages.
        layer: which layer is the picture, as for :func:`read_plate`.

    Returns:
        The plate, whose channels may be 0 everywhere, and an iterator of strips from the top: (slice of rows,
        colours (h, W, 3) float16 or float32).

    Raises:
        FrameError: as for :func:`read_plate`; damaged pixels raise it while the strips are read.
    """
    path = Path(path)
    where = where_of(path, frame)
    found = read_file(path, where, layer, ())
    if found.strips is None:
        whole = read_plate(path, frame, layer)
        return whole, iter([(slice(0, len(whole.rgb)), whole.rgb)])
    return _plate_of(found, path, where, pixels=False), read_strips(path, where, found.strips)


def _plate_of(found: Contents, path: Path, where: str, *, pixels: bool) -> Plate:
    spec, channels, chosen = found.spec, found.channels, found.layer
    assert chosen is not None
    refuse_unreadable_models(spec, where)
    is_exr = found.format == "openexr"
    shown = channels.get(chosen.alpha or "")
    if pixels:
        rgb = _join_planes([channels[name].astype(np.float32, copy=False) for name in chosen.rgb])
        alpha = None if shown is None else np.ascontiguousarray(shown, np.float32)
    else:
        rgb = np.broadcast_to(np.float32(0), (spec.height, spec.width, 3))
        alpha = None if shown is None else rgb[..., 0]
    extra = {name: plane for name, plane in channels.items() if name not in (*chosen.rgb, chosen.alpha)}
    data = Window(spec.x, spec.y, spec.width, spec.height)
    display = Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    orientation = spec.get_int_attribute("Orientation", 1)
    if orientation != 1 and not is_exr:
        rgb = _oriented(rgb, orientation)
        alpha = None if alpha is None else _oriented(alpha, orientation)
        extra = {name: _oriented(plane, orientation) for name, plane in extra.items()}
        data = display = Window(0, 0, rgb.shape[1], rgb.shape[0])
    header, lost = copy_header(spec, is_exr, found.parts > 1)
    aspect = header.get_float_attribute("PixelAspectRatio", 1.0)
    if orientation >= 5 and not is_exr and aspect > 0:
        header.attribute("PixelAspectRatio", 1 / aspect)
    notes = [f"{where}: attribute {name} has a type that EXR does not define and was left out" for name in lost]
    return Plate(
        path, rgb, alpha, extra, data, display, rate_of(spec), found.depth, colour_tag(spec) if is_exr else None,
        header, (*found.notes, *notes), tags=read_tags(spec, found.format), layer=chosen.name, names=_names(chosen),
    )  # fmt: skip


def _join_planes(planes: list[np.ndarray]) -> np.ndarray:
    """Join planes (H, W) float32 to a contiguous (H, W, 3), without a copy if they are views of such an array."""
    base = planes[0].base
    if base is not None and base.ndim == 3 and all(plane.base is base for plane in planes):
        index = [(plane.ctypes.data - base.ctypes.data) // base.itemsize for plane in planes]
        if index == [index[0], index[0] + 1, index[0] + 2]:
            return np.ascontiguousarray(base[..., index[0] : index[0] + 3])
    return np.stack(planes, axis=-1)


def count_nonfinite(plate: Plate) -> tuple[int, int, tuple[int, int, str] | None]:
    """Count NaN and infinite values in colour and alpha: (NaN, infinite, first as (x, y, channel) or None)."""
    # A sum is finite only if all values are. It may also overflow, so otherwise each value is tested.
    with np.errstate(over="ignore", invalid="ignore"):
        if all(np.isfinite(values.sum()) for values in (plate.rgb, plate.alpha) if values is not None):
            return 0, 0, None
    planes = [*np.moveaxis(plate.rgb, -1, 0), *(() if plate.alpha is None else (plate.alpha,))]
    first = None
    for name, plane in zip((*COLOUR, "A"), planes, strict=False):
        if first is None and not (finite := np.isfinite(plane)).all():
            bad = np.argwhere(~finite)
            first = (int(bad[0, 1]), int(bad[0, 0]), name)
    wrong = planes if first else []
    nan, inf = (sum(int(test(plane).sum()) for plane in wrong) for test in (np.isnan, np.isinf))
    return nan, inf, first


def rate_of(spec: Any) -> Fraction | None:
    """Return the frames a second in a header; None if it has none."""
    value = spec.getattribute("FramesPerSecond")
    if isinstance(value, tuple) and len(value) == 2:
        return Fraction(int(value[0]), int(value[1])) if value[1] and value[0] > 0 else None
    is_rate = isinstance(value, int | float) and 0 < value < np.inf
    return Fraction(value).limit_denominator(1001) if is_rate else None


def write_rate(spec: Any, fps: Fraction) -> None:
    """Write the frames a second into a header, as EXR has them: a rational number."""
    spec.attribute("FramesPerSecond", oiio.TypeDesc("rational"), (fps.numerator, fps.denominator))


def _names(layer: Layer) -> tuple[str, ...]:
    """Return the channel names of the picture in rendered frames: the file's, if the layer has a name."""
    alpha = layer.alpha or (f"{layer.name}.A" if layer.name else "A")
    return (*layer.rgb, alpha) if layer.name else (*COLOUR, "A")


def _oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Rotate and flip a picture by its EXIF orientation (2-8)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
