"""One picture of a person, with a sheet laid over the face so that it can be carried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ofx_reenact.compose.carry import Carrier
from ofx_reenact.compose.grain import measure_grain
from ofx_reenact.compose.repair import Display
from ofx_reenact.frames.aspect import SQUARE, Squeeze
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.colour import Display as FaceDisplay
from ofx_reenact.settings import Settings
from ofx_reenact.shot.person import Face
from ofx_reenact.tracking.landmarks import FACE_OVAL
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS


@dataclass(frozen=True)
class View:
    """One picture of a person.

    Attributes:
        pixels: (H, W, 3 or 4) float32, finite, alpha associated; scene-linear, unless ``display`` says otherwise.
            Square: what a file has otherwise is stretched.
        face: the face in it.
        display: how networks see it; None where none is to look.
        neck: how far below the chin the head's motion reaches, in face heights.
        file: the pixels as a file has them that are not square; None where ``pixels`` are.
        squeeze: how those lie beside square ones.
        seed: what tells its grain from that of other frames; a still's stands still.
    """

    pixels: np.ndarray
    face: Face
    display: Display | None = None
    neck: float = Settings.neck
    file: np.ndarray | None = None
    squeeze: Squeeze = SQUARE
    seed: int = 0

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
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @cached_property
    def carrier(self) -> Carrier:
        """The picture with a sheet laid over its face."""
        return Carrier(self.pixels, self.mesh, self.frontal, self.head, self.neck, self.face.headroom)

    @cached_property
    def grain(self) -> float:
        """Deviation of the picture's noise in the face, as the display shows it; 0 without a display."""
        if self.display is None:
            return 0.0
        low = np.maximum(np.floor(self.mesh[:FACE_POINTS, :2].min(0)).astype(int), 0)
        high = np.ceil(self.mesh[:FACE_POINTS, :2].max(0)).astype(int) + 1
        return measure_grain(self.display.encode(self.pixels[low[1] : high[1], low[0] : high[0], :3]))

    def show(self) -> np.ndarray:
        """Return the picture (H, W, 3) in [0, 1] as networks see it; the pixels themselves without a display."""
        pixels = self.pixels[..., :3]
        return pixels if self.display is None else self.display.encode(pixels)


def display_for(pixels: np.ndarray, mesh: np.ndarray, space: str, colour: Colour) -> FaceDisplay:
    """Return the display encoding of a picture (H, W, 3 or 4) in a scene-linear space, exposed for the face in it."""
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(mesh[list(FACE_OVAL), :2]).astype(np.int32)], 1)
    return FaceDisplay(colour, space, pixels[inside > 0][:, :3])
