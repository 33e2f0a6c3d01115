"""The request ``store``: write frames of a host's clip as EXR files, so that a clip without files can be analysed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.channels import take_error
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import Plate, Window, write_rate
from ofx_reenact.frames.write import write_frame
from ofx_reenact.provenance.attributes import FRAME
from ofx_reenact.service.shared_memory import open_mapping
from ofx_reenact.service.shared_pixels import SharedPixels

# An attribute of the files that are written here. Only such files are overwritten.
STORED = "reenact:stored"


def store_frame(
    pattern: str,
    frame: int,
    pixels: SharedPixels,
    colour: Colour,
    space: str = "",
    aspect: float = 1.0,
    fps: Fraction | None = None,
) -> Path:
    """Write a host's picture as EXR, in its own depth, whole or not at all; return the file.

    Args:
        pattern: ``NAME.####.exr``.
        frame: the frame number.
        pixels: where the picture is in shared memory. Straight colour is multiplied with its alpha, as EXR needs it;
            an opaque picture is written without alpha.
        colour: the colour config.
        space: the picture's colour space, written into the file's tags; empty for no tags.
        aspect: width over height of a pixel.
        fps: frames a second; None if unknown.

    Raises:
        SettingsError: the pattern cannot be a file's name.
        FrameError: the config has no such space.
        OutputError: a file exists there that was not stored, or the file cannot be written.
        ReenactError: the shared memory cannot be read.
    """
    path = frame_path(pattern, frame)
    tags = colour.tags(colour.resolve(space)) if space else {}
    if path.exists() and not _is_stored(path):
        raise OutputError(
            f"{path}: already exists and was not stored for a host; choose another folder or name"
        )
    memory = open_mapping(pixels.mapping, pixels.size)
    try:
        rgba = pixels.read(memory, pixels.source)
    finally:
        memory.close()
    if pixels.alpha == "straight":
        rgba[..., :3] *= rgba[..., 3:]
    names = "RGB" if pixels.alpha == "opaque" else "RGBA"
    channels = {name: rgba[..., index] for index, name in enumerate(names)}
    attributes: dict[str, Any] = {STORED: 1, **tags}
    header = oiio.ImageSpec(pixels.width, pixels.height, len(names), oiio.FLOAT)
    if not Squeeze.of_aspect(aspect).is_square:
        attributes["PixelAspectRatio"] = float(aspect)
    if fps is not None:
        write_rate(header, fps)
    write_frame(
        path, _plate(path, rgba, header, has_alpha=len(names) == 4), channels,
        formats=dict.fromkeys(channels, pixels.depth), attributes=attributes,
    )  # fmt: skip
    return path


def read_aspect(value: Any) -> float:
    """Return the pixel aspect of a request, width over height; 1 if it has none.

    Raises:
        SettingsError: the value is no number from 0.01 to 100.
    """
    if value is None:
        return 1.0
    if type(value) not in (int, float) or not 0.01 <= value <= 100:
        raise SettingsError(f"aspect {str(value)[:40]}: give width over height of a pixel, as 2")
    return float(value)


def read_rate(value: Any) -> Fraction | None:
    """Return the frame rate of a request, from a number or a text such as ``24000/1001``; None if it has none.

    Raises:
        SettingsError: the value is no rate above 0 and up to 1000.
    """
    if value is None:
        return None
    try:
        if type(value) not in (int, float, str):
            raise ValueError
        rate = Fraction(value) if isinstance(value, str) else _nearest_rate(value)
        if not 0 < rate <= 1000 or rate.denominator > 1 << 16:
            raise ValueError
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise SettingsError(f"fps {str(value)[:40]}: give frames a second, as 24 or '24000/1001'") from error
    return rate


def _nearest_rate(number: float) -> Fraction:
    """Return the rate that a host has rounded: 23.976 means 24000/1001."""
    of_video = Fraction(round(number) * 1000, 1001)
    return of_video if abs(number - of_video) < 0.005 else Fraction(number).limit_denominator(1001)


def _plate(path: Path, rgba: np.ndarray, header: Any, *, has_alpha: bool) -> Plate:
    """Return a picture as a plate that fills its display window."""
    height, width = rgba.shape[:2]
    whole = Window(0, 0, width, height)
    alpha = rgba[..., 3] if has_alpha else None
    return Plate(path, rgba[..., :3], alpha, {}, whole, whole, None, "float", None, header)


def _is_stored(path: Path) -> bool:
    """Return whether a file was written here, and is not a rendered frame that took over its attributes."""
    source = oiio.ImageInput.open(str(path))
    if source is None:
        take_error()
        return False
    try:
        spec = source.spec()
        return spec.getattribute(STORED) is not None and spec.getattribute(FRAME) is None
    finally:
        source.close()
