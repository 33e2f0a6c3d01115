"""Convert pixels between a host's picture and the target's, at any render scale.

At scale 1 both have the same pixels. At scales of a half and a quarter the host's pixels are those of the target's
proxy, if 2 or 4 divides the target's size. Otherwise the host's picture is resampled to the next finer proxy, and the
frame that is made of it is resampled back.
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
from ofx_reenact.service.pixel_loops import copy_where
from ofx_reenact.service.shared_pixels import SharedPixels

# Scales that differ by less than this count as the same.
_SCALE_TOLERANCE = 1e-3
# A scaled picture's size may differ from the exact one by this many pixels, because hosts round it.
_SIZE_TOLERANCE = 1.0


def choose_proxy(scale: tuple[float, float]) -> int:
    """Return the coarsest proxy, 4, 2 or 1, whose resolution is at least that of a render scale (1 is full size)."""
    finest = max(scale) - _SCALE_TOLERANCE
    return next((factor for factor in (4, 2) if finest <= 1 / factor), 1)


@dataclass(frozen=True)
class Axis:
    """One axis of both pixel grids: the plate's pixel ``i`` has its centre at ``start + step * i`` in the host's grid.

    Position 0 is the centre of the first pixel. ``host`` and ``plate`` count the pixels; a proxy is a plate here, too.
    """

    start: Fraction
    step: Fraction
    host: int
    plate: int

    @property
    def is_exact(self) -> bool:
        """Whether both grids have the same pixels, so that none is resampled."""
        return self.step == 1 and self.start.denominator == 1

    @property
    def inside(self) -> tuple[slice, slice]:
        """The pixels that both grids have, as slices of the host's and of the plate's; only if :attr:`is_exact`."""
        start = int(self.start)
        first, last = max(start, 0), min(start + self.plate, self.host)
        return slice(first, max(last, first)), slice(first - start, max(last, first) - start)

    @cached_property
    def covered(self) -> np.ndarray:
        """Mask of the plate's pixels, (plate,) bool: those whose centre is inside the host's picture."""
        positions = self._plate_in_host
        return (positions > -0.5) & (positions < self.host - 0.5)

    @cached_property
    def covering(self) -> np.ndarray:
        """Mask of the host's pixels, (host,) bool: those whose centre is inside the plate's picture."""
        positions = self._host_in_plate
        return (positions > -0.5) & (positions < self.plate - 0.5)

    @cached_property
    def to_plate(self) -> csr_array:
        """The weights (plate, host) that resample the host's pixels to the plate's."""
        return _weights(self._plate_in_host, float(self.step), self.covering)

    @cached_property
    def to_host(self) -> csr_array:
        """The weights (host, plate) that resample the plate's pixels to the host's."""
        return _weights(self._host_in_plate, 1 / float(self.step), self.covered)

    @property
    def _plate_in_host(self) -> np.ndarray:
        return float(self.start) + float(self.step) * np.arange(self.plate)

    @property
    def _host_in_plate(self) -> np.ndarray:
        return (np.arange(self.host) - float(self.start)) / float(self.step)


@dataclass(frozen=True)
class HostFraming:
    """The position of a host's picture in the picture that is rendered: the plate or its proxy."""

    rows: Axis
    columns: Axis

    @classmethod
    def of(cls, plate: Plate, proxy: Proxy, pixels: SharedPixels) -> HostFraming:
        """Find where a host's picture lies: it must fill the plate's display window or its data window.

        Raises:
            FrameError: at its scale, the picture has the size of neither window.
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
        """Whether both grids have the same pixels, so that none is resampled."""
        return self.rows.is_exact and self.columns.is_exact

    @property
    def is_whole(self) -> bool:
        """Whether the host's picture has every pixel of the plate's."""
        if self.is_exact:
            return all(axis.inside[1] == slice(0, axis.plate) for axis in (self.rows, self.columns))
        return bool(self.rows.covered.all() and self.columns.covered.all())

    @property
    def reach(self) -> int:
        """How far, in pixels of the plate, a resampled pixel reads around the nearest one; 0 without resampling."""
        if self.is_exact:
            return 0
        return max(math.ceil(max(1 / float(axis.step), 1.0)) for axis in (self.rows, self.columns)) + 1

    def crop(self, given: np.ndarray) -> np.ndarray:
        """Return the part of a host's picture (H, W, …) that is inside the plate's."""
        if self.is_exact:
            return given[self.rows.inside[0], self.columns.inside[0]]
        return given[self.rows.covering][:, self.columns.covering]

    def to_plate(self, given: np.ndarray, own: np.ndarray | None) -> np.ndarray:
        """Convert a host's pixels (H, W, C) to the plate's (h, w, C) float32.

        ``own`` are the plate's own pixels, which fill what the host's picture does not have; None if it
        :attr:`is_whole`.
        """
        if self.is_exact:
            (rows, plate_rows), (columns, plate_columns) = self.rows.inside, self.columns.inside
            inside = given[rows, columns]
            if own is None:
                return np.ascontiguousarray(inside)
            made = own.copy()
            made[plate_rows, plate_columns] = inside
            return made
        made = _resample(given, self.rows.to_plate, self.columns.to_plate)
        if own is None:
            return made
        covered = self.rows.covered[:, None] & self.columns.covered
        return np.where(covered[..., None], made, own)

    def put_back(self, given: np.ndarray, made: np.ndarray, changed: np.ndarray | None) -> None:
        """Write the plate's pixels (h, w, 3 or 4) float32 into a host's (H, W, 4), where ``changed`` (h, w) is true.

        ``changed`` may be None, for all pixels, if the framing :attr:`is_exact`.
        """
        if self.is_exact:
            (rows, plate_rows), (columns, plate_columns) = self.rows.inside, self.columns.inside
            where = None if changed is None else changed[plate_rows, plate_columns]
            copy_where(given[rows, columns], made[plate_rows, plate_columns], where)
            return
        assert changed is not None
        inside = self.rows.covering[:, None] & self.columns.covering
        touched = _resample(changed[..., None].astype(np.float32), self.rows.to_host, self.columns.to_host)
        copy_where(given, _resample(made, self.rows.to_host, self.columns.to_host), inside & (touched[..., 0] > 0))


def _fits(window: Window, pixels: SharedPixels) -> bool:
    """Return whether a picture has the size of a window at the picture's scale."""
    sizes = ((window.width, pixels.width), (window.height, pixels.height))
    return all(
        host == length if scale == 1 else abs(host - length * scale) <= _SIZE_TOLERANCE
        for (length, host), scale in zip(sizes, pixels.scale, strict=True)
    )


def _axis(block: int, count: int, factor: int, begin: int, length: int, host: int) -> Axis:
    """Compute an axis.

    Args:
        block: index of the proxy's first pixel, from the display window's corner.
        count: pixels of the proxy.
        factor: pixels of the plate in one of the proxy.
        begin: where the host's picture begins, in pixels of the plate from the display window's corner.
        length: pixels of the plate that the host's picture covers.
        host: pixels of the host's picture.
    """
    scale = Fraction(host, length)
    half = Fraction(1, 2)
    return Axis(((block + half) * factor - begin) * scale - half, factor * scale, host, count)


def _weights(positions: np.ndarray, step: float, known: np.ndarray) -> csr_array:
    """Return weights (N, count) that sample a line of pixels at positions (N,), which are ``step`` pixels apart.

    The filter is a tent: linear interpolation, widened to ``step`` if that is more than a pixel. Pixels that are
    not ``known`` (count,) are replaced by the nearest known one.
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
    """Resample a picture (H, W, C) with weights of rows (h, H) and columns (w, W): (h, w, C) float32."""
    (height, width), (_, across, channels) = (rows.shape[0], columns.shape[0]), pixels.shape
    lines = (rows @ pixels.reshape(len(pixels), -1)).reshape(height, across, channels)
    turned = columns @ np.ascontiguousarray(lines.swapaxes(0, 1)).reshape(across, -1)
    return np.ascontiguousarray(turned.reshape(width, height, channels).swapaxes(0, 1), np.float32)
