"""The operations on every pixel in torch, on any of its devices. Results stay on the device until they are fetched.

Results differ from those of the CPU's loops by rounding only. They do not depend on the order in which a device
computes them, nor on the size of a batch: the same device gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.ops.edge import THIN
from ofx_reenact.ops.torch_raster import Triangles, draw_layer, row_bands

# Number of pixels computed at a time; each takes about a hundred bytes of memory.
BATCH = 1 << 22
# A numpy array on the host, or a tensor.
_HostOrDevice = Any


class OnTorch:
    """Operations as in :class:`~ofx_reenact.ops.backend.Ops`, on torch tensors.

    Args:
        device: as torch names it.
        real: type of fractional positions; None is float64, or float32 on a device without it.
        batch: pixels that are computed at a time.
    """

    def __init__(self, device: str, real: torch.dtype | None = None, batch: int = BATCH) -> None:
        self.device = torch.device(device)
        self._real = real or (torch.float32 if self.device.type == "mps" else torch.float64)
        self._batch = batch

    def put(self, array: _HostOrDevice, dtype: torch.dtype = torch.float32) -> Tensor:
        """Copy an array from the host to the device; tensors there are not copied."""
        if isinstance(array, np.ndarray):
            whole = np.ascontiguousarray(array)
            array = torch.from_numpy(whole if whole.flags.writeable else whole.copy())
        # Converted on the host, because a device may lack the type.
        return array.to(dtype).to(self.device)

    def fetch(self, array: _HostOrDevice, own: bool = False) -> np.ndarray:
        """Return an array on the host; it may share memory unless ``own``."""
        if isinstance(array, np.ndarray):
            return array.copy() if own else array
        on_host: np.ndarray = array.to("cpu", copy=own).numpy()
        return on_host

    def rasterise(
        self,
        positions: np.ndarray,
        depth: np.ndarray,
        layers: Sequence[np.ndarray],
        vectors: np.ndarray,
        values: np.ndarray,
        size: tuple[int, int],
        background: Sequence[float] = (),
    ) -> tuple[Tensor, Tensor]:
        """Draw layers of triangles; the arguments are on the host."""
        width, height = size
        moves = torch.zeros((height, width, 2), device=self.device)
        planes = torch.zeros((values.shape[1], height, width), device=self.device)
        for plane, value in zip(planes, background, strict=False):
            plane.fill_(value)
        places = np.column_stack([positions, depth]).astype(np.float64)
        carried = np.column_stack([vectors, values]).astype(np.float64)
        like = torch.empty(0, dtype=self._real, device=self.device)
        for triangles in layers:
            draw_layer(Triangles.prepare(places, triangles, carried, size, like), moves, planes, self._batch)
        return moves, planes

    def sample(self, picture: _HostOrDevice, x: _HostOrDevice, y: _HostOrDevice) -> Tensor:
        """Sample a picture (H, W, C) at continuous positions (h, w): (h, w, C)."""
        picture = self.put(picture)
        height, width, channels = picture.shape
        # Positions on the host are split there, in float64: float32 has too few digits for a whole position.
        (ix, fx), (iy, fy) = (self._split(at, last) for at, last in ((x, width - 1), (y, height - 1)))
        out = torch.empty((ix.numel(), channels), device=self.device)
        for first in range(0, len(out), self._batch):
            part = slice(first, first + self._batch)
            out[part] = _interpolate(picture, ix[part], iy[part], fx[part], fy[part])
        return out.view(*x.shape, channels)

    def warp(
        self,
        picture: _HostOrDevice,
        offset: _HostOrDevice,
        left: int,
        top: int,
        shading: _HostOrDevice | None = None,
        out: np.ndarray | None = None,
    ) -> Any:
        """Sample a picture (H, W, C) at each pixel of a window plus its offset; into ``out`` on the host if given."""
        picture, offset = self.put(picture), self.put(offset)
        factor = None if shading is None else self.put(shading)
        height, width = offset.shape[:2]
        result: Any = torch.empty((height, width, picture.shape[2]), device=self.device) if out is None else out
        columns = left + torch.arange(width, device=self.device)
        for rows in row_bands(height, width, self._batch):
            x, y = offset[rows].unbind(-1)
            down = top + torch.arange(rows.start, rows.stop, device=self.device)[:, None]
            ix, fx = _add_offset(columns, x, picture.shape[1])
            iy, fy = _add_offset(down, y, picture.shape[0])
            colour = _interpolate(picture, ix.view(-1), iy.view(-1), fx.view(-1), fy.view(-1)).view(*x.shape, -1)
            if factor is not None:
                colour[..., :3] *= factor[rows][..., None]
            result[rows] = colour if out is None else self.fetch(colour)
        return result

    def remap(self, vectors: _HostOrDevice, x: _HostOrDevice, y: _HostOrDevice) -> Tensor:
        """Sample vectors (H, W, 2) bilinearly at positions (h, w) that are rounded to 1/32 pixel: (h, w, 2)."""
        vectors = self.put(vectors)
        height, width = vectors.shape[:2]
        # As OpenCV rounds.
        near = ((self.put(at) * 32).round() / 32 for at in (x, y))
        (ix, fx), (iy, fy) = (self._split(at, last) for at, last in zip(near, (width - 1, height - 1), strict=True))
        flat, right, below = vectors.reshape(-1, 2), (ix + 1).clamp(max=width - 1), (iy + 1).clamp(max=height - 1)
        upper, lower = (
            torch.lerp(flat[row * width + ix], flat[row * width + right], fx[:, None]) for row in (iy, below)
        )
        return torch.lerp(upper, lower, fy[:, None]).view(*x.shape, 2)

    def blur(self, picture: _HostOrDevice, sigma: float) -> Tensor:
        """Blur a picture (H, W) or (H, W, C) with a Gaussian of ``sigma`` pixels, mirrored at the edge."""
        blurred = self.put(picture)
        # As many taps as OpenCV uses for float pictures.
        taps = round(8 * sigma + 1) | 1
        weights = cv2.getGaussianKernel(taps, sigma, cv2.CV_32F)[:, 0].tolist()
        for axis in (1, 0):
            count = blurred.shape[axis]
            place = _mirror_indices(count, taps // 2)
            wide = blurred.index_select(axis, torch.from_numpy(place).to(self.device))
            blurred = torch.zeros_like(blurred)
            for tap, weight in enumerate(weights):
                blurred += weight * wide.narrow(axis, tap, count)
        return blurred

    def keep_edge(self, offset: Tensor, stretch: Tensor, left: int, rows: np.ndarray) -> None:
        """Squeeze a map (h, w, 2) and its stretch (h, w) below the picture's upper edge, in place."""
        height, width = stretch.shape
        stretchable_rows, last = self.put(rows, self._real), len(rows) - 1
        sinks = -offset[0, :, 1].to(self._real)
        columns = left + torch.arange(width, device=self.device)
        for part in row_bands(height, width, self._batch):
            x, y = offset[part].to(self._real).unbind(-1)
            row = torch.arange(part.start, part.stop, device=self.device)[:, None]
            x = (columns + x).clamp(0, last)
            before = x.long()
            stretchable = stretchable_rows[before]
            stretchable = stretchable + (x - before) * (stretchable_rows[(before + 1).clamp(max=last)] - stretchable)
            squeezed = (sinks > 0) & (row + y < stretchable)
            fraction = stretchable / (stretchable + sinks)
            moved = ((row + y + sinks).clamp(min=0) * fraction - row).float()
            thinner = (stretch[part] / fraction.clamp(min=THIN).sqrt()).float()
            offset[part, :, 1] = torch.where(squeezed, moved, offset[part, :, 1])
            stretch[part] = torch.where(squeezed, thinner, stretch[part])

    def read_curve(self, knots: np.ndarray, powers: np.ndarray, places: _HostOrDevice) -> Tensor:
        """Evaluate a piecewise cubic at places of any shape."""
        at = self.put(places, self._real).clamp(-1, 1)
        begins, cubic = self.put(knots, self._real), self.put(powers, self._real)
        piece = torch.bucketize(at, begins[1:-1].contiguous(), right=True)
        t, (a, b, c, d) = at - begins[piece], cubic[:, piece]
        return ((a * t + b) * t + c) * t + d

    def _split(self, at: _HostOrDevice, last: int) -> tuple[Tensor, Tensor]:
        """Split positions, clamped to [0, last], into whole parts and fractions, (n,) each, on the device."""
        place = (torch.from_numpy(np.ascontiguousarray(at)) if isinstance(at, np.ndarray) else at).reshape(-1)
        place = place.clamp(0, last)
        whole = place.floor()
        return self.put(whole, torch.int64), self.put(place - whole)


def _add_offset(place: Tensor, offset: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Add float32 offsets to whole positions; return whole parts and fractions, clamped to [0, count - 1]."""
    whole = offset.floor()
    at = place + whole.long()
    beyond = (at < 0) | (at >= count - 1)
    return at.clamp(0, count - 1), torch.where(beyond, 0, offset - whole)


def _interpolate(picture: Tensor, ix: Tensor, iy: Tensor, fx: Tensor, fy: Tensor) -> Tensor:
    """Interpolate a picture (H, W, C) at fractions (n,) between the pixels (n,) and the next ones: (n, C)."""
    height, width, channels = picture.shape
    pixels = picture.reshape(-1, channels)
    across, along = ([weight[:, None] for weight in _weights(part)] for part in (fx, fy))
    columns = [(ix + i).clamp(0, width - 1) for i in (-1, 0, 1, 2)]
    here = pixels[iy * width + ix]
    low, high, total = here, here, torch.zeros_like(here)
    for j, weight in zip((-1, 0, 1, 2), along, strict=True):
        row, line = (iy + j).clamp(0, height - 1) * width, torch.zeros_like(here)
        for column, factor in zip(columns, across, strict=True):
            value = pixels[row + column]
            line = line + factor * value
            low, high = torch.minimum(low, value), torch.maximum(high, value)
        total = total + weight * line
    clamped = torch.minimum(torch.maximum(total, low), high)
    # A pixel that does not move keeps every bit, and the sign of a zero.
    return torch.where(((fx == 0) & (fy == 0))[:, None], here, clamped)


def _weights(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return Catmull-Rom's weights of four taps, at a fraction ``t`` between the second and the third."""
    return (
        ((1 - 0.5 * t) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((2 - 1.5 * t) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )


def _mirror_indices(count: int, beyond: int) -> np.ndarray:
    """Return the indices of a row of ``count`` pixels that is mirrored by ``beyond`` pixels at both ends."""
    period = max(2 * (count - 1), 1)
    place = np.abs(np.arange(-beyond, count + beyond)) % period
    return np.minimum(place, period - place) if count > 1 else np.zeros_like(place)
