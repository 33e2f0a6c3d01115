"""What is done to every pixel, by torch: on whatever device that has. What comes out lies there until it is fetched.

The rules are those of the CPU's loops; results differ from theirs by rounding. Nothing depends on the order in which a
device does things, nor on how much of it is done at a time: the same device gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.ops.edge import THIN
from ofx_reenact.ops.torch_raster import Triangles, bands, draw

# Pixels that are worked on at a time: what is known of each of them meanwhile takes about a hundred bytes.
PIECE = 1 << 22
# Host arrays or the device's own.
_Given = Any


class OnTorch:
    """The operations of :class:`~ofx_reenact.ops.backend.Ops` on torch's tensors.

    Args:
        device: as torch names it.
        real: what places between pixels are counted in; None is float64, and float32 where a device has no other.
        piece: how many pixels are worked on at a time.
    """

    def __init__(self, device: str, real: torch.dtype | None = None, piece: int = PIECE) -> None:
        self.device = torch.device(device)
        self._real = real or (torch.float32 if self.device.type == "mps" else torch.float64)
        self._piece = piece

    def put(self, array: _Given, dtype: torch.dtype = torch.float32) -> Tensor:
        """Put an array of the host on the device; what is there stays."""
        if isinstance(array, np.ndarray):
            whole = np.ascontiguousarray(array)
            array = torch.from_numpy(whole if whole.flags.writeable else whole.copy())
        # Not every device has every type.
        return array.to(dtype).to(self.device)

    def fetch(self, array: _Given, own: bool = False) -> np.ndarray:
        """Return an array on the host, in memory of its own if the caller is to change it."""
        if isinstance(array, np.ndarray):
            return array.copy() if own else array
        there: np.ndarray = array.to("cpu", copy=own).numpy()
        return there

    def rasterise(
        self,
        positions: np.ndarray,
        depth: np.ndarray,
        layers: Sequence[np.ndarray],
        vectors: np.ndarray,
        values: np.ndarray,
        size: tuple[int, int],
        beside: Sequence[float] = (),
    ) -> tuple[Tensor, Tensor]:
        """Draw layers of triangles; the arguments are the host's."""
        width, height = size
        moves = torch.zeros((height, width, 2), device=self.device)
        planes = torch.zeros((values.shape[1], height, width), device=self.device)
        for plane, value in zip(planes, beside, strict=False):
            plane.fill_(value)
        places = np.column_stack([positions, depth]).astype(np.float64)
        carried = np.column_stack([vectors, values]).astype(np.float64)
        like = torch.empty(0, dtype=self._real, device=self.device)
        for triangles in layers:
            draw(Triangles.set_up(places, triangles, carried, size, like), moves, planes, self._piece)
        return moves, planes

    def sample(self, picture: _Given, x: _Given, y: _Given) -> Tensor:
        """Sample a picture (H, W, C) at continuous positions (h, w): (h, w, C)."""
        picture = self.put(picture)
        height, width, channels = picture.shape
        # Where positions are the host's, they are taken apart there: float32 has too few digits for a whole one.
        (ix, fx), (iy, fy) = (self._apart(at, last) for at, last in ((x, width - 1), (y, height - 1)))
        out = torch.empty((ix.numel(), channels), device=self.device)
        for first in range(0, len(out), self._piece):
            part = slice(first, first + self._piece)
            out[part] = _read(picture, ix[part], iy[part], fx[part], fy[part])
        return out.view(*x.shape, channels)

    def warp(
        self,
        picture: _Given,
        offset: _Given,
        left: int,
        top: int,
        shading: _Given | None = None,
        out: np.ndarray | None = None,
    ) -> Any:
        """Sample a picture (H, W, C) where a window's pixels come from; into ``out`` of the host if it is given."""
        picture, offset = self.put(picture), self.put(offset)
        factor = None if shading is None else self.put(shading)
        height, width = offset.shape[:2]
        made: Any = torch.empty((height, width, picture.shape[2]), device=self.device) if out is None else out
        columns = left + torch.arange(width, device=self.device)
        for rows in bands(height, width, self._piece):
            x, y = offset[rows].unbind(-1)
            down = top + torch.arange(rows.start, rows.stop, device=self.device)[:, None]
            ix, fx = _within(columns, x, picture.shape[1])
            iy, fy = _within(down, y, picture.shape[0])
            colour = _read(picture, ix.view(-1), iy.view(-1), fx.view(-1), fy.view(-1)).view(*x.shape, -1)
            if factor is not None:
                colour[..., :3] *= factor[rows][..., None]
            made[rows] = colour if out is None else self.fetch(colour)
        return made

    def remap(self, vectors: _Given, x: _Given, y: _Given) -> Tensor:
        """Read vectors (H, W, 2) at positions (h, w) rounded to 1/32 of a pixel, linearly between pixels: (h, w, 2)."""
        vectors = self.put(vectors)
        height, width = vectors.shape[:2]
        # OpenCV rounds so.
        near = ((self.put(at) * 32).round() / 32 for at in (x, y))
        (ix, fx), (iy, fy) = (self._apart(at, last) for at, last in zip(near, (width - 1, height - 1), strict=True))
        flat, right, below = vectors.reshape(-1, 2), (ix + 1).clamp(max=width - 1), (iy + 1).clamp(max=height - 1)
        upper, lower = (
            torch.lerp(flat[row * width + ix], flat[row * width + right], fx[:, None]) for row in (iy, below)
        )
        return torch.lerp(upper, lower, fy[:, None]).view(*x.shape, 2)

    def blur(self, picture: _Given, sigma: float) -> Tensor:
        """Blur a picture (H, W) or (H, W, C) by a deviation in pixels; its edge is a mirror."""
        blurred = self.put(picture)
        # As many taps as OpenCV gives a picture of floats.
        taps = round(8 * sigma + 1) | 1
        weights = cv2.getGaussianKernel(taps, sigma, cv2.CV_32F)[:, 0].tolist()
        for axis in (1, 0):
            count = blurred.shape[axis]
            place = _mirrored(count, taps // 2)
            wide = blurred.index_select(axis, torch.from_numpy(place).to(self.device))
            blurred = torch.zeros_like(blurred)
            for tap, weight in enumerate(weights):
                blurred += weight * wide.narrow(axis, tap, count)
        return blurred

    def keep_edge(self, offset: Tensor, stretch: Tensor, left: int, rows: np.ndarray) -> None:
        """Squeeze a map (h, w, 2) and its stretch (h, w) below the picture's upper edge, in place."""
        height, width = stretch.shape
        gives_way, last = self.put(rows, self._real), len(rows) - 1
        sinks = -offset[0, :, 1].to(self._real)
        columns = left + torch.arange(width, device=self.device)
        for part in bands(height, width, self._piece):
            x, y = offset[part].to(self._real).unbind(-1)
            row = torch.arange(part.start, part.stop, device=self.device)[:, None]
            x = (columns + x).clamp(0, last)
            before = x.long()
            gives = gives_way[before]
            gives = gives + (x - before) * (gives_way[(before + 1).clamp(max=last)] - gives)
            squeezed = (sinks > 0) & (row + y < gives)
            share = gives / (gives + sinks)
            moved = ((row + y + sinks).clamp(min=0) * share - row).float()
            thinner = (stretch[part] / share.clamp(min=THIN).sqrt()).float()
            offset[part, :, 1] = torch.where(squeezed, moved, offset[part, :, 1])
            stretch[part] = torch.where(squeezed, thinner, stretch[part])

    def read_curve(self, knots: np.ndarray, powers: np.ndarray, places: _Given) -> Tensor:
        """Read a curve of cubic pieces at places of any shape."""
        at = self.put(places, self._real).clamp(-1, 1)
        begins, cubic = self.put(knots, self._real), self.put(powers, self._real)
        piece = torch.bucketize(at, begins[1:-1].contiguous(), right=True)
        t, (a, b, c, d) = at - begins[piece], cubic[:, piece]
        return ((a * t + b) * t + c) * t + d

    def _apart(self, at: _Given, last: int) -> tuple[Tensor, Tensor]:
        """Take positions, held within [0, last], apart: whole parts and the rest, (n,) each, on the device."""
        place = (torch.from_numpy(np.ascontiguousarray(at)) if isinstance(at, np.ndarray) else at).reshape(-1)
        place = place.clamp(0, last)
        whole = place.floor()
        return self.put(whole, torch.int64), self.put(place - whole)


def _within(place: Tensor, by: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Move whole places by float32 ways: whole parts and the rest, none of it beyond the first and last of so many."""
    whole = by.floor()
    at = place + whole.long()
    beyond = (at < 0) | (at >= count - 1)
    return at.clamp(0, count - 1), torch.where(beyond, 0, by - whole)


def _read(picture: Tensor, ix: Tensor, iy: Tensor, fx: Tensor, fy: Tensor) -> Tensor:
    """Read a picture (H, W, C) between the pixels (n,) and the next ones: (n, C)."""
    height, width, channels = picture.shape
    pixels = picture.reshape(-1, channels)
    across, along = ([weight[:, None] for weight in _weights(part)] for part in (fx, fy))
    columns = [(ix + i).clamp(0, width - 1) for i in (-1, 0, 1, 2)]
    here = pixels[iy * width + ix]
    low, high, total = here, here, torch.zeros_like(here)
    for j, weight in zip((-1, 0, 1, 2), along, strict=True):
        row, line = (iy + j).clamp(0, height - 1) * width, torch.zeros_like(here)
        for column, share in zip(columns, across, strict=True):
            value = pixels[row + column]
            line = line + share * value
            low, high = torch.minimum(low, value), torch.maximum(high, value)
        total = total + weight * line
    held = torch.minimum(torch.maximum(total, low), high)
    # A pixel that stays keeps every bit, and the sign of a zero.
    return torch.where(((fx == 0) & (fy == 0))[:, None], here, held)


def _weights(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How Catmull-Rom weighs four taps, a part ``t`` of the way from the second to the third."""
    return (
        ((1 - 0.5 * t) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((2 - 1.5 * t) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )


def _mirrored(count: int, beyond: int) -> np.ndarray:
    """Return which of a row of pixels lies at each place from so many before its first to so many after its last."""
    period = max(2 * (count - 1), 1)
    place = np.abs(np.arange(-beyond, count + beyond)) % period
    return np.minimum(place, period - place) if count > 1 else np.zeros_like(place)
