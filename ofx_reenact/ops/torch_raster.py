"""Rasterise a deformed sheet in torch, by the rules of :mod:`ofx_reenact.ops.raster`.

Each triangle is split into the rows of its bounding box, each row into the pixels inside the triangle, for many
triangles at once. A pixel takes the least depth of the triangles that cover it, and, of the triangles with
that depth, the first in the list. So the result does not depend on the order in which a device computes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.ops.raster import EDGE, LEAST

# As EDGE, on a device that computes positions in float32.
_COARSE_EDGE = 1e-4


@dataclass(frozen=True)
class Triangles:
    """The triangles of a layer that may cover pixels.

    Except in ``boxes``, columns and rows are counted from the first of each triangle's bounding box.

    Attributes:
        boxes: (3, N) int64, first column, first row and number of rows of each bounding box.
        areas: (N,) int64, pixels in each box, on the host.
        rows: (N,) int64, rows of each box, on the host.
        spans: (2, N), left and right end of each box, not rounded to pixels.
        corner: (N,), column of the first corner.
        barycentric: (3, 3, N), three numbers for each corner's weight (second axis): its value in the first row at the
            first corner's column, its change per row, and 1 over its change per column (0 if it does not change).
        planes: (3, 1 + K, N), of depth and K values: value at the box's first pixel, change per row and per column.
    """

    boxes: Tensor
    areas: np.ndarray
    rows: np.ndarray
    spans: Tensor
    corner: Tensor
    barycentric: Tensor
    planes: Tensor

    @classmethod
    def prepare(
        cls, places: np.ndarray, triangles: np.ndarray, carried: np.ndarray, size: tuple[int, int], like: Tensor
    ) -> Triangles:
        """Prepare triangles (N, 3) for a picture of a size (width, height).

        Args:
            places: (V, 3) float64, x, y and depth of the vertices.
            triangles: (N, 3) indices of vertices.
            carried: (V, K) float64, values of the vertices.
            size: width and height.
            like: a tensor; its device is used, and its type for positions that are fractions of pixels.
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
        # Change of the three corners' barycentric weights per column and per row.
        right, down = np.stack([cy, -by]) / area, np.stack([-cx, bx]) / area
        right, down = (np.concatenate([-way.sum(0, keepdims=True), way]) for way in (right, down))
        turn = np.divide(1, right, out=np.zeros_like(right), where=right != 0)
        vertices = np.column_stack([places[:, 2], carried]).T
        to_b, to_c = vertices[:, b] - vertices[:, a], vertices[:, c] - vertices[:, a]
        grows = [way[1] * to_b + way[2] * to_c for way in (down, right)]
        at = vertices[:, a] - y * grows[0] - x * grows[1]
        own = np.array([[1.0], [0.0], [0.0]]) + edge - y * down

        def to_device(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(like.dtype).to(like.device)

        rows = (last[1] - first[1] + 1).astype(np.int64)
        return cls(
            torch.from_numpy(np.stack([*first.astype(np.int64), rows])).to(like.device),
            rows * (last[0] - first[0] + 1).astype(np.int64),
            rows,
            to_device(np.stack([low[0], high[0]]) - first[0]),
            to_device(x),
            to_device(np.stack([own, down, turn])),
            to_device(np.stack([at, *grows])),
        )

    def batches(self, most: int) -> Iterator[slice]:
        """Yield runs of triangles whose boxes together have at most ``most`` pixels; a larger box is a run alone."""
        first, end = 0, len(self.areas)
        ends = np.cumsum(self.areas)
        while first < end:
            before = ends[first - 1] if first else 0
            after = max(int(np.searchsorted(ends, before + most, "right")), first + 1)
            yield slice(first, after)
            first = after

    def find_pixels(self, run: slice, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Find the pixels under a run of triangles, in a picture of a width.

        Returns:
            For each pixel its flat index in the picture, the triangle's depth there (float32), and the triangle.
        """
        triangle, row = _repeat_each(self.boxes[2, run], int(self.rows[run].sum()))
        triangle = triangle + run.start
        (low, high), corner = self.spans[:, triangle], self.corner[triangle]
        for weight, down, turn in self.barycentric.unbind(1):
            # The column at which the corner's weight is 0.
            bound = corner - (weight[triangle] + row * down[triangle]) * turn[triangle]
            grows = turn[triangle]
            low = torch.where(grows > 0, torch.maximum(low, bound), low)
            high = torch.where(grows < 0, torch.minimum(high, bound), high)
            nowhere = (grows == 0) & (weight[triangle] + row * down[triangle] < 0)
            high = torch.where(nowhere, low - 1, high)
        first = low.ceil().long()
        which, column = _repeat_each((high.floor().long() - first + 1).clamp(min=0))
        column, row, triangle = column + first[which], row[which], triangle[which]
        left, top, _ = self.boxes[:, triangle]
        at, down, right = self.planes[:, 0, triangle]
        return (top + row) * width + left + column, (at + row * down + column * right).float(), triangle


def draw_layer(triangles: Triangles, moves: Tensor, planes: Tensor, batch: int) -> None:
    """Draw a layer over vectors (h, w, 2) and values (K, h, w), in place, about ``batch`` pixels at a time."""
    height, width = moves.shape[:2]
    count = len(triangles.areas)
    if not count:
        return
    nearest = torch.full((height * width,), torch.inf, device=moves.device)
    first = torch.full((height * width,), count, dtype=torch.int32, device=moves.device)
    for run in triangles.batches(batch):
        at, depth, _ = triangles.find_pixels(run, width)
        nearest.scatter_reduce_(0, at, depth, "amin")
    for run in triangles.batches(batch):
        at, depth, number = triangles.find_pixels(run, width)
        first.scatter_reduce_(0, at, torch.where(depth == nearest[at], number, count).int(), "amin")
    outs = [*moves.unbind(-1), *planes]
    for rows in row_bands(height, width, batch):
        number = first.view(height, width)[rows].long()
        there = number < count
        number = number.clamp(max=count - 1)
        left, top, _ = triangles.boxes
        column = torch.arange(width, device=moves.device) - left[number]
        row = torch.arange(rows.start, rows.stop, device=moves.device)[:, None] - top[number]
        for out, (at, down, right) in zip(outs, triangles.planes[:, 1:].unbind(1), strict=True):
            value = (at[number] + row * down[number] + column * right[number]).float()
            out[rows] = torch.where(there, value, out[rows])


def row_bands(height: int, width: int, batch: int) -> Iterator[slice]:
    """Yield runs of rows with at most ``batch`` pixels, or one row each."""
    step = max(1, batch // max(width, 1))
    yield from (slice(first, min(first + step, height)) for first in range(0, height, step))


def _repeat_each(counts: Tensor, total: int | None = None) -> tuple[Tensor, Tensor]:
    """Repeat index i ``counts[i]`` times; return the indices, and which repetition each is, from 0."""
    which = torch.repeat_interleave(counts, output_size=total)
    before = torch.cumsum(counts, 0) - counts
    return which, torch.arange(len(which), device=counts.device) - before[which]
