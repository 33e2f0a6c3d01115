"""Make a large file in parts, in several processes; the parts are kept, so that a second call continues."""

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
from ofx_reenact.files import write_whole

S = TypeVar("S")
T = TypeVar("T")
Arrays = dict[str, np.ndarray]
# Called with the number of parts done and of all parts.
Observe = Callable[[int, int], None]


class PartFiles:
    """The parts of a file that is being made, in the folder ``.NAME.parts`` beside it."""

    def __init__(self, out: Path, made_of: Any) -> None:
        """Open the folder of parts for the file ``out``; parts that were made of other inputs are removed.

        ``made_of`` identifies the inputs: any value that JSON can hold.
        """
        self.folder = out.parent / f".{out.name}.parts"
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
        mark = self.folder / "made_of"
        if not mark.is_file() or mark.read_text() != digest:
            self.remove()
            self.folder.mkdir(parents=True)
            mark.write_text(digest)

    def file(self, part: int) -> Path:
        """Return the path of a part."""
        return self.folder / f"{part:06d}.npz"

    def read(self, part: int) -> Arrays:
        """Read a part.

        Raises:
            ReenactError: the part is damaged.
        """
        hint = "remove the folder and run the command again"
        return read_arrays(self.file(part), what="part", hint=hint, error=ReenactError)

    def remove(self) -> None:
        """Remove all parts, once the file is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def make_parts(
    make: Callable[[S, T], Arrays],
    items: Sequence[T],
    parts: PartFiles,
    jobs: int,
    observe: Observe,
    load: Callable[..., S],
    arguments: tuple[Any, ...] = (),
) -> Iterator[Arrays]:
    """Make the parts of a file and yield them in the order of the items; parts that exist already are not made again.

    Args:
        make: makes one part of what ``load`` returned and an item. A function at module level: processes import it.
        items: one for each part.
        parts: where parts are written.
        jobs: number of processes.
        observe: called after every part.
        load: called once in each process with ``arguments``; reads what all parts need. At module level as well.
        arguments: for ``load``.
    """
    missing = [(parts.file(row), item) for row, item in enumerate(items) if not parts.file(row).is_file()]
    done = len(items) - len(missing)
    observe(done, len(items))
    if missing and jobs == 1:
        _load(load, arguments, 0)
        for file, item in missing:
            _make((make, file, item))
            done += 1
            observe(done, len(items))
    elif missing:
        # Spawned, not forked: OpenCV and torch may hang in a fork of a process that has used them.
        context = get_context("spawn")
        pool = ProcessPoolExecutor(min(jobs, len(missing)), context, initializer=_load, initargs=(load, arguments, 1))
        try:
            for _ in pool.map(_make, [(make, file, item) for file, item in missing]):
                done += 1
                observe(done, len(items))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    for row in range(len(items)):
        yield parts.read(row)


# What ``load`` returned in this process.
_LOADED: list[Any] = []


def _load(load: Callable[..., Any], arguments: tuple[Any, ...], threads: int) -> None:
    if threads:
        # Several processes that each use all cores are slower than one.
        import cv2
        import torch

        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    _LOADED[:] = [load(*arguments)]


def _make(work: tuple[Callable[[Any, T], Arrays], Path, T]) -> None:
    make, file, item = work
    with write_whole(file) as partial, partial.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **make(_LOADED[0], item))
