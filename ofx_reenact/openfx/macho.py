"""One Mach-O file of several processors' files, as macOS calls a universal binary."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from ofx_reenact.errors import ReenactError

# First bytes of a universal binary, and of a file for one processor of 64 bits.
_UNIVERSAL, _ALONE = 0xCAFEBABE, 0xFEEDFACF
# Exponent of two to which a processor's part is aligned: pages of arm64 have 16 KiB.
_ALIGNMENT = 14


def join(parts: Sequence[bytes]) -> bytes:
    """Return the universal binary of Mach-O files of 64 bits, each for another processor, in their order.

    The header is big-endian: the magic number and the number of parts, then of each part the processor and its kind
    (as the part itself says), where it starts, its size and its alignment, 4 bytes each. The parts stay as they are,
    so their signatures hold.

    Raises:
        ReenactError: one of them is no such file, or two are for one processor.
    """
    processors = [struct.unpack_from("<3I", part) if len(part) >= 12 else (0, 0, 0) for part in parts]
    if any(magic != _ALONE for magic, _, _ in processors) or len({one for _, one, _ in processors}) < len(parts):
        raise ReenactError("a universal binary takes Mach-O files of 64 bits, each for another processor")
    head, body, size = struct.pack(">2I", _UNIVERSAL, len(parts)), b"", 8 + 20 * len(parts)
    for (_, processor, kind), part in zip(processors, parts, strict=True):
        start = -(-(size + len(body)) >> _ALIGNMENT) << _ALIGNMENT
        head += struct.pack(">5I", processor, kind, start, len(part), _ALIGNMENT)
        body += bytes(start - size - len(body)) + part
    return head + body
