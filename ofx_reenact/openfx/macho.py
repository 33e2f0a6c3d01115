"""Join Mach-O files of several processors into a universal binary for macOS."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from ofx_reenact.errors import ReenactError

# Magic numbers of a universal binary, and of a 64-bit file for one processor.
_UNIVERSAL, _ALONE = 0xCAFEBABE, 0xFEEDFACF
# Each part starts at a multiple of 2 to the power of this, in bytes: arm64 has pages of 16 KiB.
_ALIGNMENT = 14


def join(parts: Sequence[bytes]) -> bytes:
    """Join 64-bit Mach-O files, each for a different processor, in this order; return the universal binary.

    The header is big-endian, 4 bytes a field: the magic number and the number of parts; then for each part its CPU type
    and subtype (as in the part itself), offset, size and alignment. Parts are not changed, so their signatures stay
    valid.

    Raises:
        ReenactError: a part is not a 64-bit Mach-O file, or two are for the same processor.
    """
    processors = [struct.unpack_from("<3I", part) if len(part) >= 12 else (0, 0, 0) for part in parts]
    if any(magic != _ALONE for magic, _, _ in processors) or len({one for _, one, _ in processors}) < len(parts):
        raise ReenactError("a universal binary takes 64-bit Mach-O files, each for a different processor")
    head, body, size = struct.pack(">2I", _UNIVERSAL, len(parts)), b"", 8 + 20 * len(parts)
    for (_, processor, subtype), part in zip(processors, parts, strict=True):
        start = -(-(size + len(body)) >> _ALIGNMENT) << _ALIGNMENT
        head += struct.pack(">5I", processor, subtype, start, len(part), _ALIGNMENT)
        body += bytes(start - size - len(body)) + part
    return head + body
