"""Compile functions with numba, and cache the machine code for later processes.

The cache is in the first of these folders that can be written to: ``NUMBA_CACHE_DIR``, beside the package, the user's
cache, the user's private folder for temporary files. If there is none, each process compiles for itself.
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
    """Numba's cache of one function. If it is damaged or the disk is full, the function is compiled without it."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code compiled for these types; None if the cache does not have it."""
        try:
            return super().load_overload(sig, target_context)
        # Unpickling damaged data can raise anything.
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store compiled code; an index that cannot be read is replaced."""
        try:
            super().save_overload(sig, data)
        except Exception:
            with contextlib.suppress(Exception):
                self.flush()
                super().save_overload(sig, data)


def compiled(function: F) -> F:
    """Compile a function at its first call with arguments of each type; it releases Python's global lock.

    Use it as a decorator.
    """
    result: Any = numba.njit(nogil=True)(function)
    cache = _cache_of(function)
    if cache is not None:
        result._cache = cache
    return result


def inlined(function: F) -> F:
    """Compile a function into the compiled functions that call it, for work on single pixels; a decorator.

    The callers must be in the same module: their cached code is only replaced when that module changes.
    """
    result: Any = numba.njit(inline="always")(function)
    return result


def cache_folder() -> Path | None:
    """Return the folder that compiled functions are cached in; None if there is none."""
    cache = _cache_of(cache_folder)
    return Path(cache.cache_path) if cache is not None else None


def _cache_of(function: Callable[..., Any]) -> _Cache | None:
    """Make the cache of a function, in the first folder that can be written to; None if there is none."""
    # Numba raises a RuntimeError if it can write to none of its folders. For a user without a home it would make a
    # folder named ~ in the working directory.
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
