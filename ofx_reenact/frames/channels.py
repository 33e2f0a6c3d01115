"""Read the channels of a picture file exactly as they are stored, through OpenImageIO."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection, Container, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import FrameError, ReenactError
from ofx_reenact.frames.picture_layer import Layer, choose_layer, find_layers, rank_part

# Larger pictures are refused before memory is allocated: a damaged header may give any size.
MAX_PIXELS = 16384 * 16384
MAX_CHANNELS = 1024

# Attribute of a rendered frame that names the layer in which the picture is.
LAYER_ATTRIBUTE = "reenact:layer"

_HALF, _FLOAT, _UINT = oiio.TypeDesc("half"), oiio.TypeDesc("float"), oiio.TypeDesc("uint")
# Rows that are read at once: as many as the largest compressed block of an EXR has.
# The allocator reuses memory of this size.
_STRIP = 256
# OpenImageIO writes integers beside other types from floats, as fractions of the largest one; up to this, exactly.
_EXACT = 2**22


@dataclass(frozen=True)
class StripLayout:
    """Where the picture's three colour channels, adjacent and of one type, are in a scanline EXR, to read strips."""

    part: int
    first: int  # index of the first channel in that part
    kind: Any  # OpenImageIO's type, half or float


@dataclass(frozen=True)
class Contents:
    """The contents of a picture file."""

    spec: Any  # OpenImageIO's ImageSpec of the part that the picture is in
    # (H, W) float16, float32 or uint32 by full name, with the file's values; the picture's are never float16
    channels: dict[str, np.ndarray]
    layer: Layer | None  # which channels are the picture; None if the caller needs no layer
    depth: str  # type of the picture in the file: "half", "float", "uint8", …
    format: str  # OpenImageIO's name of the file format
    parts: int  # number of parts that the channels come from
    notes: list[str]  # notes on what was left out
    strips: StripLayout | None = None  # how to read the picture in strips of rows; None if that is not possible


@dataclass(frozen=True)
class _Part:
    """One part of a file."""

    number: int
    spec: Any  # OpenImageIO's ImageSpec
    names: dict[str, str] = field(default_factory=dict)  # name in the part → name among the channels of all parts

    @property
    def name(self) -> str:
        return _text(self.spec.get_string_attribute("name"))


def read_channels(path: Path, frame: int | None = None) -> tuple[Any, dict[str, np.ndarray]]:
    """Read every channel of a picture file, without choosing which of them are the picture.

    Args:
        path: the file.
        frame: frame number, for messages.

    Returns:
        OpenImageIO's ImageSpec, and the channels by full name: (H, W) float16, float32 or uint32, as in the file.

    Raises:
        FrameError: the file is missing, not a picture, damaged, deep, or too large.
    """
    found = read_file(path, where_of(path, frame), None)
    return found.spec, found.channels


def is_whole(path: Path) -> bool:
    """Tell whether every pixel of a file decodes; a truncated EXR can be opened without an error."""
    return find_damage(path) is None


def find_damage(path: Path, written: Mapping[str, np.ndarray] | None = None) -> str | None:
    """Decode every pixel of a file and return what is wrong with it; None if nothing is.

    Args:
        path: the file.
        written: the channels (H, W) float16 or float32 that were written into the file without loss. It must decode to
            these. A file without compression decodes whatever its bytes are, so only comparing finds changed bytes.
    """
    where = str(path)
    try:
        with _opened(path, where) as source:
            part = 0
            while source.seek_subimage(part, 0):
                spec = source.spec()
                _check(spec, where)
                if any(_text(name) != name for name in spec.channelnames):
                    raise _damaged(where, "a channel's name is not text")
                # If all channels have one type, reading in that type converts nothing and needs less memory.
                kind = oiio.FLOAT if spec.channelformats else spec.format
                pixels = _read_pixels(source, part, 0, spec.nchannels, kind, where)
                found = dict(zip(spec.channelnames, np.moveaxis(pixels, -1, 0), strict=True))
                if written is not None and not _same(found, written):
                    raise _damaged(where, "it decodes to other pixels than were written")
                part += 1
    except FrameError as error:
        return str(error).removeprefix(f"{where}: ")
    return None


def _same(channels: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> bool:
    """Tell whether channels are equal by name; all NaNs are equal, as a conversion between types changes their bits."""
    return channels.keys() == given.keys() and all(
        _same_bits(channels[name], plane) or np.array_equal(channels[name], plane, equal_nan=True)
        for name, plane in given.items()
    )


def _same_bits(plane: np.ndarray, given: np.ndarray) -> bool:
    """Tell whether two planes have the same type and bits; this is faster than comparing numbers."""
    bits = f"u{given.itemsize}"
    return plane.dtype == given.dtype and np.array_equal(plane.view(bits), given.view(bits))


def where_of(path: Path, frame: int | None) -> str:
    """Return the name of a file, with its frame number if there is one, for messages."""
    return f"{path}" if frame is None else f"{path}: frame {frame}"


def read_file(path: Path, where: str, layer: str | None, pixels_of: Container[str] | None = None) -> Contents:
    """Read the channels of all parts of a file that have the same windows as the picture.

    Of formats other than EXR only the first picture is read; pages, frames, sizes and thumbnails are further pictures.

    Args:
        path: the file.
        where: the file's name in messages.
        layer: which layer is the picture; empty to choose by the layers' names; None if no layer is needed.
        pixels_of: full names of the channels whose pixels are read; the others are 0 everywhere and take no memory.
            None reads all. Integer channels are always read: their values decide whether they are kept.

    Raises:
        FrameError: the file is missing, not a picture, damaged, deep, or too large, or has no such layer.
    """
    with _opened(path, where) as source:
        parts, notes = _list_parts(source, where)
    # Opened again, as some readers cannot continue after a part that does not exist.
    with _opened(path, where) as source:
        main = min(parts, key=lambda part: rank_part(part.name, part.spec.channelnames))
        _name_channels(parts, main)
        chosen, depth = None, ""
        if layer is not None:
            names = [name for part in parts for name in part.names.values()]
            wanted = layer or _tagged_layer(main.spec, names)
            chosen, choice_notes = choose_layer(names, wanted, where, main.name if len(parts) > 1 else "")
            main = next(part for part in parts if chosen.rgb[0] in part.names.values())
            depth = _depth(main, chosen.rgb[0])
            notes += choice_notes
        channels: dict[str, np.ndarray] = {}
        kept = [part for part in parts if _windows(part.spec) == _windows(main.spec)]
        for part in parts:
            if part in kept:
                needed = [name for name, full in part.names.items() if pixels_of is None or full in pixels_of]
                colour = [name for name, full in part.names.items() if chosen and full in (*chosen.rgb, chosen.alpha)]
                planes = _read_channels(source, part.number, part.spec, where, needed, colour)
                channels |= {part.names[name]: plane for name, plane in planes.items()}
            else:
                shown_name = part.name or str(part.number)
                notes.append(f"{where}: part {shown_name} has other windows than the picture and was left out")
        _drop_inexact(channels, notes, where)
        format_name = source.format_name()
        strips = _find_strips(main, chosen) if chosen and format_name == "openexr" else None
        return Contents(main.spec, channels, chosen, depth, format_name, len(kept), notes, strips)


def read_strips(path: Path, where: str, layout: StripLayout) -> Generator[tuple[slice, np.ndarray], None, None]:
    """Yield the colours of a picture in strips from the top: (slice of rows, (h, W, 3) float16 or float32).

    Raises:
        FrameError: the file is missing or damaged.
    """
    with _opened(path, where) as source:
        source.seek_subimage(layout.part, 0)
        spec = source.spec()
        for begin in range(0, spec.height, _STRIP):
            end = min(begin + _STRIP, spec.height)
            pixels = source.read_scanlines(
                layout.part, 0, spec.y + begin, spec.y + end, 0, layout.first, layout.first + 3, layout.kind
            )
            if pixels is None or source.has_error:
                raise _damaged(where, take_error(source))
            yield slice(begin, end), np.asarray(pixels)


@contextlib.contextmanager
def _opened(path: Path, where: str) -> Generator[Any, None, None]:
    """Open a file with OpenImageIO; every error of the reader becomes a FrameError that names the file."""
    if not path.exists():
        raise FrameError(f"{where}: no such file")
    if path.is_dir():
        raise FrameError(f"{where}: a folder, not a picture")
    if path.stat().st_size == 0:
        raise FrameError(f"{where}: the file is empty")
    source = None
    try:
        source = oiio.ImageInput.open(str(path))
        if source is None:
            raise FrameError(f"{where}: not a picture that can be read ({take_error()})")
        yield source
    except ReenactError:
        raise
    # Damaged files raise errors of many kinds: text that is not UTF-8, sizes for which there is no memory, and others.
    except Exception as error:
        raise _damaged(where, f"{type(error).__name__} while reading it") from error
    finally:
        if source is not None:
            take_error(source)
            source.close()


def _list_parts(source: Any, where: str) -> tuple[list[_Part], list[str]]:
    """List the parts to read, with a note on pictures that are not read."""
    is_exr = source.format_name() == "openexr"
    parts: list[_Part] = []
    number = 0
    while source.seek_subimage(number, 0):
        if is_exr or not number:
            spec = oiio.ImageSpec(source.spec())
            _check(spec, where)
            parts.append(_Part(number, spec))
        number += 1
    # The reader's error at the end of the list is no fault of the file.
    reason = take_error(source)
    if not parts:
        raise _damaged(where, reason)
    if is_exr or number == 1:
        return parts, []
    return parts, [f"{where}: holds {number} pictures; the first was read"]


def _check(spec: Any, where: str) -> None:
    """Refuse deep pixels, and sizes that can only come from a damaged header."""
    if spec.deep:
        raise FrameError(f"{where}: deep pixels; flatten the picture first (Nuke: DeepToImage)")
    if spec.width * spec.height > MAX_PIXELS or spec.nchannels > MAX_CHANNELS:
        raise FrameError(
            f"{where}: {spec.width} x {spec.height} pixels of {spec.nchannels} channels, more than the "
            f"limits of {MAX_PIXELS} pixels and {MAX_CHANNELS} channels; is the header damaged?"
        )


def _name_channels(parts: list[_Part], main: _Part) -> None:
    """Make channel names unique: those of ``main`` stay; in other parts, a name that is taken gets the part's name."""
    main.names.update({name: _text(name) for name in main.spec.channelnames})
    taken = set(main.names.values())
    for part in (part for part in parts if part is not main):
        own = list(part.spec.channelnames)
        # A part that repeats a plain name, such as R, is another picture, and its alpha is not the main picture's.
        plain = any("." not in name and name in taken for name in own)
        prefix = part.name or f"part{part.number}"
        for name in own:
            text = _text(name)
            full = f"{prefix}.{text}" if text in taken or (plain and "." not in text) else text
            for again in itertools.count(2):
                if full not in taken:
                    break
                full = f"{prefix}{again}.{text}"
            part.names[name] = full
            taken.add(full)


def _tagged_layer(spec: Any, names: list[str]) -> str:
    """Return the layer that a rendered frame's header names as the picture; empty if none of its layers is named."""
    name = str(spec.get_string_attribute(LAYER_ATTRIBUTE))
    return name if name in (layer.name for layer in find_layers(names)) else ""


def _depth(part: _Part, full: str) -> str:
    own = next(name for name, other in part.names.items() if other == full)
    formats = list(part.spec.channelformats) or [part.spec.format] * part.spec.nchannels
    return str(formats[list(part.spec.channelnames).index(own)])


def _find_strips(part: _Part, layer: Layer) -> StripLayout | None:
    names, spec = list(part.names.values()), part.spec
    first = names.index(layer.rgb[0])
    formats = (list(spec.channelformats) or [spec.format] * spec.nchannels)[first : first + 3]
    adjacent = formats in ([_HALF] * 3, [_FLOAT] * 3) and names[first : first + 3] == list(layer.rgb)
    return StripLayout(part.number, first, formats[0].basetype) if adjacent and not spec.tile_width else None


def _read_channels(
    source: Any, part: int, spec: Any, where: str, wanted: Collection[str], colour: Collection[str]
) -> dict[str, np.ndarray]:
    """Read the channels of a part without loss: float16, float32, or uint32 for integers; 0 if not ``wanted``.

    Channels in ``colour`` that are half in the file are returned as float32, which they are processed in. They are
    views of one array (H, W, channels) if they are adjacent in the file.
    """
    formats = list(spec.channelformats) or [spec.format] * spec.nchannels
    channels: dict[str, np.ndarray] = {}
    for (whole, needed), run in itertools.groupby(
        range(spec.nchannels),
        lambda index: (formats[index] == _UINT, formats[index] == _UINT or spec.channelnames[index] in wanted),
    ):
        indices = list(run)
        begin, kind = indices[0], oiio.UINT32 if whole else oiio.FLOAT
        pixels = _read_pixels(source, part, begin, begin + len(indices), kind, where) if needed else None
        for index in indices:
            half = formats[index] == _HALF
            if pixels is None:
                zero = np.float16(0) if half else np.float32(0)
                channels[spec.channelnames[index]] = np.broadcast_to(zero, (spec.height, spec.width))
                continue
            plane, name = pixels[..., index - begin], spec.channelnames[index]
            if name not in colour:
                plane = plane.astype(np.float16) if half else np.ascontiguousarray(plane)
            channels[name] = plane
    return channels


def _read_pixels(source: Any, part: int, begin: int, end: int, kind: Any, where: str) -> np.ndarray:
    pixels = source.read_image(part, 0, begin, end, kind)
    # A reader may replace missing data and only report it, as the JPEG reader does.
    if pixels is None or source.has_error:
        raise _damaged(where, take_error(source))
    return np.asarray(pixels)


def _drop_inexact(channels: dict[str, np.ndarray], notes: list[str], where: str) -> None:
    for name in [n for n, p in channels.items() if p.dtype == np.uint32 and p.max(initial=0) > _EXACT]:
        notes.append(f"{where}: channel {name} was left out: its whole numbers above {_EXACT} would not be kept")
        del channels[name]


def _windows(spec: Any) -> tuple[int, ...]:
    return spec.x, spec.y, spec.width, spec.height, spec.full_x, spec.full_y, spec.full_width, spec.full_height


def _damaged(where: str, reason: str) -> FrameError:
    return FrameError(f"{where}: the file is damaged or not complete ({reason}); render or copy it again")


def take_error(source: Any = oiio) -> str:
    """Take the pending error message of a reader or writer, or of OpenImageIO itself, as one line."""
    try:
        return to_one_line(source.geterror())
    except UnicodeDecodeError:
        return "the message is not UTF-8"


def to_one_line(message: str) -> str:
    """Put a library's text on one line; bytes that are not text become question marks."""
    return " ".join(_text(message).split()) or "no reason given"


def _text(name: str) -> str:
    """Return a name in a file as text; bytes that are not text become question marks."""
    return name.encode(errors="replace").decode()
