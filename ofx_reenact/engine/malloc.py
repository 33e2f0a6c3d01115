"""Tell the C library to keep freed memory for the next frame instead of returning it to the operating system."""

from __future__ import annotations

import ctypes
import platform

# Parameters of mallopt(3): how much free memory may stay at the top of the heap, and from what size on a block gets
# pages of its own, which return to the system when the block is freed.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# Their values, in bytes.
_MOST_FREE, _OWN_PAGES = 256 << 20, 1 << 30
# In bytes; glibc keeps smaller blocks by itself.
_LARGE = 32 << 20


def keep_freed_memory(size: int) -> bool:
    """Let this process keep up to 256 MiB of freed memory, if a picture is larger than blocks that glibc keeps itself.

    Otherwise every block above 32 MiB gets new pages, which the system clears one by one: at 3840 × 2160 it takes half
    a second of CPU time a frame or more. With this, peak memory rises by some 100 MB.

    Args:
        size: bytes of a picture.

    Returns:
        Whether memory is kept. Only glibc can do so, and its old versions refuse so high a threshold.
    """
    if size <= _LARGE or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, _OWN_PAGES)) and bool(mallopt(_TRIM_THRESHOLD, _MOST_FREE))
