"""The cache of an engine: what stays loaded in memory from one job to the next in the same process."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# How many values of each kind are kept. Only two targets: a 4K plate with all its data takes several hundred MB.
# "host_shot" is a still's shot with a host's picture, "footage" the driver's files as a viewer reads them, "inside" the
# inside of a still's mouth, which a viewer's drafts use again.
KEPT = {
    "colour": 2, "weights": 2, "fdgan": 2, "target": 2, "identity": 4, "performance": 4, "view": 2, "shot": 2,
    "host_shot": 2, "digest": 64, "footage": 1, "inside": 1,
}  # fmt: skip


class JobCache:
    """A least-recently-used cache of loaded values, by kind and key, with a limit for each kind (:data:`KEPT`).

    A key must hold everything that its value depends on. Jobs share the values and never change them. Not thread-safe:
    one job at a time may use it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, OrderedDict[Hashable, Any]] = {kind: OrderedDict() for kind in KEPT}

    def get(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key; call ``make`` and keep its result if there is none."""
        shelf = self._kept[kind]
        if key not in shelf:
            # Evict before making the new value, so that memory need not hold one value too many.
            while len(shelf) >= KEPT[kind]:
                shelf.popitem(last=False)
            shelf[key] = make()
        shelf.move_to_end(key)
        return shelf[key]

    def put(self, kind: str, key: Hashable, value: Any) -> None:
        """Store a value under a key; it replaces an earlier one."""
        self._kept[kind].pop(key, None)
        self.get(kind, key, lambda: value)


def colour_key() -> Hashable:
    """Return the cache key of the colour config: the environment variable ``OCIO`` and the stamp of its file."""
    config = os.environ.get("OCIO", "")
    return config, stamp(config)


def stamp(*files: str | Path) -> tuple[Hashable, ...]:
    """Return path, modification time, size and inode of each file; if the stamp differs later, a file has changed.

    Empty names are left out.
    """
    return tuple(_stamp(Path(file)) for file in files if file != "")


def _stamp(path: Path) -> Hashable:
    try:
        found = path.stat()
    except OSError:
        return str(path), None
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
