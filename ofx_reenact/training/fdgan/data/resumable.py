"""Long making of data: spread over processes, kept part by part, so that a second call goes on where a first ended."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ofx_reenact.arrays import read_arrays
from ofx_reenact.errors import ReenactError
from ofx_reenact.files import written_whole

S = TypeVar("S")
T = TypeVar("T")
Arrays = dict[str, np.ndarray]
# Called with parts done and their number.
Observe = Callable[[int, int], None]


class Kept:
    """The parts of a file in the making, in the folder ``.NAME.parts`` beside it."""

    def __init__(self, out: Path, made_of: Any) -> None:
        """Go on with what is kept for this file, if it is made of the same; what is made of something else is removed.

        ``made_of`` is anything that JSON can say.
        """
        self.folder = out.parent / f".{out.name}.parts"
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
        mark = self.folder / "made_of"
        if not mark.is_file() or mark.read_text() != digest:
            self.remove()
            self.folder.mkdir(parents=True)
            mark.write_text(digest)

    def file(self, part: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"{part:06d}.npz"

    def read(self, part: int) -> Arrays:
        """Read a part.

        Raises:
            ReenactError: it is damaged.
        """
        return read_arrays(self.file(part), what="part", hint="remove the folder and call again", error=ReenactError)

    def remove(self) -> None:
        """Remove all parts, as when the file is there."""
        shutil.rmtree(self.folder, ignore_errors=True)


def make_parts(
    make: Callable[[S, T], Arrays],
    items: Sequence[T],
    kept: Kept,
    jobs: int,
    observe: Observe,
    begin: Callable[..., S],
    told: tuple[Any, ...] = (),
) -> Iterator[Arrays]:
    """Make the parts of a file and yield them in the order of the items; those that are kept are not made again.

    Args:
        make: makes a part of what ``begin`` returned and an item; a function of a module, since processes call it by
            name.
        items: what parts are made of.
        kept: keeps them.
        jobs: processes.
        observe: told of every part that is done.
        begin: called once in every process, with ``told``, before it makes anything: reads what all parts need.
        told: what processes are told.
    """
    missing = [(kept.file(row), item) for row, item in enumerate(items) if not kept.file(row).is_file()]
    done = len(items) - len(missing)
    observe(done, len(items))
    if missing and jobs == 1:
        _begin(begin, told, 0)
        for file, item in missing:
            _make((make, file, item))
            done += 1
            observe(done, len(items))
    elif missing:
        # Not forked: a process that has run OpenCV or torch may hang in its copy.
        context = get_context("spawn")
        pool = ProcessPoolExecutor(min(jobs, len(missing)), context, initializer=_begin, initargs=(begin, told, 1))
        try:
            for _ in pool.map(_make, [(make, file, item) for file, item in missing]):
                done += 1
                observe(done, len(items))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    for row in range(len(items)):
        yield kept.read(row)


# What this process began with.
_BEGUN: list[Any] = []


def _begin(begin: Callable[..., Any], told: tuple[Any, ...], threads: int) -> None:
    if threads:
        # Processes that each take all cores are slower than one.
        import cv2
        import torch

        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    _BEGUN[:] = [begin(*told)]


def _make(work: tuple[Callable[[Any, T], Arrays], Path, T]) -> None:
    make, file, item = work
    with written_whole(file) as partial, partial.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **make(_BEGUN[0], item))
