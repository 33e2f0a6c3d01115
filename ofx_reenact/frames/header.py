"""Choose the attributes of a picture's header that are written into the frames made from it."""

from __future__ import annotations

import re
from typing import Any

import OpenImageIO as oiio

from ofx_reenact.frames.channels import to_one_line
from ofx_reenact.frames.colour_tags import OWN_NAME

# Attributes that are kept from formats other than EXR; the others describe how that file is encoded.
_KEPT = ("smpte:TimeCode", "FramesPerSecond", "DateTime", "Copyright", "Artist", "ImageDescription", "PixelAspectRatio")
# Attributes of how the file is stored, of its use as a texture, or of a standard that the new frame may not meet.
_PACKING = (
    "compression", "planarconfig", "name", "type", "version", "chunkCount", "tiles", "lineOrder", "preview",
    "dwaCompressionLevel", "maxSamplesPerPixel", "deepImageState", "envmap", "wrapmodes", "textureformat",
    "acesImageContainerFlag",
)  # fmt: skip
# Attributes computed from the plate's pixels or identifying its file, which are wrong for any other file.
_STALE = ("SHA-1", "nuke/node_hash")
# Attributes of the colour space; the written frame gets its own.
_COLOUR = ("colorInteropID", "chromaticities", "ICCProfile", "CICP", OWN_NAME)
_DROPPED = frozenset(name.lower() for name in (*_PACKING, *_STALE, *_COLOUR))
_PREFIXES = ("oiio:", "openexr:", "thumbnail_", "iccprofile:")


def copy_header(spec: Any, is_exr: bool, from_parts: bool = False) -> tuple[Any, list[str]]:
    """Return the ImageSpec for frames made from a picture, and the names of attributes that cannot be written.

    From an EXR, all attributes are kept that are true for the new frames too; from other formats, those in
    :data:`_KEPT`. With ``from_parts`` the channels come from several parts, so the attribute ``view`` is dropped.
    """
    header = oiio.ImageSpec(spec) if is_exr else oiio.ImageSpec(spec.width, spec.height, 3, oiio.FLOAT)
    lost = []
    for attribute in spec.extra_attribs:
        name = attribute.name
        if not is_exr:
            if name in _KEPT:
                value = attribute.value
                header.attribute(name, attribute.type, to_one_line(value) if isinstance(value, str) else value)
        elif _is_dropped(name) or (from_parts and name == "view"):
            _erase(header, name)
        elif attribute.type.basetype == oiio.UINT8:
            # An attribute of a custom type: OpenImageIO returns its bytes, but cannot write them.
            _erase(header, name)
            lost.append(to_one_line(name))
    header.tile_width = header.tile_height = header.tile_depth = 0
    return header, lost


def _erase(spec: Any, name: str) -> None:
    """Remove an attribute by its exact name; OpenImageIO takes names for regular expressions."""
    escaped = re.sub(r"[\^$.*+?()\[\]{}|\\]", r"\\\g<0>", name)
    # Bytes that are not text cannot be passed to OpenImageIO.
    spec.erase_attribute(re.sub("[\udc80-\udcff]", ".", escaped))


def _is_dropped(name: str) -> bool:
    """Tell whether an attribute is true only for the file that it was read from."""
    lower = name.lower()
    return lower in _DROPPED or lower.startswith(_PREFIXES)
