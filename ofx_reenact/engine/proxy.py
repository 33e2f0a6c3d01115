"""Proxies: a target's pictures at a half or a quarter of their resolution, in the same framing, for previews.

Pixels of the file are averaged in blocks of ``factor`` by ``factor``. Blocks begin at the display window's corner, so
that a viewer that scales the proxy up shows the plate's framing. Windows grow to whole blocks. Where the data window
fills only a part of a block, the pixels at its edge are repeated.

Faces are always tracked at full resolution; this module converts their positions to the proxy. If the first block
begins ``left`` pixels before the data window, column x of the window is (x + left + 0.5) / factor - 0.5 in the proxy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.picture import Picture
from ofx_reenact.frames.plate import Plate, Window
from ofx_reenact.shot.person import Face
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.rigid import Similarity


@dataclass(frozen=True)
class Proxy:
    """The proxy of plates of one format: its windows, and how positions are converted to it.

    Attributes:
        factor: width and height, in pixels of the file, of one proxy pixel; 1 leaves everything unchanged, bit for bit.
        data: the proxy's data window.
        display: the proxy's display window.
        left: by how many pixels of the file the first column of blocks begins before the file's data window.
        top: the same for the first row of blocks.
        squeeze: converts between the file's pixels and square pixels.
    """

    factor: int
    data: Window
    display: Window
    left: int
    top: int
    squeeze: Squeeze

    @classmethod
    def of(cls, plate: Plate, factor: int) -> Proxy:
        """Compute the proxy of a plate from its windows; its pixels are not needed."""
        data, display, squeeze = plate.data_window, plate.display_window, Squeeze.of_plate(plate)
        if factor == 1:
            return cls(1, data, display, 0, 0, squeeze)
        x, width, left = _blocks(data.x - display.x, data.width, factor)
        y, height, top = _blocks(data.y - display.y, data.height, factor)
        shown = Window(
            display.x // factor, display.y // factor, *(-(-n // factor) for n in (display.width, display.height))
        )
        return cls(factor, Window(shown.x + x, shown.y + y, width, height), shown, left, top, squeeze)

    def reduce(self, pixels: np.ndarray) -> np.ndarray:
        """Average pixels of the file's data window, (H, W) or (H, W, C) float32 with C up to 4, over blocks."""
        if self.factor == 1:
            return pixels
        size = (self.data.width, self.data.height)
        return cv2.resize(self._fill(pixels), size, interpolation=cv2.INTER_AREA)

    def picture(self, picture: Picture) -> Picture:
        """Return the proxy of a picture.

        Colour and alpha are averaged in scene-linear light. The plate's other channels may hold values that must not
        be averaged (IDs, for example), so each block takes the value of its middle pixel.
        """
        if self.factor == 1:
            return picture
        pixels, plate = self.reduce(picture.pixels), picture.plate
        small = replace(
            plate,
            rgb=pixels[..., :3],
            alpha=None if plate.alpha is None else pixels[..., 3],
            extra={name: self._middle(plane) for name, plane in plate.extra.items()},
            data_window=self.data,
            display_window=self.display,
        )
        return replace(picture, plate=small, pixels=pixels)

    def face(self, face: Face) -> Face:
        """Return a face that was tracked at full resolution, in the proxy's coordinates."""
        if self.factor == 1:
            return face
        above = face.headroom
        if above is not None:
            columns = (np.arange(self._size[0]) + 0.5) * self.factor - 0.5 - self.left * self.squeeze.x
            above = (np.interp(columns, np.arange(len(above)), above) / self.factor).astype(np.float32)
        return replace(face, mesh=self._points(face.mesh), size=self._size, headroom=above, pose=self._pose(face.head))

    def performance(self, performance: Performance) -> Performance:
        """Return the performance of a moving target, tracked at full resolution, in the proxy's coordinates."""
        if self.factor == 1:
            return performance
        return replace(
            performance,
            raw_landmarks=self._points(performance.raw_landmarks),
            raw_mesh=self._points(performance.raw_mesh),
            scale=performance.scale / self.factor,
            translation=self._points(performance.translation),
            size=self._size,
        )

    @property
    def _size(self) -> tuple[int, int]:
        """Width and height of the proxy in square pixels."""
        return self.squeeze.size(self.data.width, self.data.height)

    def _pose(self, head: Similarity) -> Similarity:
        return Similarity(head.rotation, head.scale / self.factor, self._points(head.translation))

    def _points(self, points: np.ndarray) -> np.ndarray:
        """Convert points (..., 2 or 3) from square pixels of the file to the proxy's; depth is only scaled."""
        before = np.array([self.left * self.squeeze.x + 0.5, self.top * self.squeeze.y + 0.5, 0])
        after = np.array([0.5, 0.5, 0])
        axes = points.shape[-1]
        return ((points + before[:axes]) / self.factor - after[:axes]).astype(points.dtype)

    def _fill(self, pixels: np.ndarray) -> np.ndarray:
        """Extend pixels of the file's data window to whole blocks by repeating the edge."""
        height, width = pixels.shape[:2]
        below = self.data.height * self.factor - self.top - height
        right = self.data.width * self.factor - self.left - width
        if not any((self.top, below, self.left, right)):
            return pixels
        return cv2.copyMakeBorder(pixels, self.top, below, self.left, right, cv2.BORDER_REPLICATE)

    def _middle(self, plane: np.ndarray) -> np.ndarray:
        """Return the middle pixel of each block of a plane (H, W) of any type."""
        lengths = zip(plane.shape, (self.top, self.left), (self.data.height, self.data.width), strict=True)
        rows, columns = (
            np.clip(np.arange(count) * self.factor + self.factor // 2 - before, 0, length - 1)
            for length, before, count in lengths
        )
        return np.ascontiguousarray(plane[np.ix_(rows, columns)])


def _blocks(start: int, length: int, factor: int) -> tuple[int, int, int]:
    """Return the first block that a run of pixels touches, how many it touches, and where in the first it begins."""
    first = start // factor
    return first, -(-(start + length) // factor) - first, start - first * factor
