"""Frames of a host's clip, kept as files, so that a clip without files can be analysed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.channels import complaint
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import Plate, Window
from ofx_reenact.frames.write import write_frame
from ofx_reenact.provenance.attributes import FRAME
from ofx_reenact.service.mapping import open_mapping
from ofx_reenact.service.shared_pixels import SharedPixels

# What a file bears that was written here, and may be written anew.
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
    """Write a host's picture as EXR, in its own depth, whole or not at all; returns the file.

    Args:
        pattern: ``NAME.####.exr``.
        frame: its number.
        pixels: where the picture lies. Straight colour is multiplied with its alpha, as EXR has it; an opaque picture
            is written without alpha.
        colour: the config.
        space: colour space of the numbers, which the file then says; empty to say none.
        aspect: of a pixel, width over height.
        fps: frames a second.

    Raises:
        SettingsError: no file can have that name.
        FrameError: the config knows no such space.
        OutputError: another file is there, or the disk does not take it.
        ReenactError: the shared memory cannot be read.
    """
    path = frame_path(pattern, frame)
    tags = colour.tags(colour.resolve(space)) if space else {}
    if path.exists() and not _is_stored(path):
        raise OutputError(
            f"{path}: is there already, and no frame that was stored for a host; choose another folder or name"
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
        header.attribute("FramesPerSecond", oiio.TypeDesc("rational"), (fps.numerator, fps.denominator))
    write_frame(
        path, _plate(path, rgba, header, has_alpha=len(names) == 4), channels,
        formats=dict.fromkeys(channels, pixels.depth), attributes=attributes,
    )  # fmt: skip
    return path


def read_aspect(said: Any) -> float:
    """Return the pixel aspect that a request says; 1 if it says none.

    Raises:
        SettingsError: it is no aspect.
    """
    if said is None:
        return 1.0
    if type(said) not in (int, float) or not 0.01 <= said <= 100:
        raise SettingsError(f"aspect {str(said)[:40]}: give width over height of a pixel, as 2")
    return float(said)


def read_rate(said: Any) -> Fraction | None:
    """Return the frames a second that a request says, a number or a text as ``24000/1001``; None if it says none.

    Raises:
        SettingsError: it is no rate.
    """
    if said is None:
        return None
    try:
        if type(said) not in (int, float, str):
            raise ValueError
        rate = Fraction(said) if isinstance(said, str) else _nearest_rate(said)
        if not 0 < rate <= 1000 or rate.denominator > 1 << 16:
            raise ValueError
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise SettingsError(f"fps {str(said)[:40]}: give frames a second, as 24 or '24000/1001'") from error
    return rate


def _nearest_rate(number: float) -> Fraction:
    """Return the rate that a host's rounded number means: 23.976 is 24000/1001."""
    of_video = Fraction(round(number) * 1000, 1001)
    return of_video if abs(number - of_video) < 0.005 else Fraction(number).limit_denominator(1001)


def _plate(path: Path, rgba: np.ndarray, header: Any, *, has_alpha: bool) -> Plate:
    """Return what the picture would be as a file's: one that fills its display window."""
    height, width = rgba.shape[:2]
    whole = Window(0, 0, width, height)
    alpha = rgba[..., 3] if has_alpha else None
    return Plate(path, rgba[..., :3], alpha, {}, whole, whole, None, "float", None, header)


def _is_stored(path: Path) -> bool:
    """Tell whether a file was written here, and is no frame that was rendered of such a one."""
    source = oiio.ImageInput.open(str(path))
    if source is None:
        complaint()
        return False
    try:
        spec = source.spec()
        return spec.getattribute(STORED) is not None and spec.getattribute(FRAME) is None
    finally:
        source.close()
