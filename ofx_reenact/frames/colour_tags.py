"""Read what a picture's header tells of its colour space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import OpenImageIO as oiio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.primaries import are_usable, name_primaries

# OpenImageIO before 3.1 gives this for every EXR without a colour space; it is an assumption, not a tag.
_ASSUMED = "lin_rec709" if oiio.VERSION < 30100 else None
# Attribute for the name of a frame's colour space in its config, if other programs have no name for that space.
OWN_NAME = "reenact:colorspace"
# Colour models that cannot be converted to light without a profile; OpenImageIO guesses a conversion.
_UNREADABLE_MODELS = ("CMYK", "YCbCrK", "CIELAB", "ICCLAB", "ITULAB", "color separated")
# OpenImageIO's names for sRGB, and for a PNG's gamma of 1/2.2, which is an old way to tag sRGB.
_SRGB_NAMES = ("", "srgb_rec709_scene", "srgb_rec709_display", "srgb", "g22_rec709_scene", "g22_rec709", "gamma2.2")


@dataclass(frozen=True)
class Tags:
    """Colour information of a file other than the name of a space."""

    chromaticities: tuple[float, ...] | None = None  # of an EXR: (x, y) of red, green, blue and white
    profile: bytes = b""  # ICC profile
    profile_name: str = ""
    signal: str | None = None  # OpenImageIO's name for the space that a cICP or gAMA chunk of a PNG gives


NO_TAGS = Tags()


def read_tags(spec: Any, file_format: str) -> Tags:
    """Return the colour information in a header; ``file_format`` is OpenImageIO's name of the format."""
    if file_format == "openexr":
        return Tags(chromaticities=_chromaticities(spec))
    signal = str(spec.get_string_attribute("oiio:ColorSpace"))
    if spec.getattribute("CICP") is not None:
        return Tags(signal=signal or None)
    if (profile := spec.getattribute("ICCProfile")) is not None:
        return Tags(profile=bytes(profile), profile_name=spec.get_string_attribute("ICCProfile:profile_description"))
    is_tagged = file_format == "png" and signal.lower() not in _SRGB_NAMES
    return Tags(signal=signal if is_tagged else None)


def colour_tag(spec: Any) -> str | None:
    """Return the colour space named in an EXR's header; None if there is none."""
    tags = (spec.get_string_attribute(name) for name in ("oiio:ColorSpace", "colorInteropID", OWN_NAME))
    return next((str(tag) for tag in tags if tag not in ("", _ASSUMED)), None)


def tagged_space(spec: Any) -> str | None:
    """Return the colour space named in an EXR's header, else a name for its chromaticities; None without either."""
    chromaticities = _chromaticities(spec)
    return colour_tag(spec) or (name_primaries(chromaticities) if chromaticities else None)


def refuse_unreadable_models(spec: Any, where: str) -> None:
    """Refuse a picture in CMYK, Lab or a similar colour model.

    Raises:
        FrameError: it is in such a model.
    """
    for name in ("tiff:ColorSpace", "jpeg:ColorSpace"):
        if (model := spec.get_string_attribute(name)) in _UNREADABLE_MODELS:
            raise FrameError(f"{where}: the picture is in {model}; convert it to RGB first, with its colour profile")


def _chromaticities(spec: Any) -> tuple[float, ...] | None:
    values = spec.getattribute("chromaticities")
    if not isinstance(values, tuple) or not are_usable(values):
        return None
    return tuple(float(value) for value in values)
