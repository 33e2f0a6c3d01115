"""How a host's picture lies over a target's, at any render scale: pixels from one to the other and back.

At scale 1 pixels are the same ones. At a half and a quarter they are those of the target's proxy, where its size can be
divided; else, and at any other scale, pixels are resampled: to the next finer proxy, and its frame back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ofx_reenact.engine.proxy import Proxy
from ofx_reenact.errors import FrameError
from ofx_reenact.frames.plate import Plate, Window
from ofx_reenact.service.pixel_loops import lay_over
from ofx_reenact.service.shared_pixels import SharedPixels

# Scales are told apart by more than this.
_NEAR = 1e-3
# SharedPixels that a host may round a size by where it is not at its whole resolution.
_ROUNDED = 1.0


def choose_proxy(scale: tuple[float, float]) -> int:
    """Return the coarsest proxy that is at least as fine as a render scale."""
    finest = max(scale) - _NEAR
    return next((factor for factor in (4, 2) if finest <= 1 / factor), 1)


@dataclass(frozen=True)
class Axis:
    """One axis of two grids: pixel ``i`` of the plate's ``plate`` has its centre at ``start + step * i`` in the host's.

    Both grids count from the centre of their first pixel; the host's has ``host`` pixels.
    """

    start: Fraction
    step: Fraction
    host: int
    plate: int

    @property
    def is_exact(self) -> bool:
        """Whether pixels of both are the same ones."""
        return self.step == 1 and self.start.denominator == 1

    @property
    def inside(self) -> tuple[slice, slice]:
        """The pixels that both have, where they are the same: in the host's, and in the plate's."""
        start = int(self.start)
        first, last = max(start, 0), min(start + self.plate, self.host)
        return slice(first, max(last, first)), slice(first - start, max(last, first) - start)

    @cached_property
    def covered(self) -> np.ndarray:
        """Which of the plate's pixels (plate,) have their centre in the host's picture."""
        at = self._positions
        return (at > -0.5) & (at < self.host - 0.5)

    @cached_property
    def covering(self) -> np.ndarray:
        """Which of the host's pixels (host,) have their centre in the plate's picture."""
        at = self._back
        return (at > -0.5) & (at < self.plate - 0.5)

    @cached_property
    def to_plate(self) -> csr_array:
        """The weights (plate, host) by which the host's pixels become the plate's."""
        return _weights(self._positions, float(self.step), self.covering)

    @cached_property
    def to_host(self) -> csr_array:
        """The weights (host, plate) by which the plate's pixels become the host's."""
        return _weights(self._back, 1 / float(self.step), self.covered)

    @property
    def _positions(self) -> np.ndarray:
        return float(self.start) + float(self.step) * np.arange(self.plate)

    @property
    def _back(self) -> np.ndarray:
        return (np.arange(self.host) - float(self.start)) / float(self.step)


@dataclass(frozen=True)
class HostFraming:
    """How a host's picture lies over what is rendered of a plate: the plate, or its proxy."""

    rows: Axis
    columns: Axis

    @classmethod
    def of(cls, plate: Plate, proxy: Proxy, pixels: SharedPixels) -> HostFraming:
        """Lay a host's picture over a plate.

        Raises:
            FrameError: it is no picture of the plate's size at that scale.
        """
        window = next((one for one in (plate.display_window, plate.data_window) if _fits(one, pixels)), None)
        if window is None:
            shown, data = plate.display_window, plate.data_window
            whole = f"{shown.width}×{shown.height}"
            if (data.width, data.height) != (shown.width, shown.height):
                whole += f" (its data window {data.width}×{data.height})"
            at = "" if pixels.scale == (1, 1) else f" at scale {pixels.scale[0]:g}×{pixels.scale[1]:g}"
            raise FrameError(
                f"{plate.path}: the target has {whole} pixels, the picture to be rendered {pixels.width}×"
                f"{pixels.height}{at}; name the clip's own file as the target, or analyse the clip as it is now"
            )
        shown, data = plate.display_window, proxy.data
        axes = [
            _axis(own - of_proxy, count, proxy.factor, begin - of_display, length, host)
            for own, of_proxy, count, begin, of_display, length, host in (
                (data.y, proxy.display.y, data.height, window.y, shown.y, window.height, pixels.height),
                (data.x, proxy.display.x, data.width, window.x, shown.x, window.width, pixels.width),
            )
        ]
        return cls(*axes)

    @property
    def is_exact(self) -> bool:
        """Whether pixels of both are the same ones."""
        return self.rows.is_exact and self.columns.is_exact

    @property
    def is_whole(self) -> bool:
        """Whether the host's picture has every pixel of the plate's."""
        if self.is_exact:
            return all(axis.inside[1] == slice(0, axis.plate) for axis in (self.rows, self.columns))
        return bool(self.rows.covered.all() and self.columns.covered.all())

    @property
    def reach(self) -> int:
        """How many of the plate's pixels, up, down or across, a host's pixel is made of besides the nearest."""
        if self.is_exact:
            return 0
        return max(math.ceil(max(1 / float(axis.step), 1.0)) for axis in (self.rows, self.columns)) + 1

    def over(self, given: np.ndarray) -> np.ndarray:
        """Return what of a host's picture (H, W, …) lies over the plate's; the rest is beyond its edges."""
        if self.is_exact:
            return given[self.rows.inside[0], self.columns.inside[0]]
        return given[self.rows.covering][:, self.columns.covering]

    def take(self, given: np.ndarray, own: np.ndarray | None) -> np.ndarray:
        """Bring a host's pixels (H, W, C) to the plate's (h, w, C) float32; ``own`` are the plate's beyond them.

        ``own`` is not needed where the host's picture :attr:`is_whole`.
        """
        if self.is_exact:
            (top, into), (left, across) = self.rows.inside, self.columns.inside
            inside = given[top, left]
            if own is None:
                return np.ascontiguousarray(inside)
            made = own.copy()
            made[into, across] = inside
            return made
        made = _resample(given, self.rows.to_plate, self.columns.to_plate)
        if own is None:
            return made
        covered = self.rows.covered[:, None] & self.columns.covered
        return np.where(covered[..., None], made, own)

    def lay(self, given: np.ndarray, made: np.ndarray, changed: np.ndarray | None) -> None:
        """Put the plate's pixels (h, w, 3 or 4) float32 into a host's (H, W, 4) where those have changed (h, w).

        ``changed`` is None where all that are the same ones may be put.
        """
        if self.is_exact:
            (top, into), (left, across) = self.rows.inside, self.columns.inside
            lay_over(given[top, left], made[into, across], None if changed is None else changed[into, across])
            return
        assert changed is not None
        there = self.rows.covering[:, None] & self.columns.covering
        touched = _resample(changed[..., None].astype(np.float32), self.rows.to_host, self.columns.to_host)
        lay_over(given, _resample(made, self.rows.to_host, self.columns.to_host), there & (touched[..., 0] > 0))


def _fits(window: Window, pixels: SharedPixels) -> bool:
    """Tell whether a picture has the size of a window, at its scale."""
    sizes = ((window.width, pixels.width), (window.height, pixels.height))
    return all(
        host == length if scale == 1 else abs(host - length * scale) <= _ROUNDED
        for (length, host), scale in zip(sizes, pixels.scale, strict=True)
    )


def _axis(block: int, count: int, factor: int, begin: int, length: int, host: int) -> Axis:
    """Lay out an axis.

    Args:
        block: of the proxy's first pixel, from the display window's corner.
        count: pixels of the proxy.
        factor: pixels of the plate to one of the proxy.
        begin: where the host's picture begins, in pixels of the plate from the display window's corner.
        length: pixels of the plate that it shows.
        host: its pixels.
    """
    finer = Fraction(host, length)
    half = Fraction(1, 2)
    return Axis(((block + half) * factor - begin) * finer - half, factor * finer, host, count)


def _weights(positions: np.ndarray, step: float, known: np.ndarray) -> csr_array:
    """Return weights (N, count) that read a line of pixels at positions (N,) which lie ``step`` pixels apart.

    Between pixels they are interpolated linearly; where positions lie further apart all pixels between them count.
    SharedPixels that are not ``known`` (count,) do not count: there the nearest that is stands for them.
    """
    inside = np.flatnonzero(known) if known.any() else np.arange(len(known))
    reach = max(step, 1.0)
    first = np.ceil(positions - reach).astype(int)
    near = first[:, None] + np.arange(int(np.floor(2 * reach)) + 1)
    weights = np.maximum(1 - np.abs(near - positions[:, None]) / reach, 0)
    weights /= weights.sum(1, keepdims=True)
    rows = np.repeat(np.arange(len(positions)), near.shape[1])
    columns = np.clip(near, inside[0], inside[-1]).reshape(-1)
    made = csr_array((weights.reshape(-1).astype(np.float32), (rows, columns)), shape=(len(positions), len(known)))
    made.sum_duplicates()
    made.eliminate_zeros()
    return made


def _resample(pixels: np.ndarray, rows: csr_array, columns: csr_array) -> np.ndarray:
    """Read a picture (H, W, C) by weights of rows (h, H) and columns (w, W): (h, w, C) float32."""
    (height, width), (_, across, channels) = (rows.shape[0], columns.shape[0]), pixels.shape
    lines = (rows @ pixels.reshape(len(pixels), -1)).reshape(height, across, channels)
    turned = columns @ np.ascontiguousarray(lines.swapaxes(0, 1)).reshape(across, -1)
    return np.ascontiguousarray(turned.reshape(width, height, channels).swapaxes(0, 1), np.float32)
