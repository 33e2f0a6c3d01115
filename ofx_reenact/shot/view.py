"""A view: one picture of the person to animate, ready to be warped. (Not a stereo view, nor one of a viewer.)"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from ofx_reenact.compose.carry import Carrier
from ofx_reenact.compose.drawn_teeth import Mouth, mean_skin, measure_mouth
from ofx_reenact.compose.grain import measure_grain
from ofx_reenact.compose.part import measure_blur
from ofx_reenact.compose.repair import DisplayEncoding
from ofx_reenact.compose.shading import Light, fit_light
from ofx_reenact.fdgan.window import Window
from ofx_reenact.frames.aspect import SQUARE, Squeeze
from ofx_reenact.frames.colour import Colour, FaceDisplay
from ofx_reenact.ops.backend import Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.settings import Settings
from ofx_reenact.shot.person import Face
from ofx_reenact.tracking.light import pixels_of_face
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS


@dataclass(frozen=True)
class View:
    """One picture of a person.

    What is measured in the picture is computed when it is first read, and kept.

    Attributes:
        pixels: (H, W, 3 or 4) float32, finite, alpha associated, scene-linear (display-encoded in training pairs);
            square pixels (a file's pixels of another aspect are stretched).
        face: the face in it.
        display: encodes the picture for networks; None where no network looks at it.
        neck: how far below the chin the head's motion reaches, in face heights.
        file: (h, w, 3 or 4) the file's own pixels if they are not square; else None.
        squeeze: maps between the file's pixels and square ones.
        seed: number of the grain pattern: the frame's number in a moving target, always the same for a still.
        ops: the device's functions that warp the pixels.
    """

    pixels: np.ndarray
    face: Face
    display: DisplayEncoding | None = None
    neck: float = Settings.neck
    file: np.ndarray | None = None
    squeeze: Squeeze = SQUARE
    seed: int = 0
    ops: Ops = CPU

    @property
    def mesh(self) -> np.ndarray:
        """The face's mesh (478, 3), pixels."""
        return self.face.mesh

    @property
    def frontal(self) -> np.ndarray:
        """The mesh with the head's pose taken out (478, 3), canonical units."""
        return self.face.frontal

    @property
    def head(self) -> Similarity:
        """Pose of the head: canonical units → pixels."""
        return self.face.head

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, square pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @cached_property
    def carrier(self) -> Carrier:
        """The picture with the triangle sheet that warps its face."""
        return Carrier(self.pixels, self.mesh, self.frontal, self.head, self.neck, self.face.headroom, self.ops)

    @cached_property
    def grain(self) -> float:
        """Standard deviation of the noise in the face, in display-encoded values of [0, 1]; 0 without a display."""
        return 0.0 if self.display is None else measure_grain(self.display.encode(self._crop_face()))

    @cached_property
    def light(self) -> Light:
        """The light on the face, fitted to its skin."""
        return fit_light(self.pixels, self.mesh)

    @cached_property
    def mouth(self) -> Mouth | None:
        """Where teeth are drawn in the mouth and in what light; None if the picture does not show that light."""
        return measure_mouth(self.pixels, self.mesh, self.frontal)

    @cached_property
    def skin(self) -> np.ndarray:
        """The mean scene-linear colour (3,) of the face."""
        return mean_skin(self.pixels, self.mesh)

    @cached_property
    def blur(self) -> float:
        """How soft the face's edges are: the standard deviation of an equal Gaussian blur, pixels."""
        return measure_blur(self._crop_face())

    @cached_property
    def halved(self) -> View:
        """The same view at half its width and height, averaged so that fine detail does not alias."""
        width, height = (max(length // 2, 1) for length in self.size)
        even = self.pixels[: max(2 * height, 1), : max(2 * width, 1)]
        if self.size[0] % 2 or self.size[1] % 2:
            even = np.ascontiguousarray(even)
        pixels = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA).reshape(height, width, -1)
        # Pixel centres are whole numbers, so the picture's corner is at −0.5.
        centre = np.array([0.5, 0.5, 0.0])
        mesh = (self.mesh + centre) / 2 - centre
        return View(pixels, replace(self.face, mesh=mesh, size=(width, height), headroom=None), self.display, self.neck)

    def _crop_face(self) -> np.ndarray:
        low = np.maximum(np.floor(self.mesh[:FACE_POINTS, :2].min(0)).astype(int), 0)
        high = np.ceil(self.mesh[:FACE_POINTS, :2].max(0)).astype(int) + 1
        return self.pixels[low[1] : high[1], low[0] : high[0], :3]

    def show(self) -> np.ndarray:
        """Return the picture (H, W, 3) display-encoded in [0, 1]; the unchanged pixels without a display."""
        pixels = self.pixels[..., :3]
        return pixels if self.display is None else self.display.encode(pixels)

    def look(self, window: Window) -> np.ndarray:
        """Return the display-encoded picture in a network's window, (h, w, 3) float32; zeros if that lies outside."""
        box = window.box(self.size)
        if box is None:
            return np.zeros((window.size[1], window.size[0], 3), np.float32)
        pixels = self.pixels[(*box, slice(3))]
        return window.within(box).look(pixels if self.display is None else self.display.encode(pixels))


def display_for(pixels: np.ndarray, mesh: np.ndarray, space: str, colour: Colour) -> FaceDisplay:
    """Return the display encoding of a picture, exposed for the face in it.

    Args:
        pixels: (H, W, 3 or 4) float32, scene-linear.
        mesh: (468 or more, 2 or more) of the face, pixels.
        space: name of the pixels' colour space.
        colour: the colour configuration.
    """
    skin = pixels_of_face(pixels, mesh)
    return FaceDisplay(colour, space, skin if len(skin) else None)
