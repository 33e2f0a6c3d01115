"""The frame of a cast: each person of a plate is rendered alone, and the frames are laid over each other by mattes.

Each person is warped from the plate's own pixels, not from another's result, so a head that passes in front of another
stays intact, however the warp of the one behind bends its surroundings. Where only one person changes the plate, the
frame has that person's pixels, bit for bit.

Where two change it, a face wins over the other's surroundings: a moving head bends what is around it, which may be
another's face. Where both are faces, or neither is, the later in the cast lies on top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.shot.frame import Frame, pixel_grid
from ofx_reenact.stages import stage
from ofx_reenact.tracking.light import fill_oval

# Enlargement of a face beyond its oval, as a fraction; and the standard deviation of its soft edge, in oval heights.
_ENLARGED, _SOFT = 0.1, 0.06


@dataclass(frozen=True)
class CastMember:
    """One member's frame of the plate.

    Attributes:
        frame: rendered alone.
        face: (H, W) float32 in [0, 1], the matte of the face in it; None for no face.
    """

    frame: Frame
    face: np.ndarray | None = None


@dataclass(frozen=True)
class CastFrame(Frame):
    """A frame of several people.

    Attributes:
        members: each member's frame by name, from bottom to top.
    """

    members: Mapping[str, CastMember] = field(default_factory=dict)

    @property
    def unchanged(self) -> bool:
        """Whether the frame is the unchanged plate."""
        return not self.black and all(member.frame.unchanged for member in self.members.values())

    @property
    def mattes(self) -> Mapping[str, np.ndarray]:
        """The matte (H, W) of each member where no other member covers it. Their sum is the frame's matte."""
        if self.plate_matte is None:
            return self._mattes
        return {name: matte * (1 - self.plate_matte) for name, matte in self._mattes.items()}

    def drop_maps(self) -> Frame:
        """Return the frame without the large data that maps are computed from; only its colour may be read."""
        return replace(self, members={})

    @cached_property
    def _weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return layer_weights(list(self.members.values()))

    @cached_property
    def _mattes(self) -> dict[str, np.ndarray]:
        seen: dict[str, np.ndarray] = {}
        if self.black:
            return {name: np.zeros(self.shape, np.float32) for name in self.members}
        for (name, member), (above, below) in zip(self.members.items(), self._weights, strict=True):
            seen = {other: matte * below for other, matte in seen.items()} | {name: member.frame.matte * above}
        return seen

    def _stmap(self) -> np.ndarray:
        if self.black:
            return np.zeros((*self.shape, 2), np.float32)
        return self._blend_maps(lambda frame: frame.stmap, pixel_grid(*self.shape))

    def _matte(self) -> np.ndarray:
        return self._blend_numbers(lambda frame: frame.matte, 0)

    def _shading(self) -> np.ndarray:
        return self._blend_numbers(lambda frame: frame.shading, 0 if self.black else 1)

    def _confidence(self) -> np.ndarray:
        return self._blend_numbers(lambda frame: frame.confidence, 1)

    def _parts(self) -> np.ndarray:
        return self._blend_numbers(lambda frame: frame.parts, 0)

    def _blend_numbers(self, of: Callable[[Frame], np.ndarray], plate: float) -> np.ndarray:
        """Lay the members' maps (H, W) over each other; ``plate`` is the map's value in the unchanged plate."""
        own = np.full((*self.shape, 1), plate, np.float32)
        return self._blend_maps(lambda frame: of(frame)[..., None].astype(np.float32, copy=False), own)[..., 0]

    def _blend_maps(self, of: Callable[[Frame], np.ndarray], plate: np.ndarray) -> np.ndarray:
        return lay([of(member.frame) for member in self.members.values()], plate, self._weights)


@stage("cast")
def combine_members(members: Mapping[str, CastMember], plate: np.ndarray) -> CastFrame:
    """Lay frames of several people over each other, the first at the bottom.

    Args:
        members: each member's frame of the same plate, by name.
        plate: (H, W, C) float32, the plate's pixels.

    Returns:
        The frame, with the lowest confidence among its members; black if one of them is.
    """
    frames = [member.frame for member in members.values()]
    if any(frame.black for frame in frames):
        return CastFrame(np.zeros_like(plate), 0.0, black=True, members=members)
    cast = CastFrame(plate, min(frame.pose_confidence for frame in frames), members=members)
    if cast.unchanged:
        return cast
    return replace(cast, colour=lay([frame.colour for frame in frames], plate, cast._weights))


def find_face(oval: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the matte of a face, (H, W) float32 in [0, 1], from the outline of its oval (N, 2), pixels."""
    face, height = np.zeros(shape, np.float32), float(np.ptp(oval[:, 1]))
    outline = oval.mean(0) + (oval - oval.mean(0)) * (1 + _ENLARGED)
    soft = max(_SOFT * height, 0.5)
    low = np.clip(np.floor(outline.min(0) - 4 * soft).astype(int), 0, shape[::-1])
    high = np.clip(np.ceil(outline.max(0) + 4 * soft).astype(int) + 1, 0, shape[::-1])
    if (high > low).all():
        part = fill_oval(outline - low, tuple((high - low)[::-1])).astype(np.float32)
        face[low[1] : high[1], low[0] : high[0]] = cv2.GaussianBlur(part, (0, 0), soft)
    return face


def layer_weights(members: Sequence[CastMember]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return two weights for each member, (H, W) float32 in [0, 1]: its own, and that of all members below it."""
    weights: list[tuple[np.ndarray, np.ndarray]] = []
    # Matte and faces of all members so far.
    matte = faces = np.zeros_like(members[0].frame.matte)
    for member in members:
        own_matte, own_face = member.frame.matte, np.zeros_like(faces) if member.face is None else member.face
        # A face below wins where this member has no face.
        face_below = faces * (1 - own_face)
        above, below = 1 - matte * face_below, 1 - own_matte * (1 - face_below)
        weights.append((above, below))
        matte, faces = own_matte * above + matte * below, np.maximum(faces, own_face)
    return weights


def lay(
    layers: Sequence[np.ndarray], plate: np.ndarray, weights: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Lay pictures or maps that were made of one plate over each other.

    Args:
        layers: (H, W, C) float32 each, from bottom to top.
        plate: (H, W, C) what all were made from.
        weights: from :func:`layer_weights`.
    """
    result = plate
    for layer, (above, below) in zip(layers, weights, strict=True):
        result = _blend(result, layer, plate, below, above)
    return result


@compiled
def _blend(
    below: np.ndarray, above: np.ndarray, plate: np.ndarray, below_weight: np.ndarray, above_weight: np.ndarray
) -> np.ndarray:
    """Add the changes of two pictures to their plate (H, W, C), by weights (H, W) in [0, 1].

    Where only one of them changes the plate, at weight 1, its pixel is copied bit for bit.
    """
    result = np.empty_like(above)
    for y in range(above.shape[0]):
        for x in range(above.shape[1]):
            for c in range(above.shape[2]):
                own, over, under = plate[y, x, c], above[y, x, c], below[y, x, c]
                if under == own and above_weight[y, x] >= 1:
                    result[y, x, c] = over
                elif over == own and below_weight[y, x] >= 1:
                    result[y, x, c] = under
                else:
                    result[y, x, c] = own + (over - own) * above_weight[y, x] + (under - own) * below_weight[y, x]
    return result
