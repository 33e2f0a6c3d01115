"""One picture with everything its file says: pixels, windows, other channels, attributes.

Convention: arrays cover the data window; row 0 is its top. Colours are exactly the file's numbers as float32,
with alpha associated as OpenEXR has it; nothing is clamped or converted here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import FrameError, OutputError
from ofx_reenact.files import written_whole

_COLOUR = ("R", "G", "B")
_GREY = ("Y", "I", "L")
_HALF, _FLOAT, _UINT = (oiio.TypeDesc(name) for name in ("half", "float", "uint"))
# What a file that is no EXR hands on to one: the rest describes its own encoding.
_KEPT = ("smpte:TimeCode", "FramesPerSecond", "DateTime", "Copyright", "Artist", "ImageDescription")
# What describes how a file was packed, or its colour, which the frame written may have otherwise.
_DROPPED = (
    "compression",
    "oiio:ColorSpace",
    "colorInteropID",
    "chromaticities",
    "oiio:subimages",
    "name",
    "chunkCount",
)
# Before 3.1 OpenImageIO says this of every EXR that names no colour space; it is an assumption, not a tag.
_ASSUMED = "lin_rec709" if oiio.VERSION < 30100 else None
# OpenImageIO hands channels of mixed types over as float, which holds whole numbers exactly up to here.
_EXACT = 2**22


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Plate:
    """A picture as read.

    Attributes:
        path: its file.
        rgb: (H, W, 3) float32; a grey picture's value three times.
        alpha: (H, W) float32, or None.
        extra: other channels by full name, (H, W) float16, float32 or uint32 as in the file.
        data_window, display_window: in pixels of the file.
        fps: frames a second as a fraction, or None.
        depth: type of the colour channels in the file: "half", "float", "uint8", …
        colour_space: the file's own tag, or None.
        attributes: OpenImageIO's description of the file; written back with what is in it.
        notes: what could not be kept, for the report.
    """

    path: Path
    rgb: np.ndarray
    alpha: np.ndarray | None
    extra: Mapping[str, np.ndarray]
    data_window: Window
    display_window: Window
    fps: Fraction | None
    depth: str
    colour_space: str | None
    attributes: Any
    notes: tuple[str, ...] = ()


def read_plate(path: str | Path, frame: int | None = None) -> Plate:
    """Read a picture of any format that OpenImageIO knows.

    Raises:
        FrameError: it is missing, no picture, damaged, or deep.
    """
    path = Path(path)
    where = _where(path, frame)
    spec, channels, notes, is_exr = _read_file(path, where)
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


def read_channels(path: Path, frame: int | None = None) -> tuple[Any, dict[str, np.ndarray]]:
    """Read a picture as it is in its file, whatever it shows: OpenImageIO's description, and every channel.

    Returns:
        The description, and (H, W) float16, float32 or uint32 by full name, exactly as in the file.

    Raises:
        FrameError: it is missing, no picture, damaged, or deep.
    """
    spec, channels, _, _ = _read_file(path, _where(path, frame))
    return spec, channels


def write_frame(
    path: Path,
    plate: Plate,
    channels: Mapping[str, np.ndarray],
    *,
    formats: Mapping[str, str],
    compression: str = "zip",
    attributes: Mapping[str, Any],
) -> None:
    """Write an EXR with a plate's windows, attributes and other channels; whole or not at all.

    Args:
        path: file to write.
        plate: what the frame was made from.
        channels: (H, W) arrays by full name, over the plate's data window; they win over the plate's own.
        formats: "half" or "float" of each of ``channels``.
        compression: OpenEXR's name for it.
        attributes: to add; str, int, float, tuple of floats.

    Raises:
        OutputError: the folder or the disk does not take it; nothing is left behind.
    """
    arrays = {**channels, **{name: pixels for name, pixels in plate.extra.items() if name not in channels}}
    types = {name: oiio.TypeDesc(formats[name]) if name in formats else _type(arrays[name]) for name in arrays}
    names = _ordered(arrays)
    spec = oiio.ImageSpec(plate.attributes)
    data, display = plate.data_window, plate.display_window
    spec.x, spec.y, spec.width, spec.height = data.x, data.y, data.width, data.height
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display.x, display.y, display.width, display.height
    spec.nchannels, spec.channelnames = len(names), tuple(names)
    # Of channels that are all of one type OpenImageIO writes the format instead of theirs.
    spec.set_format(types[names[0]])
    spec.channelformats = tuple(types[name] for name in names)
    spec.alpha_channel = names.index("A") if "A" in names else -1
    spec.attribute("compression", compression)
    for name, value in attributes.items():
        if isinstance(value, tuple):
            spec.attribute(name, oiio.TypeDesc(f"float[{len(value)}]"), value)
        else:
            spec.attribute(name, value)
    pixels = np.stack([_as_float(arrays[name], types[name]) for name in names], axis=-1)
    _write(path, spec, pixels)


def is_whole(path: Path) -> bool:
    """Tell whether every pixel of a file decodes; a truncated EXR opens without complaint."""
    try:
        source = _open(path, str(path))
    except FrameError:
        return False
    try:
        part = 0
        while source.seek_subimage(part, 0):
            spec = source.spec()
            if source.read_image(part, 0, 0, spec.nchannels, oiio.FLOAT) is None:
                return False
            part += 1
        return True
    finally:
        source.geterror()
        source.close()


def count_nonfinite(plate: Plate) -> tuple[int, int, tuple[int, int, str] | None]:
    """Count NaN and infinite values of colour and alpha: (NaN, infinite, first as (x, y, channel) or None)."""
    planes = dict(zip(_COLOUR, np.moveaxis(plate.rgb, -1, 0), strict=True))
    if plate.alpha is not None:
        planes["A"] = plate.alpha
    nan = inf = 0
    first = None
    for name, plane in planes.items():
        bad = ~np.isfinite(plane)
        if not bad.any():
            continue
        nan += int(np.isnan(plane).sum())
        inf += int(np.isinf(plane).sum())
        if first is None:
            y, x = np.argwhere(bad)[0]
            first = (int(x), int(y), name)
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


def _where(path: Path, frame: int | None) -> str:
    return f"{path}" if frame is None else f"{path}: frame {frame}"


def _read_file(path: Path, where: str) -> tuple[Any, dict[str, np.ndarray], list[str], bool]:
    """Read description, channels, notes, and whether it is an EXR."""
    source = _open(path, where)
    try:
        parts, notes = _read_parts(source, where)
        return parts[0][0], _merge(parts, notes, where), notes, source.format_name() == "openexr"
    finally:
        source.close()


def _open(path: Path, where: str) -> Any:
    if not path.exists():
        raise FrameError(f"{where}: no such file")
    if path.is_dir():
        raise FrameError(f"{where}: a folder, not a picture")
    if path.stat().st_size == 0:
        raise FrameError(f"{where}: the file is empty")
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise FrameError(f"{where}: not a picture that can be read ({_plain(oiio.geterror())})")
    return source


def _read_parts(source: Any, where: str) -> tuple[list[tuple[Any, dict[str, np.ndarray]]], list[str]]:
    """Read all parts with the first one's windows; notes name the others."""
    parts: list[tuple[Any, dict[str, np.ndarray]]] = []
    notes: list[str] = []
    number = 0
    while source.seek_subimage(number, 0):
        spec = source.spec()
        if spec.deep:
            raise FrameError(f"{where}: deep pixels; flatten the picture first (Nuke: DeepToImage)")
        if parts and _windows(spec) != _windows(parts[0][0]):
            part = spec.get_string_attribute("name") or str(number)
            notes.append(f"{where}: part {part} has other windows than the first and was left out")
        else:
            parts.append((oiio.ImageSpec(spec), _read_channels(source, number, spec, where)))
        number += 1
    return parts, notes


def _read_channels(source: Any, part: int, spec: Any, where: str) -> dict[str, np.ndarray]:
    """Read a part's channels, each exactly: float16, float32, or uint32 for whole numbers."""
    formats = list(spec.channelformats) or [spec.format] * spec.nchannels
    channels: dict[str, np.ndarray] = {}
    begin = 0
    while begin < spec.nchannels:
        end = begin + 1
        kind = oiio.UINT32 if formats[begin] == _UINT else oiio.FLOAT
        while end < spec.nchannels and (formats[end] == _UINT) == (formats[begin] == _UINT):
            end += 1
        pixels = source.read_image(part, 0, begin, end, kind)
        if pixels is None:
            reason = _plain(source.geterror())
            raise FrameError(f"{where}: the file is damaged or not complete ({reason}); render or copy it again")
        for index in range(begin, end):
            plane = np.ascontiguousarray(pixels[..., index - begin])
            channels[spec.channelnames[index]] = plane.astype(np.float16) if formats[index] == _HALF else plane
        begin = end
    return channels


def _merge(parts: list[tuple[Any, dict[str, np.ndarray]]], notes: list[str], where: str) -> dict[str, np.ndarray]:
    merged = dict(parts[0][1])
    for spec, channels in parts[1:]:
        part = spec.get_string_attribute("name")
        for name, pixels in channels.items():
            merged[name if name not in merged else f"{part}.{name}"] = pixels
    for name in [n for n, p in merged.items() if p.dtype == np.uint32 and p.max(initial=0) > _EXACT]:
        notes.append(f"{where}: channel {name} holds whole numbers above {_EXACT}, which EXR writing here cannot keep")
        del merged[name]
    return merged


def _colour(channels: dict[str, np.ndarray], where: str) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Pick colour and alpha among a file's channels; returns them and the names they used."""
    by_case = {name.upper(): name for name in channels}
    chosen = [by_case[name] for name in _COLOUR if name in by_case]
    if len(chosen) < 3:
        layers = sorted({name.rpartition(".")[0] for name in channels if "." in name})
        layer = next((la for la in layers if all(f"{la}.{c}" in channels for c in _COLOUR)), None)
        grey = next((by_case[name] for name in _GREY if name in by_case), None)
        if grey is None and len(channels) <= 2:
            grey = next(iter(channels))
        if layer is not None:
            chosen = [f"{layer}.{c}" for c in _COLOUR]
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
    carried = oiio.ImageSpec(spec) if is_exr else oiio.ImageSpec(spec.width, spec.height, 3, _FLOAT)
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


def _windows(spec: Any) -> tuple[int, ...]:
    return (
        spec.x, spec.y, spec.width, spec.height, spec.full_x, spec.full_y, spec.full_width, spec.full_height
    )  # fmt: skip


def _ordered(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Colour first, as OpenImageIO orders an EXR's channels on reading."""
    first = [name for name in (*_COLOUR, "A") if name in arrays]
    return [*first, *sorted(name for name in arrays if name not in first)]


def _type(pixels: np.ndarray) -> Any:
    return {"float16": _HALF, "uint32": _UINT}.get(pixels.dtype.name, _FLOAT)


def _as_float(pixels: np.ndarray, kind: Any) -> np.ndarray:
    """What OpenImageIO turns into the channel's type: whole numbers as a share of the largest."""
    if kind == _UINT:
        return (pixels.astype(np.float64) / (2**32 - 1)).astype(np.float32)
    return pixels.astype(np.float32, copy=False)


def _write(path: Path, spec: Any, pixels: np.ndarray) -> None:
    sink: Any = oiio.ImageOutput.create("openexr")
    with written_whole(path) as partial:
        done = sink.open(str(partial), spec) and sink.write_image(pixels) and sink.close()
        if not done:
            reason = _plain(sink.geterror())
            sink.close()
            raise OutputError(f"{path}: cannot be written ({_cause(path, reason)})")
        if not is_whole(partial):
            raise OutputError(f"{path}: cannot be written whole ({_cause(path, 'is the disk full?')})")


def _cause(path: Path, message: str) -> str:
    """Say why a write failed: the library only says that it did."""
    probe = path.with_name(f"{path.name}.probe-{os.getpid()}")
    try:
        with probe.open("wb") as file:
            file.write(bytes(1 << 20))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return "the disk is full or the file size is limited"
        return error.strerror or str(error)
    finally:
        probe.unlink(missing_ok=True)
    return message


def _plain(message: str) -> str:
    return " ".join(message.split()) or "no reason given"
