"""Antialias the lines where lids and lips meet: there the STMap jumps, and one position per pixel gives steps.

Around each opening the sheet is rasterised again at a higher resolution. A pixel whose finer positions jump takes the
mean of their colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ofx_reenact.ops.backend import Array, Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER

# Samples along each side of a pixel.
FINE = 4
# Their places in a pixel, relative to its centre.
_DOWN, _ACROSS = ((np.mgrid[:FINE, :FINE].reshape(2, -1) + 0.5) / FINE) - 0.5
# Neighbours whose offsets differ by more than this, in pixels, are on different sides of a seam.
JUMP = 1.0
# Margin in pixels around an opening that is searched.
_MARGIN = 2
_OPENINGS = tuple(np.array([*upper, *lower]) for upper, lower in (EYE_RIGHT, EYE_LEFT, LIPS_INNER))


@dataclass(frozen=True)
class Seam:
    """The n pixels on the seam of one opening."""

    x: np.ndarray  # (n,) columns of the picture
    y: np.ndarray  # (n,) rows
    from_x: np.ndarray  # (n, FINE²) positions in the target whose colours are averaged
    from_y: np.ndarray  # (n, FINE²)


def find_seams(
    positions: np.ndarray,
    moved: np.ndarray,
    layers: Sequence[np.ndarray],
    coarse: Array,
    left: int,
    top: int,
    ops: Ops = CPU,
) -> tuple[Seam, ...]:
    """Find the seams of the openings around which a map jumps, by rasterising the sheet finely there.

    Args:
        positions: (V, 3) of the sheet's vertices in pixels of the result, the mesh's 468 points first.
        moved: (V, 3) their displacements from the target.
        layers: triangles (N, 3), back to front.
        coarse: (h, w, 2) the map, over a window.
        left: column of the window's first pixel.
        top: its row.
        ops: the operations that rasterise, and whose device has the map.
    """
    found = []
    for contour in _OPENINGS:
        low = np.floor(positions[contour, :2].min(0)).astype(int) - _MARGIN
        high = np.ceil(positions[contour, :2].max(0)).astype(int) + _MARGIN + 1
        x0, y0 = np.maximum(low, (left, top))
        x1, y1 = np.minimum(high, (left + coarse.shape[1], top + coarse.shape[0]))
        if x1 <= x0 or y1 <= y0 or not _jumps(ops.fetch(coarse[y0 - top : y1 - top, x0 - left : x1 - left])):
            continue
        places, size = (positions[:, :2] - (x0, y0) + 0.5) * FINE - 0.5, ((x1 - x0) * FINE, (y1 - y0) * FINE)
        offset, _ = ops.rasterise(places, positions[:, 2], layers, -moved[:, :2], np.empty((len(places), 0)), size)
        blocks = ops.fetch(offset).reshape(y1 - y0, FINE, x1 - x0, FINE, 2).transpose(0, 2, 1, 3, 4)
        apart = blocks.max((2, 3)) - blocks.min((2, 3))
        rows, columns = np.nonzero((apart > JUMP).any(-1))
        moves = blocks[rows, columns].reshape(-1, FINE * FINE, 2).astype(np.float64)
        x, y = columns + x0, rows + y0
        found.append(Seam(x, y, x[:, None] + _ACROSS + moves[..., 0], y[:, None] + _DOWN + moves[..., 1]))
    return tuple(found)


def _jumps(offset: np.ndarray) -> bool:
    return any((np.abs(np.diff(offset, axis=axis)) > JUMP).any() for axis in (0, 1))
