"""A picture file's channels, exactly as they are in it, through OpenImageIO."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import FrameError

_HALF, _UINT = oiio.TypeDesc("half"), oiio.TypeDesc("uint")
# OpenImageIO hands channels of mixed types over as float, which holds whole numbers exactly up to here.
_EXACT = 2**22


def read_channels(path: Path, frame: int | None = None) -> tuple[Any, dict[str, np.ndarray]]:
    """Read a picture as it is in its file, whatever it shows: OpenImageIO's description, and every channel.

    Returns:
        The description, and (H, W) float16, float32 or uint32 by full name, exactly as in the file.

    Raises:
        FrameError: it is missing, no picture, damaged, or deep.
    """
    spec, channels, _, _ = read_file(path, where_of(path, frame))
    return spec, channels


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


def where_of(path: Path, frame: int | None) -> str:
    """Name a file, and its frame if it has one, for messages."""
    return f"{path}" if frame is None else f"{path}: frame {frame}"


def read_file(path: Path, where: str) -> tuple[Any, dict[str, np.ndarray], list[str], bool]:
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
        raise FrameError(f"{where}: not a picture that can be read ({plain(oiio.geterror())})")
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
    for whole, run in itertools.groupby(range(spec.nchannels), lambda index: formats[index] == _UINT):
        indices = list(run)
        begin, kind = indices[0], oiio.UINT32 if whole else oiio.FLOAT
        pixels = source.read_image(part, 0, begin, begin + len(indices), kind)
        if pixels is None:
            reason = plain(source.geterror())
            raise FrameError(f"{where}: the file is damaged or not complete ({reason}); render or copy it again")
        for index in indices:
            plane = np.ascontiguousarray(pixels[..., index - begin])
            channels[spec.channelnames[index]] = plane.astype(np.float16) if formats[index] == _HALF else plane
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


def _windows(spec: Any) -> tuple[int, ...]:
    return spec.x, spec.y, spec.width, spec.height, spec.full_x, spec.full_y, spec.full_width, spec.full_height


def plain(message: str) -> str:
    """Return a library's message on one line."""
    return " ".join(message.split()) or "no reason given"
