"""What of a picture's header goes on to the frames that are made from it."""

from __future__ import annotations

import re
from typing import Any

import OpenImageIO as oiio

from ofx_reenact.frames.channels import plain
from ofx_reenact.frames.tags import OWN_NAME

# What a file that is no EXR hands on to one: the rest describes its own encoding.
_KEPT = ("smpte:TimeCode", "FramesPerSecond", "DateTime", "Copyright", "Artist", "ImageDescription", "PixelAspectRatio")
# How a file is packed, what it is as a texture, or that it keeps to a standard of which the frame written may not be.
_PACKING = (
    "compression", "planarconfig", "name", "type", "version", "chunkCount", "tiles", "lineOrder", "preview",
    "dwaCompressionLevel", "maxSamplesPerPixel", "deepImageState", "envmap", "wrapmodes", "textureformat",
    "acesImageContainerFlag",
)  # fmt: skip
# What was worked out from the plate's pixels, or names the very file, and is wrong of any other.
_STALE = ("SHA-1", "nuke/node_hash")
# How colour is to be read; the frame says that of itself.
_COLOUR = ("colorInteropID", "chromaticities", "ICCProfile", "CICP", OWN_NAME)
_DROPPED = frozenset(name.lower() for name in (*_PACKING, *_STALE, *_COLOUR))
_PREFIXES = ("oiio:", "openexr:", "thumbnail_", "iccprofile:")


def carry_header(spec: Any, is_exr: bool, several: bool = False) -> tuple[Any, list[str]]:
    """Return the description to write back, and the names of attributes that no EXR can be given again.

    An EXR hands on all that still holds; another format what :data:`_KEPT` names. ``several``: the file's parts become
    one, so that none of their views is the frame's.
    """
    carried = oiio.ImageSpec(spec) if is_exr else oiio.ImageSpec(spec.width, spec.height, 3, oiio.FLOAT)
    lost = []
    for attribute in spec.extra_attribs:
        name = attribute.name
        if not is_exr:
            if name in _KEPT:
                value = attribute.value
                carried.attribute(name, attribute.type, plain(value) if isinstance(value, str) else value)
        elif _is_of_file(name) or (several and name == "view"):
            _erase(carried, name)
        elif attribute.type.basetype == oiio.UINT8:
            # A type of somebody's own: OpenImageIO hands its bytes over and cannot write them.
            _erase(carried, name)
            lost.append(plain(name))
    carried.tile_width = carried.tile_height = carried.tile_depth = 0
    return carried, lost


def _erase(spec: Any, name: str) -> None:
    """Remove an attribute by its very name, which OpenImageIO takes for a regular expression."""
    escaped = re.sub(r"[\^$.*+?()\[\]{}|\\]", r"\\\g<0>", name)
    # Bytes that were no text cannot be said.
    spec.erase_attribute(re.sub("[\udc80-\udcff]", ".", escaped))


def _is_of_file(name: str) -> bool:
    lower = name.lower()
    return lower in _DROPPED or lower.startswith(_PREFIXES)
