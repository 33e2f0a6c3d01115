"""One picture with everything its file says: pixels, windows, other channels, attributes.

Convention: arrays cover the data window; row 0 is its top. Colours are exactly the file's numbers as float32,
with alpha associated as OpenEXR has it; nothing is clamped or converted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import read_file, where_of

COLOUR = ("R", "G", "B")
_GREY = ("Y", "I", "L")
# What a file that is no EXR hands on to one: the rest describes its own encoding.
_KEPT = ("smpte:TimeCode", "FramesPerSecond", "DateTime", "Copyright", "Artist", "ImageDescription", "PixelAspectRatio")
# What describes how a file was packed, or its colour, which the frame written may have otherwise.
_DROPPED = (
    "compression", "oiio:ColorSpace", "colorInteropID", "chromaticities", "oiio:subimages", "name", "chunkCount",
)  # fmt: skip
# Before 3.1 OpenImageIO says this of every EXR that names no colour space; it is an assumption, not a tag.
_ASSUMED = "lin_rec709" if oiio.VERSION < 30100 else None


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Plate:
    """A picture as read."""

    path: Path
    rgb: np.ndarray  # (H, W, 3) float32; a grey picture's value three times
    alpha: np.ndarray | None  # (H, W) float32
    extra: Mapping[str, np.ndarray]  # other channels by full name, (H, W) float16, float32 or uint32 as in the file
    data_window: Window  # in pixels of the file
    display_window: Window  # in pixels of the file
    fps: Fraction | None  # frames a second
    depth: str  # type of the colour channels in the file: "half", "float", "uint8", …
    colour_space: str | None  # the file's own tag
    attributes: Any  # OpenImageIO's description of the file; written back with what is in it
    notes: tuple[str, ...] = ()  # what could not be kept, for the report
    transfer: str | None = None  # how a video codes light, where that is so unlike sRGB that no rule guesses its space


def read_plate(path: str | Path, frame: int | None = None) -> Plate:
    """Read a picture of any format that OpenImageIO knows.

    Raises:
        FrameError: it is missing, no picture, damaged, or deep.
    """
    path = Path(path)
    where = where_of(path, frame)
    spec, channels, notes, is_exr = read_file(path, where)
    orientation = spec.get_int_attribute("Orientation", 1)
    rgb, alpha, used = _colour(channels, where)
    extra = {name: pixels for name, pixels in channels.items() if name not in used}
    data = Window(spec.x, spec.y, spec.width, spec.height)
    display = Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    if orientation != 1 and not is_exr:
        rgb = _oriented(rgb, orientation)
        alpha = None if alpha is None else _oriented(alpha, orientation)
        extra = {name: _oriented(pixels, orientation) for name, pixels in extra.items()}
        data = display = Window(0, 0, rgb.shape[1], rgb.shape[0])
    return Plate(
        path, rgb, alpha, extra, data, display, rate_of(spec), _depth(spec, used[0]),
        colour_tag(spec) if is_exr else None,
        _carried(spec, is_exr), tuple(notes),
    )  # fmt: skip


def count_nonfinite(plate: Plate) -> tuple[int, int, tuple[int, int, str] | None]:
    """Count NaN and infinite values of colour and alpha: (NaN, infinite, first as (x, y, channel) or None)."""
    planes = [*np.moveaxis(plate.rgb, -1, 0), *(() if plate.alpha is None else (plate.alpha,))]
    first = None
    for name, plane in zip((*COLOUR, "A"), planes, strict=False):
        if first is None and len(bad := np.argwhere(~np.isfinite(plane))):
            first = (int(bad[0, 1]), int(bad[0, 0]), name)
    wrong = planes if first else []
    nan, inf = (sum(int(test(plane).sum()) for plane in wrong) for test in (np.isnan, np.isinf))
    return nan, inf, first


def rate_of(spec: Any) -> Fraction | None:
    """Return the frames a second that a header names."""
    value = spec.getattribute("FramesPerSecond")
    if isinstance(value, tuple) and len(value) == 2 and value[1]:
        return Fraction(int(value[0]), int(value[1]))
    return Fraction(value).limit_denominator(1001) if isinstance(value, int | float) and value > 0 else None


def colour_tag(spec: Any) -> str | None:
    """Return the colour space that an EXR's header names."""
    tags = (spec.get_string_attribute(name) for name in ("oiio:ColorSpace", "colorInteropID"))
    return next((str(tag) for tag in tags if tag not in ("", _ASSUMED)), None)


def _colour(channels: dict[str, np.ndarray], where: str) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Pick colour and alpha among a file's channels; returns them and the names they used."""
    by_case = {name.upper(): name for name in channels}
    chosen = [by_case[name] for name in COLOUR if name in by_case]
    if len(chosen) < 3:
        layers = sorted({name.rpartition(".")[0] for name in channels if "." in name})
        layer = next((la for la in layers if all(f"{la}.{c}" in channels for c in COLOUR)), None)
        grey = next((by_case[name] for name in _GREY if name in by_case), None)
        if grey is None and len(channels) <= 2:
            grey = next(iter(channels))
        if layer is not None:
            chosen = [f"{layer}.{c}" for c in COLOUR]
        elif grey is not None:
            chosen = [grey] * 3
        else:
            raise FrameError(f"{where}: no colour among its channels ({', '.join(list(channels)[:8])})")
    prefix = chosen[0].rpartition(".")[0]
    alpha_name = f"{prefix}.A" if prefix and f"{prefix}.A" in channels else by_case.get("A")
    rgb = np.stack([channels[name].astype(np.float32, copy=False) for name in chosen], axis=-1)
    alpha = None if alpha_name is None else channels[alpha_name].astype(np.float32, copy=False)
    return rgb, alpha, [*chosen, *([alpha_name] if alpha_name else [])]


def _oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture as its EXIF orientation (2-8) says."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _carried(spec: Any, is_exr: bool) -> Any:
    """The description to write back: an EXR's whole header, of other formats what still applies."""
    carried = oiio.ImageSpec(spec) if is_exr else oiio.ImageSpec(spec.width, spec.height, 3, oiio.FLOAT)
    if not is_exr:
        for attribute in spec.extra_attribs:
            if attribute.name in _KEPT:
                carried.attribute(attribute.name, attribute.type, attribute.value)
    for name in _DROPPED:
        carried.erase_attribute(name)
    carried.tile_width = carried.tile_height = carried.tile_depth = 0
    return carried


def _depth(spec: Any, colour: str) -> str:
    formats = list(spec.channelformats) or [spec.format] * spec.nchannels
    names = list(spec.channelnames)
    return str(formats[names.index(colour)] if colour in names else spec.format)
