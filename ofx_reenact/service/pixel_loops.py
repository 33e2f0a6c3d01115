"""Loops over the pixels of a host's picture: compiled, spread over cores, and limited by memory bandwidth.

Floats are compared by their bits, as uint32: 0 and -0 differ, and a NaN equals itself.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.frames.halves import interleave_halves
from ofx_reenact.threads import in_bands, run_in_threads

# The exponent bits of a float, all set if it is not finite; the bits of 1.
_EXPONENT, _ONE = np.uint32(0x7F800000), np.uint32(0x3F800000)
_LARGEST_HALF = 65504.0


def to_floats(halves: np.ndarray) -> np.ndarray:
    """Convert (H, W, C) float16 to float32."""
    made = np.empty(halves.shape, np.float32)
    bits = halves.view(np.uint16)
    run_in_threads(_look_up, ((bits[first:end], _floats(), made[first:end]) for first, end in in_bands(len(made))))
    return made


def to_halves(pixels: np.ndarray) -> np.ndarray:
    """Convert (H, W, C) float32 to float16; values are limited to a half's range, ±65504."""
    limited = np.clip(pixels, -_LARGEST_HALF, _LARGEST_HALF)
    return interleave_halves([limited[..., channel] for channel in range(limited.shape[-1])])


def split_colour(rgba: np.ndarray) -> tuple[np.ndarray, bool, bool]:
    """Split a picture (H, W, 4): its colour (H, W, 3), whether all values are finite, whether alpha is 1 everywhere."""
    colour = np.empty((*rgba.shape[:2], 3), np.float32)
    bands = list(in_bands(len(rgba)))
    found = np.zeros((len(bands), 2), np.uint32)
    bits, into = rgba.view(np.uint32), colour.view(np.uint32)
    run_in_threads(_split, ((bits[first:end], into[first:end], found[at]) for at, (first, end) in enumerate(bands)))
    return colour, not found[:, 0].any(), not found[:, 1].any()


def is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two pictures (H, W, C) float32 have the same size and the same bits."""
    if one.shape != other.shape:
        return False
    bands = list(in_bands(len(one)))
    found = np.zeros(len(bands), np.uint32)
    pair = one.view(np.uint32), other.view(np.uint32)
    run_in_threads(
        _compare, ((*(a[first:end] for a in pair), found[at : at + 1]) for at, (first, end) in enumerate(bands))
    )
    return not found.any()


def find_changes(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return where two pictures (H, W, C) float32 differ in any bit, (H, W) bool."""
    found = np.empty(one.shape[:2], np.bool_)
    pair = one.view(np.uint32), other.view(np.uint32)
    run_in_threads(_mark, ((*(a[first:end] for a in pair), found[first:end]) for first, end in in_bands(len(one))))
    return found


def copy_where(pixels: np.ndarray, made: np.ndarray, where: np.ndarray | None = None) -> None:
    """Copy ``made`` (H, W, 3 or 4) into ``pixels`` (H, W, 4) where a mask (H, W) is true, or everywhere without one."""
    if where is None:
        where = np.ones((1, 1), np.bool_)
    everywhere = where.shape != pixels.shape[:2]
    run_in_threads(
        _copy,
        ((pixels[a:b], made[a:b], where if everywhere else where[a:b], everywhere) for a, b in in_bands(len(pixels))),
    )


@lru_cache(maxsize=1)
def _floats() -> np.ndarray:
    """Return the float32 value of every half, indexed by its bits: (65536,)."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


@compiled
def _look_up(bits: np.ndarray, floats: np.ndarray, made: np.ndarray) -> None:
    for y in range(bits.shape[0]):
        for x in range(bits.shape[1]):
            for c in range(bits.shape[2]):
                made[y, x, c] = floats[bits[y, x, c]]


@compiled
def _split(rgba: np.ndarray, colour: np.ndarray, found: np.ndarray) -> None:
    """Copy the colour's bits; set ``found[0]`` if a value is not finite, and ``found[1]`` if an alpha is not 1."""
    bad, other = np.uint32(0), np.uint32(0)
    for y in range(rgba.shape[0]):
        for x in range(rgba.shape[1]):
            for c in range(3):
                colour[y, x, c] = rgba[y, x, c]
        # A loop of its own, so that the compiler can vectorise it.
        for x in range(rgba.shape[1]):
            for c in range(4):
                bad |= np.uint32((rgba[y, x, c] & _EXPONENT) == _EXPONENT)
            other |= rgba[y, x, 3] ^ _ONE
    found[0], found[1] = bad, other


@compiled
def _compare(one: np.ndarray, other: np.ndarray, found: np.ndarray) -> None:
    for y in range(one.shape[0]):
        difference = np.uint32(0)
        for x in range(one.shape[1]):
            for c in range(one.shape[2]):
                difference |= one[y, x, c] ^ other[y, x, c]
        if difference:
            found[0] = difference
            return


@compiled
def _mark(one: np.ndarray, other: np.ndarray, found: np.ndarray) -> None:
    for y in range(one.shape[0]):
        for x in range(one.shape[1]):
            difference = np.uint32(0)
            for c in range(one.shape[2]):
                difference |= one[y, x, c] ^ other[y, x, c]
            found[y, x] = difference != 0


@compiled
def _copy(pixels: np.ndarray, made: np.ndarray, where: np.ndarray, everywhere: bool) -> None:
    for y in range(pixels.shape[0]):
        for x in range(pixels.shape[1]):
            if everywhere or where[y, x]:
                for c in range(made.shape[2]):
                    pixels[y, x, c] = made[y, x, c]
