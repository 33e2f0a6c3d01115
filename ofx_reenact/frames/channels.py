"""A picture file's channels, exactly as they are in it, through OpenImageIO."""

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
from ofx_reenact.frames.choice import Layer, choose_layer, find_layers, rank_part

# Larger pictures are refused before memory is taken for them: a damaged header may claim any size.
MAX_PIXELS = 16384 * 16384
MAX_CHANNELS = 1024

# Names the layer that is the picture, in a frame that was made from it.
LAYER_ATTRIBUTE = "reenact:layer"

_HALF, _FLOAT, _UINT = oiio.TypeDesc("half"), oiio.TypeDesc("float"), oiio.TypeDesc("uint")
# Rows that are read at once, as many as the largest piece of an EXR has: memory of this size is used again and again.
_STRIP = 256
# OpenImageIO hands channels of mixed types over as float, which holds whole numbers exactly up to here.
_EXACT = 2**22


@dataclass(frozen=True)
class Rows:
    """Where in an EXR of scanlines the three colours of a picture lie side by side, all halfs or all floats."""

    part: int
    first: int  # number of the first channel in that part
    kind: Any  # OpenImageIO's type


@dataclass(frozen=True)
class Contents:
    """What is in a picture file."""

    spec: Any  # OpenImageIO's description of the part that the picture is in
    # (H, W) float16, float32 or uint32 by full name, exactly as in the file; those of the picture float32 or uint32
    channels: dict[str, np.ndarray]
    layer: Layer | None  # which of them are the picture; None if that was not asked
    depth: str  # type of the picture in the file: "half", "float", "uint8", …
    format: str  # OpenImageIO's name of the file's format
    parts: int  # how many of the file's parts the channels come from
    notes: list[str]  # what was left out
    rows: Rows | None = None  # where the picture can be read a strip of rows at a time; None where it cannot


@dataclass(frozen=True)
class _Part:
    """One part of a file, with each of its channels' name among the channels of all parts."""

    number: int
    spec: Any
    names: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return _text(self.spec.get_string_attribute("name"))


def read_channels(path: Path, frame: int | None = None) -> tuple[Any, dict[str, np.ndarray]]:
    """Read a picture as it is in its file, whatever it shows: OpenImageIO's description, and every channel.

    Returns:
        The description, and (H, W) float16, float32 or uint32 by full name, exactly as in the file.

    Raises:
        FrameError: it is missing, no picture, damaged, deep, or too large.
    """
    found = read_file(path, where_of(path, frame), None)
    return found.spec, found.channels


def is_whole(path: Path) -> bool:
    """Tell whether every pixel of a file decodes; a truncated EXR opens without complaint."""
    return find_damage(path) is None


def find_damage(path: Path, given: Mapping[str, np.ndarray] | None = None) -> str | None:
    """Return why not every pixel of a file decodes; None if all do.

    Args:
        path: the file.
        given: channels (H, W) float16 or float32 that were written into it, where it keeps pixels as they are: it must
            decode to these. A file without compression decodes to something whatever became of its bytes.
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
                # In its own type, where it has but one, nothing is converted and less memory touched.
                kind = oiio.FLOAT if spec.channelformats else spec.format
                pixels = _read_pixels(source, part, 0, spec.nchannels, kind, where)
                found = dict(zip(spec.channelnames, np.moveaxis(pixels, -1, 0), strict=True))
                if given is not None and not _same(found, given):
                    raise _damaged(where, "it decodes to other pixels than were written")
                part += 1
    except FrameError as error:
        return str(error).removeprefix(f"{where}: ")
    return None


def _same(channels: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> bool:
    """Tell whether channels are the same, by name; a NaN may be another one, as conversion between types leaves it."""
    return channels.keys() == given.keys() and all(
        _alike(channels[name], plane) or np.array_equal(channels[name], plane, equal_nan=True)
        for name, plane in given.items()
    )


def _alike(plane: np.ndarray, given: np.ndarray) -> bool:
    """Tell whether two planes are the same to the bit: quicker than to compare numbers."""
    bits = f"u{given.itemsize}"
    return plane.dtype == given.dtype and np.array_equal(plane.view(bits), given.view(bits))


def where_of(path: Path, frame: int | None) -> str:
    """Name a file, and its frame if it has one, for messages."""
    return f"{path}" if frame is None else f"{path}: frame {frame}"


def read_file(path: Path, where: str, layer: str | None, pixels: Container[str] | None = None) -> Contents:
    """Read a file's channels, of all its parts that have the picture's windows.

    Of a format other than EXR the first picture is read: pages, frames, sizes and thumbnails are other pictures.

    Args:
        path: the file.
        where: names it in messages.
        layer: which layer is the picture, empty for the one that its name says; None if none has to be.
        pixels: names of the channels that are needed; others are 0 everywhere and take no memory. All if None.
            Channels of whole numbers are read in any case: their values decide whether they are kept.

    Raises:
        FrameError: it is missing, no picture, damaged, deep, or too large, or has no such layer.
    """
    with _opened(path, where) as source:
        parts, notes = _list_parts(source, where)
    # Opened anew: some readers do not come back from a part that is not there.
    with _opened(path, where) as source:
        main = min(parts, key=lambda part: rank_part(part.name, part.spec.channelnames))
        _name_channels(parts, main)
        chosen, depth = None, ""
        if layer is not None:
            names = [name for part in parts for name in part.names.values()]
            wanted = layer or _layer_said(main.spec, names)
            chosen, said = choose_layer(names, wanted, where, main.name if len(parts) > 1 else "")
            main = next(part for part in parts if chosen.rgb[0] in part.names.values())
            depth = _depth(main, chosen.rgb[0])
            notes += said
        channels: dict[str, np.ndarray] = {}
        kept = [part for part in parts if _windows(part.spec) == _windows(main.spec)]
        for part in parts:
            if part in kept:
                needed = [name for name, full in part.names.items() if pixels is None or full in pixels]
                colour = [name for name, full in part.names.items() if chosen and full in (*chosen.rgb, chosen.alpha)]
                planes = _read_channels(source, part.number, part.spec, where, needed, colour)
                channels |= {part.names[name]: plane for name, plane in planes.items()}
            else:
                said_name = part.name or str(part.number)
                notes.append(f"{where}: part {said_name} has other windows than the picture and was left out")
        _drop_inexact(channels, notes, where)
        format_name = source.format_name()
        rows = _find_rows(main, chosen) if chosen and format_name == "openexr" else None
        return Contents(main.spec, channels, chosen, depth, format_name, len(kept), notes, rows)


def read_strips(path: Path, where: str, rows: Rows) -> Generator[tuple[slice, np.ndarray], None, None]:
    """Read the colours of a picture a strip at a time, from the top: (rows, (h, W, 3) float16 or float32).

    Raises:
        FrameError: it is missing, or damaged.
    """
    with _opened(path, where) as source:
        source.seek_subimage(rows.part, 0)
        spec = source.spec()
        for begin in range(0, spec.height, _STRIP):
            end = min(begin + _STRIP, spec.height)
            pixels = source.read_scanlines(
                rows.part, 0, spec.y + begin, spec.y + end, 0, rows.first, rows.first + 3, rows.kind
            )
            if pixels is None or source.has_error:
                raise _damaged(where, complaint(source))
            yield slice(begin, end), np.asarray(pixels)


@contextlib.contextmanager
def _opened(path: Path, where: str) -> Generator[Any, None, None]:
    """Open a file; whatever the reader raises of it is an error of the file."""
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
            raise FrameError(f"{where}: not a picture that can be read ({complaint()})")
        yield source
    except ReenactError:
        raise
    # Damaged bytes come back as text that is not UTF-8, as sizes that no memory holds, and as what else there may be.
    except Exception as error:
        raise _damaged(where, f"{type(error).__name__} on reading it") from error
    finally:
        if source is not None:
            complaint(source)
            source.close()


def _list_parts(source: Any, where: str) -> tuple[list[_Part], list[str]]:
    """List the parts that may be read, and note the pictures that are not."""
    is_exr = source.format_name() == "openexr"
    parts: list[_Part] = []
    number = 0
    while source.seek_subimage(number, 0):
        if is_exr or not number:
            spec = oiio.ImageSpec(source.spec())
            _check(spec, where)
            parts.append(_Part(number, spec))
        number += 1
    # That there are no more of them is no fault of the file.
    reason = complaint(source)
    if not parts:
        raise _damaged(where, reason)
    if is_exr or number == 1:
        return parts, []
    return parts, [f"{where}: holds {number} pictures; the first was read"]


def _check(spec: Any, where: str) -> None:
    """Refuse deep pixels, and sizes that a damaged header claims."""
    if spec.deep:
        raise FrameError(f"{where}: deep pixels; flatten the picture first (Nuke: DeepToImage)")
    if spec.width * spec.height > MAX_PIXELS or spec.nchannels > MAX_CHANNELS:
        raise FrameError(
            f"{where}: {spec.width} x {spec.height} pixels of {spec.nchannels} channels, more than the "
            f"{MAX_PIXELS} pixels or {MAX_CHANNELS} channels that are read here; is the header damaged?"
        )


def _name_channels(parts: list[_Part], main: _Part) -> None:
    """Give every channel a name of its own: those of ``main`` keep theirs, others get their part's before a double."""
    main.names.update({name: _text(name) for name in main.spec.channelnames})
    taken = set(main.names.values())
    for part in (part for part in parts if part is not main):
        own = list(part.spec.channelnames)
        # A part that doubles one plain name is a picture of its own, whose alpha is not the other's.
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


def _layer_said(spec: Any, names: list[str]) -> str:
    """Which layer a frame made here says to be the picture; empty if it says none that is there."""
    said = str(spec.get_string_attribute(LAYER_ATTRIBUTE))
    return said if said in (layer.name for layer in find_layers(names)) else ""


def _depth(part: _Part, full: str) -> str:
    own = next(name for name, other in part.names.items() if other == full)
    formats = list(part.spec.channelformats) or [part.spec.format] * part.spec.nchannels
    return str(formats[list(part.spec.channelnames).index(own)])


def _find_rows(part: _Part, layer: Layer) -> Rows | None:
    names, spec = list(part.names.values()), part.spec
    first = names.index(layer.rgb[0])
    formats = (list(spec.channelformats) or [spec.format] * spec.nchannels)[first : first + 3]
    alike = formats in ([_HALF] * 3, [_FLOAT] * 3) and names[first : first + 3] == list(layer.rgb)
    return Rows(part.number, first, formats[0].basetype) if alike and not spec.tile_width else None


def _read_channels(
    source: Any, part: int, spec: Any, where: str, wanted: Collection[str], colour: Collection[str]
) -> dict[str, np.ndarray]:
    """Read a part's channels, each exactly: float16, float32, or uint32 for whole numbers; zeros if not wanted.

    Halfs of ``colour`` stay float32, as they were decoded: they are worked on as that. They are views of one array
    (H, W, channels) if they lie side by side in the file.
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
                nothing = np.float16(0) if half else np.float32(0)
                channels[spec.channelnames[index]] = np.broadcast_to(nothing, (spec.height, spec.width))
                continue
            plane, name = pixels[..., index - begin], spec.channelnames[index]
            if name not in colour:
                plane = plane.astype(np.float16) if half else np.ascontiguousarray(plane)
            channels[name] = plane
    return channels


def _read_pixels(source: Any, part: int, begin: int, end: int, kind: Any, where: str) -> np.ndarray:
    pixels = source.read_image(part, 0, begin, end, kind)
    # A reader may fill in what is missing and only warn of it, as the one of JPEG does.
    if pixels is None or source.has_error:
        raise _damaged(where, complaint(source))
    return np.asarray(pixels)


def _drop_inexact(channels: dict[str, np.ndarray], notes: list[str], where: str) -> None:
    for name in [n for n, p in channels.items() if p.dtype == np.uint32 and p.max(initial=0) > _EXACT]:
        notes.append(f"{where}: channel {name} holds whole numbers above {_EXACT}, which EXR writing here cannot keep")
        del channels[name]


def _windows(spec: Any) -> tuple[int, ...]:
    return spec.x, spec.y, spec.width, spec.height, spec.full_x, spec.full_y, spec.full_width, spec.full_height


def _damaged(where: str, reason: str) -> FrameError:
    return FrameError(f"{where}: the file is damaged or not complete ({reason}); render or copy it again")


def complaint(source: Any = oiio) -> str:
    """Take a reader's or writer's message, OpenImageIO's own if none is given, on one line."""
    try:
        return plain(source.geterror())
    except UnicodeDecodeError:
        return "its text is not UTF-8"


def plain(message: str) -> str:
    """Return a library's text on one line; bytes that were no text become question marks."""
    return " ".join(_text(message).split()) or "no reason given"


def _text(name: str) -> str:
    """Return a name in a file as text; bytes that were none become question marks."""
    return name.encode(errors="replace").decode()
