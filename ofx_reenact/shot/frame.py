"""One rendered frame: its colour, and the maps (STMap, matte, shading, confidence) that are computed from it."""

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

# FD-GAN's dictionary of a person: tables of n_i entries with C_i channels, (n_i, C_i) float32, finest first.
Tables = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Frame:
    """One rendered frame.

    Maps are computed when they are first read, and have the height and width of :attr:`shape`.

    Attributes:
        colour: (H, W, C) float32, scene-linear R, G, B, and alpha if the view has one.
        pose_confidence: confidence of the face's pose in this frame, 0 to 1.
        carried: the result of the warp; None if nothing moves.
        portrait: (H, W) float32 in [0, 1], opacity of the portrait that was pasted over the view; None without one.
        black: whether the frame is black because the driver has no face here and ``--missing black`` was given.
        parts_matte: (H, W) float32 in [0, 1], opacity of mouth and eyes from other frames; None without any.
        plate_matte: (H, W) float32 in [0, 1] in the file's pixels, 1 where mattes keep the plate; None without.
    """

    colour: np.ndarray
    pose_confidence: float
    carried: Carried | None = None
    portrait: np.ndarray | None = None
    black: bool = False
    parts_matte: np.ndarray | None = None
    plate_matte: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the maps, pixels."""
        return self.colour.shape[0], self.colour.shape[1]

    @property
    def unchanged(self) -> bool:
        """Whether the frame is the unchanged plate: no point of the face moves by a quarter of a pixel or more."""
        return self.carried is None and self.portrait is None and not self.black

    @cached_property
    def stmap(self) -> np.ndarray:
        """(H, W, 2) float32: the position (x, y) in the view of each pixel's colour, pixels; 0 in a black frame."""
        made = self._stmap()
        return made if self.plate_matte is None else _mix_in_plate(made, pixel_grid(*made.shape[:2]), self.plate_matte)

    @cached_property
    def matte(self) -> np.ndarray:
        """(H, W) float32 in [0, 1]: 1 where the picture moves with the head, 0 where it is the unchanged plate."""
        made = self._matte()
        return made if self.plate_matte is None else made * (1 - self.plate_matte)

    @cached_property
    def shading(self) -> np.ndarray:
        """(H, W) float32: the factor on scene-linear light of carried pixels, 1 for no change; 0 in a black frame."""
        made = self._shading()
        return made if self.plate_matte is None else made + (1 - made) * self.plate_matte

    @cached_property
    def confidence(self) -> np.ndarray:
        """(H, W) float32 in [0, 1]: how far each pixel can be trusted; 0 in a black frame."""
        made = self._confidence()
        return made if self.plate_matte is None else 1 - (1 - made) * (1 - self.plate_matte)

    @cached_property
    def parts(self) -> np.ndarray:
        """(H, W) float32 in [0, 1]: opacity of what comes from another frame or picture of the person."""
        made = self._parts()
        return made if self.plate_matte is None else made * (1 - self.plate_matte)

    @property
    def mattes(self) -> Mapping[str, np.ndarray]:
        """The matte (H, W) of each member of a cast, by name; empty without a cast."""
        return {}

    def drop_maps(self) -> Frame:
        """Return the frame without the large data that maps are computed from; only its colour may be read."""
        return replace(self, carried=None)

    def keep_plate(self, plate: np.ndarray, kept: np.ndarray) -> Frame:
        """Return the frame with the plate's pixels (H, W, C) mixed in by a matte (H, W) in [0, 1], 1 for the plate."""
        return replace(self, colour=_mix_in_plate(self.colour, plate, kept), plate_matte=kept)

    def _stmap(self) -> np.ndarray:
        if self.black:
            return np.zeros((*self.shape, 2), np.float32)
        result = pixel_grid(*self.shape)
        if self.carried is not None:
            height, width = self.shape
            composed = self.carried.composed
            moved = result[composed.slices] + composed.offset
            # Beyond the picture the warp repeats the edge pixel; other programs that read the map may take black.
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
        return np.zeros(self.shape, np.float32) if self.parts_matte is None else self.parts_matte

    def _confidence(self) -> np.ndarray:
        if self.portrait is not None:
            return 1 - self.portrait * (1 - np.float32(self.pose_confidence))
        result = np.zeros(self.shape, np.float32) if self.black else np.ones(self.shape, np.float32)
        if self.carried is not None:
            stmap, composed = self.carried.stmap, self.carried.composed
            # A pixel stretched or squeezed by a factor of 4 or more cannot be trusted at all.
            trusted = 1 - np.abs(np.log2(np.clip(stmap.stretch, 0.25, 4))) / 2
            result[composed.slices] = 1 - stmap.reach * (1 - self.pose_confidence * trusted * (1 - composed.invented))
        return result


def pixel_grid(height: int, width: int, kind: Any = np.float32) -> np.ndarray:
    """Return each pixel's own x and y, (height, width, 2), of dtype ``kind``: the STMap of an unchanged picture."""
    places = np.empty((height, width, 2), kind)
    places[..., 0] = np.arange(width)
    places[..., 1] = np.arange(height)[:, None]
    return places


@compiled
def _mix_in_plate(made: np.ndarray, own: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Mix what was made with the plate's own, (H, W, C) each, by ``kept`` (H, W); exact copies where it is 0 or 1."""
    result = np.empty_like(made)
    for y in range(made.shape[0]):
        for x in range(made.shape[1]):
            weight = kept[y, x]
            for c in range(made.shape[2]):
                if weight <= 0:
                    result[y, x, c] = made[y, x, c]
                elif weight >= 1:
                    result[y, x, c] = own[y, x, c]
                else:
                    result[y, x, c] = made[y, x, c] + (own[y, x, c] - made[y, x, c]) * weight
    return result


class Painter(Protocol):
    """Paints with FD-GAN what the views of a person do not show.

    Attributes:
        carries: whether the view is warped before the painter works; if not, it paints over the unchanged view.
    """

    carries: ClassVar[bool]

    def write(self, views: Sequence[View]) -> Tables:
        """Write the dictionary of a person shown in one or more views: tables (n_i, C_i) float32, finest first."""

    def with_adapters(self, adapters: Mapping[str, np.ndarray]) -> Painter:
        """Return a painter with the adapters of a trained identity in its network; itself if there are none."""

    def fit(self, scale: float) -> Painter:
        """Return a painter for a shot in which the face's median scale is ``scale`` pixels per canonical unit."""

    def paint(self, frame: Frame, view: View, pose: Pose, dictionary: Tables) -> Frame:
        """Finish a frame; may write into its colour, which must not be shared with the view."""


def carry_view(view: View, pose: Pose, out: np.ndarray | None = None) -> Carried | None:
    """Warp a view's pixels to a pose.

    Args:
        view: the picture to warp.
        pose: where its face goes.
        out: (H, W, C) float32 that receives the whole frame; None for the changed window alone.

    Returns:
        The result; None, with ``out`` untouched, if nothing moves or everything has moved out of the picture.
    """
    if pose.gate == 0 and not pose.gaze.any():
        return None
    shading = shade_view(view, pose) if pose.shading else None
    return view.carrier.carry(pose.moved * pose.gate, pose.head, pose.gaze, pose.jaw, pose.gate, shading, out)


@stage("shade")
def shade_view(view: View, pose: Pose) -> np.ndarray:
    """Return the change of light at the V vertices of a view's sheet, (V,), as a fraction of the light there.

    Only an expression changes light: when the head turns, its light turns with it.
    """
    frontal = view.frontal[:FACE_POINTS]
    before, after = pose.light_meshes or (frontal, pose.head.invert(view.head.apply(frontal) + pose.moved))
    return change_light(view.light, before, after, view.head.rotation, pose.shading * pose.gate)
