"""EXR files written byte by byte, with what no library here writes: every type of attribute, and none that is known."""

import struct

HALF, FLOAT = 1, 2
_VALUES = {0: struct.pack("<I", 7), HALF: b"\x00\x38", FLOAT: struct.pack("<f", 0.25)}
_SIZES = {0: 4, HALF: 2, FLOAT: 4}


def exr_bytes(attributes=(), channels=("B", "G", "R"), kind=FLOAT, size=(4, 3), window=None) -> bytes:
    """Return an uncompressed EXR of one value.

    Args:
        attributes: (name, OpenEXR's name of the type, bytes) of each.
        channels: names, as OpenEXR sorts them.
        kind: type of all channels.
        size: (width, height) of what is in it.
        window: the data window that the header says, if another: left, top, right, bottom.
    """
    width, height = size
    names = [name.encode() for name in sorted(channels)]
    listed = b"".join(name + b"\0" + struct.pack("<iBxxxii", kind, 0, 1, 1) for name in names) + b"\0"
    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    head = b"".join(
        _attribute(*one)
        for one in (
            ("channels", "chlist", listed), ("compression", "compression", b"\0"),
            ("dataWindow", "box2i", struct.pack("<4i", *window) if window else box), ("displayWindow", "box2i", box),
            ("lineOrder", "lineOrder", b"\0"), ("pixelAspectRatio", "float", floats(1)),
            ("screenWindowCenter", "v2f", floats(0, 0)), ("screenWindowWidth", "float", floats(1)), *attributes,
        )
    )  # fmt: skip
    magic = struct.pack("<ii", 20000630, 2)
    row = b"".join(_VALUES[kind] * width for _ in names)
    start = len(magic) + len(head) + 1 + 8 * height
    table = b"".join(struct.pack("<Q", start + line * (8 + len(row))) for line in range(height))
    lines = b"".join(struct.pack("<ii", line, len(row)) + row for line in range(height))
    return magic + head + b"\0" + table + lines


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def ints(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def strings(*values: str) -> bytes:
    return b"".join(ints(len(value)) + value.encode() for value in values)


def _attribute(name, kind, value) -> bytes:
    named = name if isinstance(name, bytes) else name.encode()
    return named + b"\0" + kind.encode() + b"\0" + ints(len(value)) + value


# An attribute of every type that OpenEXR defines, with what is to become of it in a frame: the name by which
# OpenImageIO tells it, or None if it has no place there.
EVERY_TYPE = {
    ("adoptedNeutral", "v2f", floats(0.3, 0.3)): "adoptedNeutral",
    ("a", "box2i", ints(0, 0, 3, 2)): "a",
    ("b", "box2f", floats(0, 0, 3, 2)): "b",
    ("c", "double", struct.pack("<d", 1.5)): "c",
    ("d", "float", floats(2)): "d",
    ("e", "floatvector", floats(1, 2, 3, 4, 5)): "e",
    ("f", "int", ints(5)): "f",
    ("g", "m33f", floats(*range(9))): "g",
    ("h", "m44f", floats(*range(16))): "h",
    ("i", "m33d", struct.pack("<9d", *range(9))): "i",
    ("j", "m44d", struct.pack("<16d", *range(16))): "j",
    ("k", "rational", struct.pack("<iI", 3, 4)): "k",
    ("l", "string", b"text"): "l",
    ("m", "stringvector", strings("left", "right")): "m",
    ("n", "v2i", ints(1, 2)): "n",
    ("o", "v2d", struct.pack("<2d", 1, 2)): "o",
    ("p", "v3i", ints(1, 2, 3)): "p",
    ("q", "v3f", floats(1, 2, 3)): "q",
    ("r", "v3d", struct.pack("<3d", 1, 2, 3)): "r",
    ("keyCode", "keycode", ints(1, 2, 3, 4, 5, 6, 7)): "smpte:KeyCode",
    ("timeCode", "timecode", struct.pack("<II", 0x01020304, 0)): "smpte:TimeCode",
    ("framesPerSecond", "rational", struct.pack("<iI", 24000, 1001)): "framesPerSecond",
    ("owner", "string", b"somebody"): "Copyright",
    ("capDate", "string", b"2024:01:02 03:04:05"): "DateTime",
    ("latin", "string", b"M\xfcller"): "latin",
    ("cryptomatte/1/name", "string", b"crypto"): "cryptomatte/1/name",
    ("a+(b", "string", b"no regular expression"): "a+(b",
    ("multiView", "stringvector", strings("left", "right")): "multiView",
    ("acesImageContainerFlag", "int", ints(1)): None,
    ("chromaticities", "chromaticities", floats(0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)): None,
    ("envmap", "envmap", b"\0"): None,
    ("textureformat", "string", b"Plain Texture"): None,
    ("wrapmodes", "string", b"black,black"): None,
    ("preview", "preview", struct.pack("<II", 2, 2) + bytes(16)): None,
    ("chunkCount", "int", ints(3)): None,
    ("version", "int", ints(1)): None,
    ("type", "string", b"scanlineimage"): None,
    ("name", "string", b"part"): None,
    ("dwaCompressionLevel", "float", floats(45)): None,
    ("maxSamplesPerPixel", "int", ints(1)): None,
    ("deepImageState", "deepImageState", b"\1"): None,
    ("tiles", "tiledesc", struct.pack("<IIB", 32, 32, 0)): None,
    ("nuke/node_hash", "string", b"abc"): None,
    ("oiio:AverageColor", "string", b"1,1,1"): None,
    ("SHA-1", "string", b"abc"): None,
    ("of a studio", "studiotype", b"\1\2\3"): None,
    ("of a stu(dio", "studiotype", b"\1\2\3"): None,
    (b"\xff\xfe", "studiotype", b"\1\2\3"): None,
}  # fmt: skip
