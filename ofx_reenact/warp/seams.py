"""Where lids and lips meet: the STMap jumps there, so one position a pixel would draw the line in steps.

Around each opening the sheet is rasterised again, finer; a pixel in which the finer positions jump takes the mean of
their colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ofx_reenact.ops.backend import Array, Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER

# Positions a pixel takes, along each side.
FINE = 4
# Where in a pixel they lie, from its centre.
_DOWN, _ACROSS = ((np.mgrid[:FINE, :FINE].reshape(2, -1) + 0.5) / FINE) - 0.5
# Neighbouring pixels whose offsets differ by more than this, in pixels, are on different sides of a seam.
JUMP = 1.0
# Pixels around an opening that may touch its seam.
_MARGIN = 2
_OPENINGS = tuple(np.array([*upper, *lower]) for upper, lower in (EYE_RIGHT, EYE_LEFT, LIPS_INNER))


@dataclass(frozen=True)
class Seam:
    """The n pixels that the seam of one opening runs through."""

    x: np.ndarray  # (n,) columns of the picture
    y: np.ndarray  # (n,) rows
    from_x: np.ndarray  # (n, FINE²) positions in the target that each is made of
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
    """Rasterise finely around the openings where the map ``coarse`` (h, w, 2) over the window at (left, top) jumps.

    The sheet's vertices have positions (V, 3) in pixels of the result, the mesh's 468 points first, and have ``moved``
    by (V, 3); ``layers`` are triangles (N, 3), back to front; ``ops`` rasterise, and have the map.
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
