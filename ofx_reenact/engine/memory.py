"""Memory that a render frees is kept for its next frame, instead of being given back and asked for again."""

from __future__ import annotations

import ctypes
import functools
import platform

# Of the C library's mallopt: how much of the heap's end may lie free, and how large a block is that gets pages of its
# own, which go back to the system with it.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST_FREE, _OWN_PAGES = 256 << 20, 1 << 30


@functools.lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Have this process keep up to 256 MiB that it freed, and take pictures' arrays from it.

    Without this, glibc maps every block above 32 MiB anew, and the system clears its pages one by one: at
    3840 × 2160 that takes as much as 0.8 s of CPU time a frame.

    Returns:
        Whether the C library does so: glibc alone is asked, and old versions refuse blocks of that size.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, _OWN_PAGES)) and bool(mallopt(_TRIM_THRESHOLD, _MOST_FREE))
