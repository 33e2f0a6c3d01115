"""A frame, and what is known of each of its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.shading import change_light
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.tracking.surface import FACE_POINTS

Tables = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Frame:
    """One frame, and what is known of each of its pixels.

    Attributes:
        colour: (H, W, C) float32, R, G, B and alpha if the view has one.
        sure: the frame's confidence in [0, 1].
        carried: how the view was carried; None where nothing moves.
        portrait: (H, W) float32 in [0, 1], how far a portrait was pasted over the view; None without.
        black: the driver has no face here, and black was asked for.
        laid: (H, W) float32 in [0, 1], how far parts of other frames were laid over it; None without.
        kept: (H, W) float32 in [0, 1] in the pixels of the file, 1 where mattes keep the plate; None without.
    """

    colour: np.ndarray
    sure: float
    carried: Carried | None = None
    portrait: np.ndarray | None = None
    black: bool = False
    laid: np.ndarray | None = None
    kept: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width that maps are made in."""
        return self.colour.shape[0], self.colour.shape[1]

    @property
    def still(self) -> bool:
        """Whether it is the plate, untouched: nothing moves by as much as a quarter of a pixel."""
        return self.carried is None and self.portrait is None and not self.black

    @cached_property
    def stmap(self) -> np.ndarray:
        """(H, W, 2) float32: the position in the view that each pixel comes from, pixels; 0 where it is black."""
        made = self._stmap()
        return made if self.kept is None else _keep(made, own_places(*made.shape[:2]), self.kept)

    @cached_property
    def matte(self) -> np.ndarray:
        """(H, W) float32: 1 where the picture moves with the head, 0 where it is the plate, untouched."""
        made = self._matte()
        return made if self.kept is None else made * (1 - self.kept)

    @cached_property
    def shading(self) -> np.ndarray:
        """(H, W) float32: the factor on the light of what is carried, 1 where it stays; 0 where it is black."""
        made = self._shading()
        return made if self.kept is None else made + (1 - made) * self.kept

    @cached_property
    def confidence(self) -> np.ndarray:
        """(H, W) float32 in [0, 1]: how far each pixel can be trusted; 0 where it is black."""
        made = self._confidence()
        return made if self.kept is None else 1 - (1 - made) * (1 - self.kept)

    @cached_property
    def parts(self) -> np.ndarray:
        """(H, W) float32 in [0, 1]: where another frame, or another picture, was used."""
        made = self._parts()
        return made if self.kept is None else made * (1 - self.kept)

    @property
    def mattes(self) -> Mapping[str, np.ndarray]:
        """The matte (H, W) of each member of a cast by name; none where there is no cast."""
        return {}

    def lighten(self) -> Frame:
        """Return the frame without what maps are made of, which is large: its colour alone is still to be read."""
        return replace(self, carried=None)

    def keep(self, plate: np.ndarray, kept: np.ndarray) -> Frame:
        """Return the frame with the plate's pixels (H, W, C) where mattes (H, W) in [0, 1] keep them."""
        return replace(self, colour=_keep(self.colour, plate, kept), kept=kept)

    def _stmap(self) -> np.ndarray:
        if self.black:
            return np.zeros((*self.shape, 2), np.float32)
        result = own_places(*self.shape)
        if self.carried is not None:
            height, width = self.shape
            composed = self.carried.composed
            moved = result[composed.slices] + composed.offset
            # Beyond the picture its edge was sampled; another reader of the map may take black.
            result[composed.slices] = np.clip(moved, 0, [width - 1, height - 1])
        return result

    def _shading(self) -> np.ndarray:
        result = np.zeros(self.shape, np.float32) if self.black else np.ones(self.shape, np.float32)
        if self.carried is not None and self.carried.composed.shading is not None:
            result[self.carried.composed.slices] = self.carried.composed.shading
        return result

    def _matte(self) -> np.ndarray:
        if self.portrait is not None:
            return self.portrait
        result = np.zeros(self.shape, np.float32)
        if self.carried is not None:
            result[self.carried.composed.slices] = self.carried.stmap.reach
        return result

    def _parts(self) -> np.ndarray:
        return np.zeros(self.shape, np.float32) if self.laid is None else self.laid

    def _confidence(self) -> np.ndarray:
        if self.portrait is not None:
            return 1 - self.portrait * (1 - np.float32(self.sure))
        result = np.zeros(self.shape, np.float32) if self.black else np.ones(self.shape, np.float32)
        if self.carried is not None:
            stmap, composed = self.carried.stmap, self.carried.composed
            # A length that is stretched or squeezed four times over carries nothing that can be trusted.
            kept = 1 - np.abs(np.log2(np.clip(stmap.stretch, 0.25, 4))) / 2
            result[composed.slices] = 1 - stmap.reach * (1 - self.sure * kept * (1 - composed.invented))
        return result


def own_places(height: int, width: int, kind: Any = np.float32) -> np.ndarray:
    """Return each pixel's own x and y, (height, width, 2) of a kind of float."""
    places = np.empty((height, width, 2), kind)
    places[..., 0] = np.arange(width)
    places[..., 1] = np.arange(height)[:, None]
    return places


@compiled
def _keep(made: np.ndarray, own: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return what was made (H, W, C), with what was there where kept (H, W) is 1, and both where it is between."""
    result = np.empty_like(made)
    for y in range(made.shape[0]):
        for x in range(made.shape[1]):
            part = kept[y, x]
            for c in range(made.shape[2]):
                if part <= 0:
                    result[y, x, c] = made[y, x, c]
                elif part >= 1:
                    result[y, x, c] = own[y, x, c]
                else:
                    result[y, x, c] = made[y, x, c] + (own[y, x, c] - made[y, x, c]) * part
    return result


class Painter(Protocol):
    """Paints what views do not show, with FD-GAN.

    Attributes:
        carries: the view is carried first; else the painter draws over the view as it is.
    """

    carries: ClassVar[bool]

    def write(self, views: Sequence[View]) -> Tables:
        """Write the dictionary of a person seen in one or several views: values (n_i, C_i), finest first."""

    def teach(self, adapters: Mapping[str, np.ndarray]) -> Painter:
        """Return a painter that a custom identity's adapters are worked into; itself if there are none."""

    def fit(self, scale: float) -> Painter:
        """Return a painter for a shot whose face has so many pixels a canonical unit in the median."""

    def paint(self, frame: Frame, view: View, pose: Pose, dictionary: Tables) -> Frame:
        """Finish a frame whose colour belongs to it alone."""


def carry_view(view: View, pose: Pose, out: np.ndarray | None = None) -> Carried | None:
    """Carry a view's pixels to a pose; ``out`` (H, W, C), if there is one, becomes the whole frame.

    None, and ``out`` is as it was, when nothing moves or everything has moved out of the picture.
    """
    if pose.gate == 0 and not pose.gaze.any():
        return None
    shading = shade_view(view, pose) if pose.shading else None
    return view.carrier.carry(pose.moved * pose.gate, pose.head, pose.gaze, pose.jaw, pose.gate, shading, out)


@stage("shade")
def shade_view(view: View, pose: Pose) -> np.ndarray:
    """Return what a pose adds to the light on a view's sheet, (V,), in fractions of it.

    Only an expression does: the plate's light goes with the head as it turns.
    """
    frontal = view.frontal[:FACE_POINTS]
    before, after = pose.lit or (frontal, pose.head.invert(view.head.apply(frontal) + pose.moved))
    return change_light(view.light, before, after, view.head.rotation, pose.shading * pose.gate)
