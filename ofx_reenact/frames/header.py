"""Choose the attributes of a picture's header that are written into the frames made from it."""

from __future__ import annotations

import re
from typing import Any

import OpenImageIO as oiio

from ofx_reenact.frames.channels import to_one_line
from ofx_reenact.frames.tags import OWN_NAME

# Attributes that are kept from formats other than EXR; the rest describes their own encoding.
_KEPT = ("smpte:TimeCode", "FramesPerSecond", "DateTime", "Copyright", "Artist", "ImageDescription", "PixelAspectRatio")
# Attributes of the file's packing or use as a texture, or of a standard that the written frame may not conform to.
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


def carry_header(spec: Any, is_exr: bool, several: bool = False) -> tuple[Any, list[str]]:
    """Return the ImageSpec for frames made from a picture, and the names of attributes that cannot be written.

    From an EXR all attributes that are still true are kept, from other formats those in :data:`_KEPT`. ``several``: the
    channels come from several parts, whose attribute ``view`` is dropped.
    """
    carried = oiio.ImageSpec(spec) if is_exr else oiio.ImageSpec(spec.width, spec.height, 3, oiio.FLOAT)
    lost = []
    for attribute in spec.extra_attribs:
        name = attribute.name
        if not is_exr:
            if name in _KEPT:
                value = attribute.value
                carried.attribute(name, attribute.type, to_one_line(value) if isinstance(value, str) else value)
        elif _is_of_file(name) or (several and name == "view"):
            _erase(carried, name)
        elif attribute.type.basetype == oiio.UINT8:
            # An attribute of a custom type: OpenImageIO returns its bytes, but cannot write them.
            _erase(carried, name)
            lost.append(to_one_line(name))
    carried.tile_width = carried.tile_height = carried.tile_depth = 0
    return carried, lost


def _erase(spec: Any, name: str) -> None:
    """Remove an attribute by its exact name; OpenImageIO takes names for regular expressions."""
    escaped = re.sub(r"[\^$.*+?()\[\]{}|\\]", r"\\\g<0>", name)
    # Bytes that are not text cannot be passed to OpenImageIO.
    spec.erase_attribute(re.sub("[\udc80-\udcff]", ".", escaped))


def _is_of_file(name: str) -> bool:
    lower = name.lower()
    return lower in _DROPPED or lower.startswith(_PREFIXES)
