"""Targets whose pixels are not square: frames are made in square pixels and converted back to the file's.

Carried pixels are sampled only once, from the file's own pixels through the converted STMap. Only what was added to
them (openings, seams, paint) is resampled. Pixels where nothing moves stay the file's, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ofx_reenact.frames.aspect import SQUARE, Squeeze
from ofx_reenact.ops.sample import sample
from ofx_reenact.shot.frame import Frame, pixel_grid
from ofx_reenact.shot.view import View

# A change of scene-linear light smaller than this is rounding.
_ROUNDING = 1e-6


def to_square_pixels(pixels: np.ndarray, squeeze: Squeeze) -> np.ndarray:
    """Resample a file's picture (H, W, C) float32 to square pixels; returns the same array if they are square."""
    if squeeze.is_square:
        return pixels
    width, height = squeeze.size(pixels.shape[1], pixels.shape[0])
    at = squeeze.to_file(pixel_grid(height, width, np.float64))
    return sample(pixels, at[..., 0], at[..., 1])


@dataclass(frozen=True)
class SqueezedFrame(Frame):
    """A frame with the file's pixels, whose maps were made in square pixels and are converted when they are read.

    Attributes:
        squeeze: converts positions between the file's pixels and square ones.
        grid: height and width in square pixels.
    """

    squeeze: Squeeze = SQUARE
    grid: tuple[int, int] = (0, 0)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the maps before they are converted, in square pixels."""
        return self.grid

    def _stmap(self) -> np.ndarray:
        if self.black:
            return np.zeros((*self.colour.shape[:2], 2), np.float32)
        height, width = self.colour.shape[:2]
        offset = self._to_file(super()._stmap() - pixel_grid(*self.grid)) / np.array([self.squeeze.x, self.squeeze.y])
        positions = pixel_grid(height, width) + offset.astype(np.float32)
        return np.clip(positions, 0, [width - 1, height - 1]).astype(np.float32)

    def _matte(self) -> np.ndarray:
        return self._to_file(super()._matte())

    def _shading(self) -> np.ndarray:
        return self._to_file(super()._shading())

    def _confidence(self) -> np.ndarray:
        return self._to_file(super()._confidence())

    def _parts(self) -> np.ndarray:
        return self._to_file(super()._parts())

    def _to_file(self, values: np.ndarray) -> np.ndarray:
        """Resample a map (H, W, ...) from square pixels to the file's."""
        height, width = self.colour.shape[:2]
        at = self.squeeze.to_square(pixel_grid(height, width, np.float64)).astype(np.float32)
        return cv2.remap(values, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def with_file_pixels(frame: Frame, colour: np.ndarray, squeeze: Squeeze) -> SqueezedFrame:
    """Return a frame with the file's pixels (H, W, C) and the maps of a frame that was made in square pixels."""
    own = (frame.pose_confidence, frame.carried, frame.portrait, frame.black, frame.parts_matte, frame.plate_matte)
    return SqueezedFrame(colour, *own, squeeze, frame.shape)


def flow_to_file(flow: np.ndarray, view: View) -> np.ndarray:
    """Convert motion vectors (H, W, 2) in a view's square pixels to the file's: (h, w, 2) float32."""
    assert view.file is not None, "the file's pixels are square: nothing to convert"
    height, width = view.file.shape[:2]
    at = view.squeeze.to_square(pixel_grid(height, width, np.float64)).astype(np.float32)
    back = cv2.remap(flow, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return (back / np.array([view.squeeze.x, view.squeeze.y])).astype(np.float32)


def to_file_pixels(frame: Frame, view: View) -> Frame:
    """Convert a frame that was made of a view to the file's pixels; returns the same frame if those are square."""
    if view.file is None:
        return frame
    shown, colour = with_file_pixels(frame, view.file, view.squeeze), view.file.copy()
    source = shown.stmap
    moves = (source != pixel_grid(*colour.shape[:2])).any(-1)
    if moves.any():
        box = tuple(slice(found.min(), found.max() + 1) for found in np.nonzero(moves))
        carried = _carry(view.file, source[box], shown.shading[box])
        colour[box] = np.where(moves[box][..., None], carried, colour[box])
    added = _painted_change(frame, view.pixels, colour.shape[:2])
    changed = np.abs(added).max(-1) > _ROUNDING
    colour[changed] += added[changed]
    return with_file_pixels(frame, colour, view.squeeze)


def _painted_change(frame: Frame, pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a frame's colour minus the pixels it carries from a view, averaged to a shape (h, w): (h, w, C).

    The difference is what was painted or added. ``pixels`` (H, W, C) are the view's.
    """
    added = frame.colour - pixels
    if frame.carried is not None:
        box = frame.carried.composed.slices
        added[box] = frame.colour[box] - _carry(pixels, frame.stmap[box], frame.shading[box])
    return cv2.resize(added, (shape[1], shape[0]), interpolation=cv2.INTER_AREA).reshape(*shape, -1)


def _carry(pixels: np.ndarray, at: np.ndarray, shading: np.ndarray) -> np.ndarray:
    """Sample pixels at the positions of a map (h, w, 2), and multiply all but alpha by a factor (h, w)."""
    carried = sample(pixels, at[..., 0], at[..., 1])
    carried[..., :3] *= shading[..., None]
    return carried
