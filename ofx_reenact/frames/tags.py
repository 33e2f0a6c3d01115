"""What a picture's file says of its colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import OpenImageIO as oiio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.primaries import are_usable, name_primaries

# Before 3.1 OpenImageIO says this of every EXR that names no colour space; it is an assumption, not a tag.
_ASSUMED = "lin_rec709" if oiio.VERSION < 30100 else None
# A studio's own name of a frame's space, where there is none that other programs know.
OWN_NAME = "reenact:colorspace"
# Of inks or lightness there is no way to light that goes without the profile; OpenImageIO guesses one.
_INKS = ("CMYK", "YCbCrK", "CIELAB", "ICCLAB", "ITULAB", "color separated")
# PNG's old way to say sRGB is a gamma of 1/2.2; OpenImageIO names that in one of these ways.
_ORDINARY = ("", "srgb_rec709_scene", "srgb_rec709_display", "srgb", "g22_rec709_scene", "g22_rec709", "gamma2.2")


@dataclass(frozen=True)
class Tags:
    """What a file says of its colour beside a name."""

    chromaticities: tuple[float, ...] | None = None  # red, green, blue, white (x, y); of an EXR
    profile: bytes = b""  # ICC
    profile_name: str = ""
    signal: str | None = None  # OpenImageIO's name of the space that a PNG's numbers (cICP, gAMA) stand for


NO_TAGS = Tags()


def read_tags(spec: Any, file_format: str) -> Tags:
    """Return what a header says of colour, of a format by OpenImageIO's name."""
    if file_format == "openexr":
        return Tags(chromaticities=_chromaticities(spec))
    signal = str(spec.get_string_attribute("oiio:ColorSpace"))
    if spec.getattribute("CICP") is not None:
        return Tags(signal=signal or None)
    if (profile := spec.getattribute("ICCProfile")) is not None:
        return Tags(profile=bytes(profile), profile_name=spec.get_string_attribute("ICCProfile:profile_description"))
    is_told = file_format == "png" and signal.lower() not in _ORDINARY
    return Tags(signal=signal if is_told else None)


def colour_tag(spec: Any) -> str | None:
    """Return the colour space that an EXR's header names."""
    tags = (spec.get_string_attribute(name) for name in ("oiio:ColorSpace", "colorInteropID", OWN_NAME))
    return next((str(tag) for tag in tags if tag not in ("", _ASSUMED)), None)


def space_said(spec: Any) -> str | None:
    """Return the colour space that an EXR's header names or, without a name, that its chromaticities stand for."""
    chromaticities = _chromaticities(spec)
    return colour_tag(spec) or (name_primaries(chromaticities) if chromaticities else None)


def refuse_inks(spec: Any, where: str) -> None:
    """Refuse a picture of inks or lightness.

    Raises:
        FrameError: it is one.
    """
    for name in ("tiff:ColorSpace", "jpeg:ColorSpace"):
        if (model := spec.get_string_attribute(name)) in _INKS:
            raise FrameError(f"{where}: a picture in {model}; convert it to RGB first, with its colour profile")


def _chromaticities(spec: Any) -> tuple[float, ...] | None:
    values = spec.getattribute("chromaticities")
    if not isinstance(values, tuple) or not are_usable(values):
        return None
    return tuple(float(value) for value in values)
