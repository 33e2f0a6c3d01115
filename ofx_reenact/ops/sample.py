"""Sample a picture between its pixels with Catmull-Rom, without clamping to [0, 1] and without ringing, in threads.

A position on a pixel's centre gives that pixel's value exactly. Elsewhere the value is clamped to the range of the 4×4
pixels around it: the cubic's overshoot would otherwise draw dark or negative rims beside a bright highlight. Positions
outside give the picture's edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ofx_reenact.compiled import compiled, inlined
from ofx_reenact.threads import in_bands, run_in_threads

# Weights of four taps.
Weights = tuple[Any, Any, Any, Any]

_FLOAT, _INDEX = ir.FloatType(), ir.IntType(32)
_PIXEL = ir.VectorType(_FLOAT, 4)
# Fast-math flags of LLVM: numbers are finite, and a product and a sum may be fused.
_PLAIN = ("nnan", "ninf", "nsz", "contract")


def sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample a picture at continuous positions.

    Args:
        picture: (H, W, C) float32, any range, finite.
        x, y: (h, w) positions; pixel (i, j) has its centre at (i, j).

    Returns:
        (h, w, C) float32.
    """
    out = np.empty((*x.shape, picture.shape[2]), np.float32)
    picture = np.ascontiguousarray(picture, dtype=np.float32)
    x, y = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(y, dtype=np.float64)
    # Rows are independent, so the result does not depend on the number of threads.
    run_in_threads(_sample, ((picture, x, y, out, *band) for band in in_bands(x.shape[0])))
    return out


def warp(
    picture: np.ndarray,
    offset: np.ndarray,
    left: int,
    top: int,
    shading: np.ndarray | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Sample a picture at each pixel of a window plus an offset; an offset of 0 copies the pixel bit for bit.

    Args:
        picture: (H, W, C) float32, any range, finite.
        offset: (h, w, 2) float32 pixels, added to each pixel's own position.
        left: column of the window's first pixel in the picture.
        top: its row.
        shading: (h, w) float32, factor on the first three channels; None is 1 everywhere.
        out: (h, w, C) float32 to write to; a new array if None.

    Returns:
        ``out``.
    """
    picture = np.ascontiguousarray(picture, dtype=np.float32)
    if out is None:
        out = np.empty((*offset.shape[:2], picture.shape[2]), np.float32)
    factor = np.empty((0, 0), np.float32) if shading is None else shading
    run_in_threads(_warp, ((picture, offset, left, top, factor, out, *band) for band in in_bands(len(offset))))
    return out


# `_sample` and `_warp` repeat the code for one pixel: a function that takes their arrays makes them twice as slow.
@compiled
def _sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray, out: np.ndarray, first: int, end: int) -> None:
    """Sample the rows of ``out`` from ``first`` up to, but not including, ``end``; arguments as :func:`sample`."""
    height, width, channels = picture.shape
    # Four values are loaded at once: a pixel of three channels and the next one's first value, which must exist.
    wide = 3 <= channels <= 4
    for row in range(first, end):
        for column in range(x.shape[1]):
            px = min(max(x[row, column], 0.0), width - 1.0)
            py = min(max(y[row, column], 0.0), height - 1.0)
            ix, iy = int(px), int(py)
            fx, fy = np.float32(px - ix), np.float32(py - iy)
            if fx == 0 and fy == 0:
                for c in range(channels):
                    out[row, column, c] = picture[iy, ix, c]
            elif wide and 1 <= ix < width - 3 and 1 <= iy < height - 2:
                start = ((iy - 1) * width + ix - 1) * channels
                to = (row * out.strides[0] + column * out.strides[1]) // 4
                _read_pixels(picture, start, channels, width * channels, _weights(fx), _weights(fy), out, to)
            else:
                _read_near_edge(picture, ix, iy, _weights(fx), _weights(fy), out, row, column)


@compiled
def _warp(
    picture: np.ndarray,
    offset: np.ndarray,
    left: int,
    top: int,
    shading: np.ndarray,
    out: np.ndarray,
    first: int,
    end: int,
) -> None:
    """Warp the rows of ``out`` from ``first`` up to, but not including, ``end``; arguments as :func:`warp`."""
    height, width, channels = picture.shape
    # Four values are loaded at once: a pixel of three channels and the next one's first value, which must exist.
    wide = 3 <= channels <= 4
    shaded = shading.shape[0] > 0
    for row in range(first, end):
        for column in range(offset.shape[1]):
            # A position's whole part and fraction are separate numbers: float32 has too few digits for both.
            x, y = np.floor(offset[row, column, 0]), np.floor(offset[row, column, 1])
            ix, iy = left + column + int(x), top + row + int(y)
            fx, fy = offset[row, column, 0] - x, offset[row, column, 1] - y
            if ix < 0 or ix >= width - 1:
                ix, fx = min(max(ix, 0), width - 1), np.float32(0)
            if iy < 0 or iy >= height - 1:
                iy, fy = min(max(iy, 0), height - 1), np.float32(0)
            if fx == 0 and fy == 0:
                for c in range(channels):
                    out[row, column, c] = picture[iy, ix, c]
            elif wide and 1 <= ix < width - 3 and 1 <= iy < height - 2:
                start = ((iy - 1) * width + ix - 1) * channels
                to = (row * out.strides[0] + column * out.strides[1]) // 4
                _read_pixels(picture, start, channels, width * channels, _weights(fx), _weights(fy), out, to)
            else:
                _read_near_edge(picture, ix, iy, _weights(fx), _weights(fy), out, row, column)
            if shaded and shading[row, column] != 1:
                for c in range(3):
                    out[row, column, c] *= shading[row, column]


@compiled
def _read_near_edge(
    picture: np.ndarray, x: int, y: int, across: Weights, along: Weights, out: np.ndarray, row: int, column: int
) -> None:
    """Sample one pixel whose 4×4 taps may lie outside the picture, where its edge is repeated.

    ``x`` and ``y`` are the second tap; ``across`` and ``along`` weigh columns and rows.
    """
    height, width, channels = picture.shape
    for c in range(channels):
        total, low, high = np.float32(0), np.float32(np.inf), np.float32(-np.inf)
        for j in range(4):
            at = min(max(y + j - 1, 0), height - 1)
            line = np.float32(0)
            for i in range(4):
                value = picture[at, min(max(x + i - 1, 0), width - 1), c]
                line += across[i] * value
                low, high = min(low, value), max(high, value)
            total += along[j] * line
        out[row, column, c] = min(max(total, low), high)


@inlined
def _weights(t: Any) -> Weights:
    """Return Catmull-Rom's weights of four taps, at a fraction ``t`` between the second and the third."""
    one, two, half = np.float32(1), np.float32(2), np.float32(0.5)
    three_halves, five_halves = np.float32(1.5), np.float32(2.5)
    return (
        ((one - half * t) * t - half) * t,
        (three_halves * t - five_halves) * t * t + one,
        ((two - three_halves * t) * t + half) * t,
        (half * t - half) * t * t,
    )


def _generate(
    context: Any, picture: Any, first: Any, step: Any, row: Any, across: Any, along: Any, out: Any, to: Any
) -> tuple[Any, Any]:
    """Generate code that interpolates between 4×4 pixels of a picture and writes the result.

    ``first`` is the index of the first pixel's first value, ``step`` and ``row`` the number of values from
    one pixel and one row to the next, ``to`` the index of the result's first value in ``out``.
    """

    def generate(target: Any, builder: Any, signature: Any, given: Any) -> Any:
        place, start, right, down, *weights, result, into = given
        values = cgutils.create_struct_proxy(signature.args[0])(target, builder, place).data
        x, y = ([_repeat(builder, builder.extract_value(four, i)) for i in range(4)] for four in weights)
        total = low = high = None
        for j in range(4):
            line = None
            for i in range(4):
                away = [builder.mul(length, ir.Constant(length.type, n)) for length, n in ((down, j), (right, i))]
                at = builder.gep(values, [builder.add(start, builder.add(*away))])
                pixel = builder.load(builder.bitcast(at, _PIXEL.as_pointer()), align=4)
                line = _add(builder, line, builder.fmul(pixel, x[i], flags=_PLAIN))
                low, high = _pick(builder, "<", pixel, low), _pick(builder, ">", pixel, high)
            total = _add(builder, total, builder.fmul(line, y[j], flags=_PLAIN))
        total = _pick(builder, "<", _pick(builder, ">", total, low), high)
        made = cgutils.create_struct_proxy(signature.args[6])(target, builder, result).data

        def store(channel: int) -> None:
            value = builder.extract_element(total, ir.Constant(_INDEX, channel))
            builder.store(value, builder.gep(made, [builder.add(into, ir.Constant(into.type, channel))]))

        for channel in range(3):
            store(channel)
        with builder.if_then(builder.icmp_signed(">", right, ir.Constant(right.type, 3))):
            store(3)
        return target.get_dummy_value()

    return types.void(picture, first, step, row, across, along, out, to), generate


_read_pixels: Any = intrinsic(_generate)


def _repeat(builder: Any, value: Any) -> Any:
    """Return a vector of four equal numbers."""
    nothing = ir.Constant(_PIXEL, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_INDEX, 4), [0] * 4))


def _add(builder: Any, total: Any, more: Any) -> Any:
    return more if total is None else builder.fadd(total, more, flags=_PLAIN)


def _pick(builder: Any, order: str, one: Any, other: Any) -> Any:
    """Return the smaller (<) or larger (>) of two numbers in each channel."""
    if other is None:
        return one
    return builder.select(builder.fcmp_ordered(order, one, other, flags=_PLAIN), one, other)
