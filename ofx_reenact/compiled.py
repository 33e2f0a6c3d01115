"""Functions in machine code, by numba: compiled once, and kept for the next process where there is a place for that.

Places, first to last: ``NUMBA_CACHE_DIR``, beside the package, the user's cache, a folder of the user's own among the
temporary files. An installation may be read-only and a user without a home; then each process compiles for itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache

from ofx_reenact.temporary import private_folder

config: Any = numba.config
F = TypeVar("F", bound=Callable[..., Any])


class _Cache(FunctionCache):
    """Numba's cache of one function, which may be damaged or have no room: then there is none, and work goes on."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled for these types; None if it is not there."""
        try:
            return super().load_overload(sig, target_context)
        # Unpickling what is damaged raises anything.
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled; an index that cannot be read is begun anew."""
        try:
            super().save_overload(sig, data)
        except Exception:
            with contextlib.suppress(Exception):
                self.flush()
                super().save_overload(sig, data)


def compiled(function: F) -> F:
    """Compile a function when it is first called with arguments of some types; it lets other threads run."""
    made: Any = numba.njit(nogil=True)(function)
    cache = _cache_of(function)
    if cache is not None:
        made._cache = cache
    return made


def inlined(function: F) -> F:
    """Make a function part of the compiled ones that call it: for what is done once a pixel.

    They have to be in one module: what was compiled is kept until that module changes.
    """
    made: Any = numba.njit(inline="always")(function)
    return made


def cache_folder() -> Path | None:
    """Return where compiled functions are kept; None if there is no place."""
    cache = _cache_of(cache_folder)
    return Path(cache.cache_path) if cache is not None else None


def _cache_of(function: Callable[..., Any]) -> _Cache | None:
    """Make the cache of a function, in the first place that can be written to."""
    # Numba raises a RuntimeError where none of its places can be written to. A user without a home has a folder named ~
    # for it, wherever that is.
    if config.CACHE_DIR or os.path.expanduser("~") != "~":  # noqa: PTH111
        with contextlib.suppress(RuntimeError, OSError):
            return _Cache(function)
    before = config.CACHE_DIR
    try:
        config.CACHE_DIR = str(private_folder())
        return _Cache(function)
    except (RuntimeError, OSError):
        return None
    finally:
        config.CACHE_DIR = before
