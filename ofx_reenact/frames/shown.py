"""What a display of 8 bits shows of colours, found in one pass over a picture.

A way to a display is a matrix and a curve. Of the curve only the 255 values matter at which it reaches the next level;
they are found once, and a table tells the level of a number by its leading bits and by whether it lies beyond the one
value that these bits leave open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.threads import cores, share

Way = Callable[[np.ndarray], np.ndarray]

_LEVELS = np.arange(1, 256)
# Bits of a float32 that lie below those that a table is asked by: as many as leave one level open at most.
_BELOW = range(15, 10, -1)
# No curve reaches its first level below, or its last one above: powers of two.
_LEAST, _MOST = 2.0**-40, 2.0**8
# Fast powers are only nearly monotone: of so many numbers before a step, and after it, the level of each is kept.
_NEAR = 16
# How many of the values that are tried may come out a level apart.
_APART = 1e-4
# A picture of fewer pixels is shown in its own thread: waking others would take as long.
_SMALL = 1 << 17


@dataclass(frozen=True)
class Shown:
    """A way from three channels to 8 bits; safe to use from several threads at once.

    Attributes:
        matrix: (3, 3) float32, what is done to the colours first; None for nothing.
        low, high: float32 between which all levels begin.
        below: how many bits of a number the table is not asked by.
        table: (n,) int32, of each run of numbers with the same leading bits, from that of ``low`` on.
        steps: (255,) int32, bits of the number at which each level begins.
        near: (255, 2 n) uint8, the levels of the n numbers before each step and of as many from it on.
    """

    matrix: np.ndarray | None
    low: Any
    high: Any
    below: int
    table: np.ndarray
    steps: np.ndarray
    near: np.ndarray

    @classmethod
    def of_curve(cls, curve: Way, matrix: np.ndarray | None = None) -> Shown | None:
        """Build from a curve that takes and gives (H, W, 3), the same for all channels; None if it cannot be one."""
        low, high = (np.full(255, value, np.float32).view(np.int32) for value in (_LEAST, _MOST))
        ends = _level(curve, np.array([-1, 0, _LEAST, _MOST, 2 * _MOST], np.float32))
        if ends.tolist() != [0, 0, 0, 255, 255]:
            return None
        while (high - low > 1).any():
            middle = low + (high - low) // 2
            reached = _level(curve, middle.view(np.float32)) >= _LEVELS
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        around = (high[:, None] + np.arange(-_NEAR, _NEAR, dtype=np.int32)).ravel().view(np.float32)
        return cls._of_steps(high, _level(curve, around).astype(np.uint8).reshape(255, -1), matrix)

    @classmethod
    def _of_steps(cls, steps: np.ndarray, near: np.ndarray, matrix: np.ndarray | None) -> Shown | None:
        """Build from the least numbers that reach each level (255,), as the bits of float32."""
        # Powers of two around the steps: their lower bits are 0.
        first, last = int(steps[0]) >> 23 << 23, (int(steps[-1]) >> 23) + 1 << 23
        for below in _BELOW:
            starts = np.arange(first, last + 1, 1 << below)
            level = np.searchsorted(steps, starts, side="right")
            inside = np.searchsorted(steps, starts + (1 << below) - 1, side="right") - level
            if inside.max() <= 1:
                # Added to a number's lower bits, what the step lacks of a whole run carries into the level.
                step = np.where(inside > 0, starts + (1 << below) - steps[np.minimum(level, 254)], 0)
                low, high = (np.int32(bits).view(np.float32) for bits in (first, last))
                return cls(matrix, low, high, below, ((level << below) + step).astype(np.int32), steps, near)
        return None

    def is_like(self, way: Way) -> bool:
        """Tell whether it shows what a way (H, W, 3) → (H, W, 3) gives, of numbers that were drawn at random."""
        rng = np.random.default_rng(0)
        light = np.exp(rng.uniform(-10, 2, (64, 64, 3))) * rng.choice([1, 1, 1, -0.1], (64, 64, 3))
        tried = light.astype(np.float32)
        apart = np.abs(self.apply(tried).astype(int) - _rounded(way(tried)))
        return bool(apart.max() <= 1 and (apart > 0).mean() <= _APART)

    def apply(self, rgb: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Show (H, W, 3) of any range, float16 or what float32 holds; NaN shows black.

        Rows are shared over threads; each is shown alone.

        Args:
            rgb: the colours.
            out: (H, W, 3) uint8 to write into, each row in one piece; one of its own if not given.

        Returns:
            (H, W, 3) uint8.
        """
        out = np.empty(rgb.shape, np.uint8) if out is None else out
        workers = min(cores(), len(rgb)) if rgb.shape[0] * rgb.shape[1] >= _SMALL else 1
        if workers <= 1:
            self._show(rgb, out)
        else:
            pieces = zip(np.array_split(rgb, workers), np.array_split(out, workers), strict=True)
            share(self._show, pieces)
        return out

    def _show(self, rgb: np.ndarray, out: np.ndarray) -> None:
        height, across = out.shape[0], out.shape[1] * 3
        halfs = rgb.dtype == np.float16
        rows = np.ascontiguousarray(rgb, None if halfs else np.float32).reshape(height, across)
        matrix = np.eye(3, dtype=np.float32) if self.matrix is None else self.matrix
        show = _show_halfs if halfs else _show_floats
        show(
            rows.view(np.uint16) if halfs else rows, matrix, self.matrix is not None, self.low, self.high,
            self.below, self.table, self.steps, self.near, out.reshape(height, across),
        )  # fmt: skip


def _level(curve: Way, values: np.ndarray) -> np.ndarray:
    """Return the levels that a curve gives of grey values (n,)."""
    return _rounded(curve(np.repeat(values[None, :, None], 3, axis=2)))[0, :, 0]


def _rounded(shown: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.rint(np.nan_to_num(np.clip(shown, 0, 1), nan=0.0) * 255).astype(int)


# What is display-encoded already. All levels of it are those of rounding.
AS_IT_IS = cast(Shown, Shown.of_curve(lambda rgb: rgb))


@compiled
def _show_halfs(
    rows: np.ndarray, matrix: np.ndarray, mixes: bool, low: Any, high: Any, below: int, table: np.ndarray,
    steps: np.ndarray, near: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Show halfs (H, 3 W), as uint16; see :meth:`Shown.apply`."""
    light = np.empty(rows.shape[1], np.float32)
    bits = light.view(np.int32)
    for y in range(rows.shape[0]):
        row = rows[y]
        for i in range(len(row)):
            size = np.int32(row[i]) & np.int32(0x7FFF)
            # Exponents of a float begin 112 lower than those of a half; the last one is kept for what is not finite.
            least = np.int32(224 << 23) if size >= np.int32(0x7C00) else np.int32(112 << 23)
            bits[i] = (size << np.int32(13)) + least
        for i in range(len(row)):
            size = np.int32(row[i]) & np.int32(0x7FFF)
            # The smallest halfs have no exponent: they are whole multiples of one number.
            value = np.float32(size) * np.float32(2.0**-24) if size < np.int32(0x400) else light[i]
            light[i] = -value if row[i] > np.uint16(0x7FFF) else value
        _show_row(light, bits, matrix, mixes, low, high, below, table, steps, near, out[y])


@compiled
def _show_floats(
    rows: np.ndarray, matrix: np.ndarray, mixes: bool, low: Any, high: Any, below: int, table: np.ndarray,
    steps: np.ndarray, near: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Show float32 (H, 3 W); see :meth:`Shown.apply`."""
    light = np.empty(rows.shape[1], np.float32)
    bits = light.view(np.int32)
    for y in range(rows.shape[0]):
        light[:] = rows[y]
        _show_row(light, bits, matrix, mixes, low, high, below, table, steps, near, out[y])


@compiled
def _show_row(
    light: np.ndarray, bits: np.ndarray, matrix: np.ndarray, mixes: bool, low: Any, high: Any, below: int,
    table: np.ndarray, steps: np.ndarray, near: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Show the colours of a row (3 W,) float32, whose memory ``bits`` is as well; they are used up."""
    if mixes:
        # As OpenColorIO adds, so that its numbers come out.
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
        # In this order NaN is as low as can be.
        value = value if value > low else low
        light[i] = value if value < high else high
    first, shift = np.int32(np.float32(low).view(np.int32)) >> np.int32(below), np.int32(below)
    rest = (np.int32(1) << shift) - np.int32(1)
    for i in range(len(light)):
        run = np.uint32((bits[i] >> shift) - first)
        level = (bits[i] & rest) + table[run]
        out[i] = level >> shift
        if (level + _NEAR) & rest < 2 * _NEAR:
            step = (level + _NEAR) >> shift
            place = bits[i] - steps[step - 1] + _NEAR
            if step > 0 and 0 <= place < 2 * _NEAR:
                out[i] = near[step - 1, place]
