"""A picture in a scene-linear colour space, as rendering works on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.plate import Plate, count_nonfinite
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.stages import stage


@dataclass(frozen=True)
class Picture:
    """One picture in a scene-linear space."""

    plate: Plate
    frame: int  # frame number in its own sequence
    pixels: np.ndarray  # (H, W, 3 or 4) float32 in ``space``, alpha associated
    space: str  # a scene-linear colour space: the file's own if it is scene-linear, else the config's
    reason: str  # why this colour space was assumed for the file

    @property
    def squeeze(self) -> Squeeze:
        """How its pixels are stretched to square ones."""
        return Squeeze.of_plate(self.plate)

    @property
    def seen_size(self) -> tuple[int, int]:
        """Width and height in square pixels."""
        return self.squeeze.size(self.pixels.shape[1], self.pixels.shape[0])

    def show(self, colour: Colour, exposure: float = 1.0) -> np.ndarray:
        """Convert it to sRGB uint8 (H, W, 3) in square pixels."""
        return self.squeeze.stretch_picture(colour.to_display(self.pixels[..., :3], self.space, exposure))


def read_picture(
    path: str,
    colour: Colour,
    frame: int | None = None,
    space: str | None = None,
    layer: str = "",
    *,
    sequence: Sequence | None = None,
) -> Picture:
    """Read a picture and convert it to scene-linear; one that is scene-linear already stays unchanged.

    Args:
        path: a picture, or a sequence or video with the frame.
        colour: colour spaces.
        frame: frame number; the first frame if not given.
        space: the file's colour space; if not given, it is chosen by the file's tag or format.
        layer: which layer of an EXR is the picture; empty to choose by the layers' names.
        sequence: the sequence of that path, if it is open already.

    Raises:
        FrameError: it cannot be read, or has NaN or infinite pixels, which a warp would smear.
    """
    sequence = sequence or Sequence.open(path)
    number = sequence.frames.first if frame is None else frame
    plate = sequence.read(number, layer)
    nan, inf, first = count_nonfinite(plate)
    if first is not None:
        raise FrameError(
            f"{plate.path}: frame {number} has {nan} NaN and {inf} infinite values, the first in channel {first[2]} "
            f"at ({first[0]}, {first[1]}); the warp would smear them, so clean the plate first"
        )
    found, reason = colour.choose(plate, space)
    rgb = plate.rgb
    if not colour.is_scene_linear(found):
        linear = colour.resolve("scene_linear")
        rgb = convert_associated(colour, rgb, plate.alpha, found, linear)
        found, reason = linear, f"{found} ({reason}), converted to {linear}"
    pixels = rgb if plate.alpha is None else np.dstack([rgb, plate.alpha])
    return Picture(plate, number, np.ascontiguousarray(pixels, np.float32), found, reason)


@stage("read")
def read_shown(sequence: Sequence, frame: int, colour: Colour, space: str | None = None, layer: str = "") -> np.ndarray:
    """Read a frame as sRGB uint8, in strips if possible; equal to :meth:`~ofx_reenact.frames.colour.Colour.show`.

    Args:
        sequence: the sequence.
        frame: frame number.
        colour: colour spaces.
        space: the file's colour space; if not given, it is chosen by the file's tag or format.
        layer: which layer of an EXR is the picture; empty to choose by the layers' names.

    Returns:
        (H, W, 3) uint8, in square pixels.

    Raises:
        FrameError: it cannot be read.
    """
    plate, strips = sequence.read_in_strips(frame, layer)
    found = colour.choose(plate, space)[0]
    shown = np.empty(plate.rgb.shape, np.uint8)
    for rows, rgb in strips:
        shown[rows] = colour.to_display(rgb, found)
    return Squeeze.of_plate(plate).stretch_picture(shown)


def convert_associated(colour: Colour, rgb: np.ndarray, alpha: np.ndarray | None, source: str, to: str) -> np.ndarray:
    """Convert colours (H, W, 3) with associated alpha (H, W): divide by alpha, convert, multiply by alpha."""
    if alpha is None:
        return colour.convert(rgb, source, to)
    solid = np.where(alpha > 0, alpha, 1)[..., None]
    return colour.convert((rgb / solid).astype(np.float32), source, to) * solid
