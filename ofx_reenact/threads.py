"""Share work over the cores that this process may use."""

from __future__ import annotations

import concurrent.futures
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_bands(rows: int, least: int = 16) -> Iterator[tuple[int, int]]:
    """Split rows into bands, one for each core, of at least ``least`` rows; yield each as (first row, end row)."""
    bands = max(1, min(cores(), rows // least))
    edges = [rows * band // bands for band in range(bands + 1)]
    yield from ((first, end) for first, end in itertools.pairwise(edges) if end > first)


def run_in_threads(work: Callable[..., None], pieces: Iterable[tuple[Any, ...]]) -> None:
    """Call ``work`` with the arguments of each piece, in several threads at once; return when all are done.

    Use it for work that releases Python's global lock. ``work`` must not call this function itself:
    all threads could then wait for each other.
    """
    *others, own = [*pieces] or [()]
    if not own:
        return
    pool = _pool(os.getpid(), cores())
    jobs = [pool.submit(work, *piece) for piece in others]
    try:
        work(*own)
    finally:
        # Also after an error, no thread works on the arguments once this has returned.
        concurrent.futures.wait(jobs)
    for job in jobs:
        job.result()


@lru_cache(maxsize=2)
def _pool(process: int, workers: int) -> ThreadPoolExecutor:
    """Make the threads of one process; a forked process does not have its parent's."""
    return ThreadPoolExecutor(workers, thread_name_prefix=f"share-{process}")
