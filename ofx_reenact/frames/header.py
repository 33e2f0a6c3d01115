"""What of a picture's header goes on to the frames that are made from it."""

from __future__ import annotations

from typing import Any

import OpenImageIO as oiio

# What a file that is no EXR hands on to one: the rest describes its own encoding.
_KEPT = ("smpte:TimeCode", "FramesPerSecond", "DateTime", "Copyright", "Artist", "ImageDescription")
# How a file is packed, what it is as a texture, or that it keeps to a standard of which the frame written may not be.
_PACKING = (
    "compression", "planarconfig", "name", "type", "version", "chunkCount", "tiles", "lineOrder", "preview",
    "dwaCompressionLevel", "maxSamplesPerPixel", "deepImageState", "envmap", "wrapmodes", "textureformat",
    "acesImageContainerFlag",
)  # fmt: skip
# What was worked out from the plate's pixels, or names the very file, and is wrong of any other.
_STALE = ("SHA-1", "nuke/node_hash")
# How colour is to be read; the frame says that of itself.
_COLOUR = ("colorInteropID", "chromaticities", "ICCProfile", "CICP")
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
                carried.attribute(name, attribute.type, attribute.value)
        elif _is_of_file(name) or (several and name == "view"):
            carried.erase_attribute(name)
        elif attribute.type.basetype == oiio.UINT8:
            # A type of somebody's own: OpenImageIO hands its bytes over and cannot write them.
            carried.erase_attribute(name)
            lost.append(name)
    carried.tile_width = carried.tile_height = carried.tile_depth = 0
    return carried, lost


def _is_of_file(name: str) -> bool:
    lower = name.lower()
    return lower in _DROPPED or lower.startswith(_PREFIXES)
