"""What stays loaded from one job to the next in a process that does several."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# How many of each kind are kept. Two targets: a plate of 4K fills several hundred MB with what belongs to it.
KEPT = {
    "colour": 2, "weights": 2, "fdgan": 2, "target": 2, "identity": 4, "performance": 4, "view": 2, "shot": 2,
    "lent": 2, "digest": 64, "footage": 1, "inside": 1,
}  # fmt: skip


class Warm:
    """Values by kind and key, the few last used of each kind.

    A key must hold everything that its value depends on. Values are shared by jobs and never changed. One job at a
    time may use it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, OrderedDict[Hashable, Any]] = {kind: OrderedDict() for kind in KEPT}

    def get(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key, made now if it is not there."""
        shelf = self._kept[kind]
        if key not in shelf:
            # Room is made first: two large values of one kind need not be there at once.
            while len(shelf) >= KEPT[kind]:
                shelf.popitem(last=False)
            shelf[key] = make()
        shelf.move_to_end(key)
        return shelf[key]

    def put(self, kind: str, key: Hashable, value: Any) -> None:
        """Keep a value under a key, whatever was there."""
        self._kept[kind].pop(key, None)
        self.get(kind, key, lambda: value)


def colour_key() -> Hashable:
    """Return what the colour config depends on."""
    named = os.environ.get("OCIO", "")
    return named, stamp(named)


def stamp(*files: str | Path) -> tuple[Hashable, ...]:
    """Return what tells files as they are now from what they were: path, time of change, size and place on disk.

    Empty names are left out.
    """
    return tuple(_stamp(Path(file)) for file in files if file != "")


def _stamp(path: Path) -> Hashable:
    try:
        found = path.stat()
    except OSError:
        return str(path), None
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
