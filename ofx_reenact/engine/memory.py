"""Memory that a render frees is kept for its next frame, instead of being given back and asked for again."""

from __future__ import annotations

import ctypes
import platform

# Of the C library's mallopt: how much of the heap's end may lie free, and how large a block is that gets pages of its
# own, which go back to the system with it.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST_FREE, _OWN_PAGES = 256 << 20, 1 << 30
# Smaller blocks glibc keeps by itself.
_LARGE = 32 << 20


def keep_freed_memory(size: int) -> bool:
    """Have this process keep up to 256 MiB that it freed, if its pictures are larger than what glibc keeps by itself.

    glibc maps every block above 32 MiB anew, and the system clears its pages one by one: at 3840 × 2160, half a second
    of CPU time a frame and more. The peak of memory is some 100 MB higher.

    Args:
        size: bytes of a picture.

    Returns:
        Whether memory is kept: glibc alone is asked, and old versions refuse blocks of that size.
    """
    if size <= _LARGE or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, _OWN_PAGES)) and bool(mallopt(_TRIM_THRESHOLD, _MOST_FREE))
