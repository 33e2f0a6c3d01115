"""Convert colours to 8 bits for display, in one pass over a picture.

The conversion is a matrix followed by a curve. The curve is stored as 255 thresholds, found once: the smallest number
that gives each level from 1. Numbers with the same leading bits form a group, which has at most one threshold. A table
gives each group's level and an offset. The offset plus a number's low bits overflow into the level if the number
reaches the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.threads import cores, run_in_threads

Curve = Callable[[np.ndarray], np.ndarray]

_LEVELS = np.arange(1, 256)
# Numbers of low bits of a float32 that the table may ignore, tried in this order until each group of numbers with the
# same leading bits has at most one threshold.
_LOW_BITS = range(15, 10, -1)
# Powers of two. All thresholds of a curve must lie between them; otherwise no table is built.
_LEAST, _MOST = 2.0**-40, 2.0**8
# OpenColorIO's fast power is not quite monotone, so the levels of this many numbers on each side of a threshold are
# stored one by one.
_NEAR = 16
# Fraction of tested values that may differ by one level.
_MOST_DIFFERENT = 1e-4
# Smaller pictures are converted in the calling thread: waking other threads would take as long.
_SMALL = 1 << 17


@dataclass(frozen=True)
class DisplayTable:
    """A conversion of three channels to 8 bits; safe to use from several threads at once.

    Attributes:
        matrix: (3, 3) float32, applied to the colours first; None for none.
        low, high: float32, powers of two; all thresholds lie between them.
        low_bits: number of low bits of a float32 that the table ignores.
        table: (n,) int32, an entry for each group of numbers with the same leading bits, beginning with that of
            ``low``: the level, shifted left by ``low_bits``, plus an offset that carries at the threshold.
        thresholds: (255,) int32, bits of the smallest float32 of each level from 1.
        near: (255, 2 * _NEAR) uint8, levels of _NEAR float32 numbers below each threshold and of _NEAR from it on.
    """

    matrix: np.ndarray | None
    low: Any
    high: Any
    low_bits: int
    table: np.ndarray
    thresholds: np.ndarray
    near: np.ndarray

    @classmethod
    def of_curve(cls, curve: Curve, matrix: np.ndarray | None = None) -> DisplayTable | None:
        """Build from a curve of (H, W, 3) that is the same for all channels; None if it cannot be made a table."""
        low, high = (np.full(255, value, np.float32).view(np.int32) for value in (_LEAST, _MOST))
        ends = _levels_of(curve, np.array([-1, 0, _LEAST, _MOST, 2 * _MOST], np.float32))
        if ends.tolist() != [0, 0, 0, 255, 255]:
            return None
        while (high - low > 1).any():
            middle = low + (high - low) // 2
            reached = _levels_of(curve, middle.view(np.float32)) >= _LEVELS
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        around = (high[:, None] + np.arange(-_NEAR, _NEAR, dtype=np.int32)).ravel().view(np.float32)
        return cls._of_thresholds(high, _levels_of(curve, around).astype(np.uint8).reshape(255, -1), matrix)

    @classmethod
    def _of_thresholds(cls, thresholds: np.ndarray, near: np.ndarray, matrix: np.ndarray | None) -> DisplayTable | None:
        """Build from thresholds (255,), as the bits of float32, and the levels near them."""
        # Powers of two around the thresholds, so that their low bits are 0.
        first, last = int(thresholds[0]) >> 23 << 23, (int(thresholds[-1]) >> 23) + 1 << 23
        for low_bits in _LOW_BITS:
            starts = np.arange(first, last + 1, 1 << low_bits)
            level = np.searchsorted(thresholds, starts, side="right")
            inside = np.searchsorted(thresholds, starts + (1 << low_bits) - 1, side="right") - level
            if inside.max() <= 1:
                # A number's low bits plus this offset overflow into the level if the number reaches the threshold.
                step = np.where(inside > 0, starts + (1 << low_bits) - thresholds[np.minimum(level, 254)], 0)
                low, high = (np.int32(bits).view(np.float32) for bits in (first, last))
                return cls(matrix, low, high, low_bits, ((level << low_bits) + step).astype(np.int32), thresholds, near)
        return None

    def agrees_with(self, convert: Curve) -> bool:
        """Tell whether it gives the levels of a conversion (H, W, 3) → (H, W, 3), tested on random numbers."""
        rng = np.random.default_rng(0)
        light = np.exp(rng.uniform(-10, 2, (64, 64, 3))) * rng.choice([1, 1, 1, -0.1], (64, 64, 3))
        tried = light.astype(np.float32)
        difference = np.abs(self.apply(tried).astype(int) - _rounded(convert(tried)))
        return bool(difference.max() <= 1 and (difference > 0).mean() <= _MOST_DIFFERENT)

    def apply(self, rgb: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Convert (H, W, 3) of any range, float16 or a type that float32 can hold; NaN becomes black.

        Rows are shared over threads; each row is converted by itself.

        Args:
            rgb: the colours.
            out: (H, W, 3) uint8 to write into, each row contiguous; a new array if not given.

        Returns:
            (H, W, 3) uint8.
        """
        out = np.empty(rgb.shape, np.uint8) if out is None else out
        workers = min(cores(), len(rgb)) if rgb.shape[0] * rgb.shape[1] >= _SMALL else 1
        if workers <= 1:
            self._show(rgb, out)
        else:
            pieces = zip(np.array_split(rgb, workers), np.array_split(out, workers), strict=True)
            run_in_threads(self._show, pieces)
        return out

    def _show(self, rgb: np.ndarray, out: np.ndarray) -> None:
        height, across = out.shape[0], out.shape[1] * 3
        is_half = rgb.dtype == np.float16
        rows = np.ascontiguousarray(rgb, None if is_half else np.float32).reshape(height, across)
        matrix = np.eye(3, dtype=np.float32) if self.matrix is None else self.matrix
        show = _show_halves if is_half else _show_floats
        show(
            rows.view(np.uint16) if is_half else rows, matrix, self.matrix is not None, self.low, self.high,
            self.low_bits, self.table, self.thresholds, self.near, out.reshape(height, across),
        )  # fmt: skip


def _levels_of(curve: Curve, values: np.ndarray) -> np.ndarray:
    """Return the levels (n,) that a curve gives for grey values (n,)."""
    return _rounded(curve(np.repeat(values[None, :, None], 3, axis=2)))[0, :, 0]


def _rounded(shown: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.rint(np.nan_to_num(np.clip(shown, 0, 1), nan=0.0) * 255).astype(int)


# For colours that are display-encoded already: rounds them to the nearest level.
ROUNDING_TABLE = cast(DisplayTable, DisplayTable.of_curve(lambda rgb: rgb))


@compiled
def _show_halves(
    rows: np.ndarray, matrix: np.ndarray, mixes: bool, low: Any, high: Any, low_bits: int, table: np.ndarray,
    thresholds: np.ndarray, near: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Convert rows (H, 3 W) of halves, given as uint16; see :meth:`DisplayTable.apply`."""
    light = np.empty(rows.shape[1], np.float32)
    bits = light.view(np.int32)
    for y in range(rows.shape[0]):
        row = rows[y]
        for i in range(len(row)):
            magnitude = np.int32(row[i]) & np.int32(0x7FFF)
            # A float's exponent bias is 112 higher than a half's; the largest exponent is kept for infinity and NaN.
            bias = np.int32(224 << 23) if magnitude >= np.int32(0x7C00) else np.int32(112 << 23)
            bits[i] = (magnitude << np.int32(13)) + bias
        for i in range(len(row)):
            magnitude = np.int32(row[i]) & np.int32(0x7FFF)
            # Subnormal halves are whole multiples of 2**-24.
            value = np.float32(magnitude) * np.float32(2.0**-24) if magnitude < np.int32(0x400) else light[i]
            light[i] = -value if row[i] > np.uint16(0x7FFF) else value
        _show_row(light, bits, matrix, mixes, low, high, low_bits, table, thresholds, near, out[y])


@compiled
def _show_floats(
    rows: np.ndarray, matrix: np.ndarray, mixes: bool, low: Any, high: Any, low_bits: int, table: np.ndarray,
    thresholds: np.ndarray, near: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Convert rows (H, 3 W) of float32; see :meth:`DisplayTable.apply`."""
    light = np.empty(rows.shape[1], np.float32)
    bits = light.view(np.int32)
    for y in range(rows.shape[0]):
        light[:] = rows[y]
        _show_row(light, bits, matrix, mixes, low, high, low_bits, table, thresholds, near, out[y])


@compiled
def _show_row(
    light: np.ndarray, bits: np.ndarray, matrix: np.ndarray, mixes: bool, low: Any, high: Any, low_bits: int,
    table: np.ndarray, thresholds: np.ndarray, near: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Convert a row (3 W,) float32 and overwrite it; ``bits`` is the same memory as int32."""
    if mixes:
        # The sums are in OpenColorIO's order, so that the results have the same bits.
        m00, m01, m02 = matrix[0]
        m10, m11, m12 = matrix[1]
        m20, m21, m22 = matrix[2]
        for x in range(len(light) // 3):
            r, g, b = light[3 * x], light[3 * x + 1], light[3 * x + 2]
            light[3 * x] = (r * m00 + g * m01) + b * m02
            light[3 * x + 1] = (r * m10 + g * m11) + b * m12
            light[3 * x + 2] = (r * m20 + g * m21) + b * m22
    for i in range(len(light)):
        value = light[i]
        # This order of comparisons turns NaN into low.
        value = value if value > low else low
        light[i] = value if value < high else high
    first, shift = np.int32(np.float32(low).view(np.int32)) >> np.int32(low_bits), np.int32(low_bits)
    rest = (np.int32(1) << shift) - np.int32(1)
    for i in range(len(light)):
        group = np.uint32((bits[i] >> shift) - first)
        level = (bits[i] & rest) + table[group]
        out[i] = level >> shift
        if (level + _NEAR) & rest < 2 * _NEAR:
            step = (level + _NEAR) >> shift
            place = bits[i] - thresholds[step - 1] + _NEAR
            if step > 0 and 0 <= place < 2 * _NEAR:
                out[i] = near[step - 1, place]
