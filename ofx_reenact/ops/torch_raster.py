"""Rasterise a deformed sheet by torch, as :mod:`ofx_reenact.ops.raster` does.

Each triangle is cut into the rows of its box, each row into the pixels that lie in the triangle; all pixels of many
triangles are found at once. The depth of a pixel is the least of those that lie over it, and its triangle the first of
those at that depth: neither depends on the order in which a device comes to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.ops.raster import EDGE, LEAST

# Triangles are larger by this on every side where places have the digits of float32.
_COARSE_EDGE = 1e-4


@dataclass(frozen=True)
class Triangles:
    """Those of a layer that may cover pixels. Columns and rows in them are counted from the first of their box.

    Attributes:
        boxes: (3, N) int64, the first column and row of each box, and how many rows it has.
        areas: (N,) int64 pixels of the boxes, on the host.
        rows: (N,) int64 rows of the boxes, on the host.
        spans: (2, N) first and last column that is in the box, between pixels.
        corner: column of the first corner, (N,).
        shares: (3, 3, N) for each corner what is its at the first corner's column in the first row, how that grows with
            each row, and with each column its inverse, 0 if it does not.
        planes: (3, 1 + K, N) of depth and K values: at the box's first pixel, how they grow down and to the right.
    """

    boxes: Tensor
    areas: np.ndarray
    rows: np.ndarray
    spans: Tensor
    corner: Tensor
    shares: Tensor
    planes: Tensor

    @classmethod
    def set_up(
        cls, places: np.ndarray, triangles: np.ndarray, carried: np.ndarray, size: tuple[int, int], like: Tensor
    ) -> Triangles:
        """Set up triangles (N, 3) over a picture of a size (width, height).

        Vertices have places (V, 3), x, y and depth, and carry (V, K), all float64. ``like`` has the device and the type
        that what is counted between pixels has there.
        """
        edge = EDGE if like.dtype == torch.float64 else _COARSE_EDGE
        a, b, c = triangles.T
        corner, *sides = places[a, :2].T, (places[b] - places[a])[:, :2].T, (places[c] - places[a])[:, :2].T
        least = corner + np.minimum(np.minimum(*sides), 0) - edge
        most = corner + np.maximum(np.maximum(*sides), 0) + edge
        low, high = np.maximum(least, 0), np.minimum(most, np.array(size)[:, None] - 1)
        area = sides[0][0] * sides[1][1] - sides[0][1] * sides[1][0]
        first, last = np.ceil(low), np.floor(high)
        kept = (last >= first).all(0) & (np.abs(area) >= LEAST)
        a, b, c, first, last, low, high, area = (x[..., kept] for x in (a, b, c, first, last, low, high, area))
        (bx, by), (cx, cy) = (side[:, kept] for side in sides)
        x, y = corner[:, kept] - first
        # How the shares of the three corners grow to the right and down.
        right, down = np.stack([cy, -by]) / area, np.stack([-cx, bx]) / area
        right, down = (np.concatenate([-way.sum(0, keepdims=True), way]) for way in (right, down))
        turn = np.divide(1, right, out=np.zeros_like(right), where=right != 0)
        has = np.column_stack([places[:, 2], carried]).T
        grows = [way[1] * (has[:, b] - has[:, a]) + way[2] * (has[:, c] - has[:, a]) for way in (down, right)]
        at = has[:, a] - y * grows[0] - x * grows[1]
        own = np.array([[1.0], [0.0], [0.0]]) + edge - y * down

        def there(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(like.dtype).to(like.device)

        rows = (last[1] - first[1] + 1).astype(np.int64)
        return cls(
            torch.from_numpy(np.stack([*first.astype(np.int64), rows])).to(like.device),
            rows * (last[0] - first[0] + 1).astype(np.int64),
            rows,
            there(np.stack([low[0], high[0]]) - first[0]),
            there(x),
            there(np.stack([own, down, turn])),
            there(np.stack([at, *grows])),
        )

    def pieces(self, most: int) -> Iterator[slice]:
        """Yield runs of triangles whose boxes have at most so many pixels, or one triangle."""
        first, end = 0, len(self.areas)
        ends = np.cumsum(self.areas)
        while first < end:
            before = ends[first - 1] if first else 0
            after = max(int(np.searchsorted(ends, before + most, "right")), first + 1)
            yield slice(first, after)
            first = after

    def cover(self, run: slice, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Find the pixels that a run of triangles lies over, in a picture of a width.

        Returns:
            Each one's place in the picture's pixels, its depth there (float32), and its triangle.
        """
        triangle, row = _repeat(self.boxes[2, run], int(self.rows[run].sum()))
        triangle = triangle + run.start
        (low, high), corner = self.spans[:, triangle], self.corner[triangle]
        for share, down, turn in self.shares.unbind(1):
            # The column at which the corner's share is 0.
            bound = corner - (share[triangle] + row * down[triangle]) * turn[triangle]
            grows = turn[triangle]
            low = torch.where(grows > 0, torch.maximum(low, bound), low)
            high = torch.where(grows < 0, torch.minimum(high, bound), high)
            nowhere = (grows == 0) & (share[triangle] + row * down[triangle] < 0)
            high = torch.where(nowhere, low - 1, high)
        first = low.ceil().long()
        which, column = _repeat((high.floor().long() - first + 1).clamp(min=0))
        column, row, triangle = column + first[which], row[which], triangle[which]
        left, top, _ = self.boxes[:, triangle]
        at, down, right = self.planes[:, 0, triangle]
        return (top + row) * width + left + column, (at + row * down + column * right).float(), triangle


def draw(triangles: Triangles, moves: Tensor, planes: Tensor, piece: int) -> None:
    """Draw a layer over vectors (h, w, 2) and values (K, h, w), in place, about so many pixels at a time."""
    height, width = moves.shape[:2]
    count = len(triangles.areas)
    if not count:
        return
    nearest = torch.full((height * width,), torch.inf, device=moves.device)
    first = torch.full((height * width,), count, dtype=torch.int32, device=moves.device)
    for run in triangles.pieces(piece):
        at, depth, _ = triangles.cover(run, width)
        nearest.scatter_reduce_(0, at, depth, "amin")
    for run in triangles.pieces(piece):
        at, depth, number = triangles.cover(run, width)
        first.scatter_reduce_(0, at, torch.where(depth == nearest[at], number, count).int(), "amin")
    outs = [*moves.unbind(-1), *planes]
    for rows in bands(height, width, piece):
        number = first.view(height, width)[rows].long()
        there = number < count
        number = number.clamp(max=count - 1)
        left, top, _ = triangles.boxes
        column = torch.arange(width, device=moves.device) - left[number]
        row = torch.arange(rows.start, rows.stop, device=moves.device)[:, None] - top[number]
        for out, (at, down, right) in zip(outs, triangles.planes[:, 1:].unbind(1), strict=True):
            value = (at[number] + row * down[number] + column * right[number]).float()
            out[rows] = torch.where(there, value, out[rows])


def bands(height: int, width: int, piece: int) -> Iterator[slice]:
    """Yield runs of rows that have at most so many pixels, or one row."""
    step = max(1, piece // max(width, 1))
    yield from (slice(first, min(first + step, height)) for first in range(0, height, step))


def _repeat(counts: Tensor, total: int | None = None) -> tuple[Tensor, Tensor]:
    """Repeat each of several things so many times: which it is, and how often it was there before."""
    which = torch.repeat_interleave(counts, output_size=total)
    before = torch.cumsum(counts, 0) - counts
    return which, torch.arange(len(which), device=counts.device) - before[which]
