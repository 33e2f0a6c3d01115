"""Several people in one plate: each is rendered by itself, and later ones lie over earlier ones by their mattes.

Everybody is carried from the plate's own pixels, not from what others made of it: a head that passes before another
keeps its own, however the one behind it bends what surrounds it. Where only one of them changes the plate, the frame
has that one's pixels bit for bit.

Where two do, faces go before surroundings: a head in motion takes along what is around it, which may be another's face,
and that is to perform as its own render has it. Where both are faces, or neither is, the later lies above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.shot.frame import Frame, own_places
from ofx_reenact.stages import stage
from ofx_reenact.tracking.light import fill_oval

# By how much a face is larger than its oval, and how softly it ends, in heights of the oval.
_LARGER, _SOFT = 0.1, 0.06


@dataclass(frozen=True)
class Part:
    """One person's frame of a plate.

    Attributes:
        frame: as it is rendered alone.
        face: (H, W) float32 in [0, 1], where the face is in it; None says it nowhere.
    """

    frame: Frame
    face: np.ndarray | None = None


@dataclass(frozen=True)
class Together(Frame):
    """A frame of several people.

    Attributes:
        members: each one's part by name, from the undermost to the uppermost.
    """

    members: Mapping[str, Part] = field(default_factory=dict)

    @property
    def still(self) -> bool:
        """Whether it is the plate, untouched."""
        return not self.black and all(part.frame.still for part in self.members.values())

    @property
    def mattes(self) -> Mapping[str, np.ndarray]:
        """The matte (H, W) of each member; where another lies over it, it is less. They sum to the matte of all."""
        if self.kept is None:
            return self._mattes
        return {name: matte * (1 - self.kept) for name, matte in self._mattes.items()}

    def lighten(self) -> Frame:
        """Return the frame without what maps are made of."""
        return replace(self, members={})

    @cached_property
    def _shares(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return shares_of(list(self.members.values()))

    @cached_property
    def _mattes(self) -> dict[str, np.ndarray]:
        seen: dict[str, np.ndarray] = {}
        if self.black:
            return {name: np.zeros(self.shape, np.float32) for name in self.members}
        for (name, part), (above, below) in zip(self.members.items(), self._shares, strict=True):
            seen = {other: matte * below for other, matte in seen.items()} | {name: part.frame.matte * above}
        return seen

    def _stmap(self) -> np.ndarray:
        if self.black:
            return np.zeros((*self.shape, 2), np.float32)
        return self._laid(lambda frame: frame.stmap, own_places(*self.shape))

    def _matte(self) -> np.ndarray:
        return self._flat(lambda frame: frame.matte, 0)

    def _shading(self) -> np.ndarray:
        return self._flat(lambda frame: frame.shading, 0 if self.black else 1)

    def _confidence(self) -> np.ndarray:
        return self._flat(lambda frame: frame.confidence, 1)

    def _parts(self) -> np.ndarray:
        return self._flat(lambda frame: frame.parts, 0)

    def _flat(self, of: Callable[[Frame], np.ndarray], plate: float) -> np.ndarray:
        """Lay the members' maps (H, W) over each other; the plate's own is one number."""
        own = np.full((*self.shape, 1), plate, np.float32)
        return self._laid(lambda frame: of(frame)[..., None].astype(np.float32, copy=False), own)[..., 0]

    def _laid(self, of: Callable[[Frame], np.ndarray], plate: np.ndarray) -> np.ndarray:
        return lay([of(part.frame) for part in self.members.values()], plate, self._shares)


@stage("cast")
def put_together(members: Mapping[str, Part], plate: np.ndarray) -> Together:
    """Lay frames of several people over each other, the first undermost.

    Args:
        members: each one's frame of the same plate, by name.
        plate: its pixels (H, W, C).

    Returns:
        A frame as sure as the least sure of them; black if one of them is.
    """
    frames = [part.frame for part in members.values()]
    if any(frame.black for frame in frames):
        return Together(np.zeros_like(plate), 0.0, black=True, members=members)
    made = Together(plate, min(frame.sure for frame in frames), members=members)
    if made.still:
        return made
    return replace(made, colour=lay([frame.colour for frame in frames], plate, made._shares))


def find_face(oval: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return where a face is, (H, W) float32 in [0, 1], given the outline of its oval (N, 2), pixels."""
    face, height = np.zeros(shape, np.float32), float(np.ptp(oval[:, 1]))
    outline = oval.mean(0) + (oval - oval.mean(0)) * (1 + _LARGER)
    soft = max(_SOFT * height, 0.5)
    low = np.clip(np.floor(outline.min(0) - 4 * soft).astype(int), 0, shape[::-1])
    high = np.clip(np.ceil(outline.max(0) + 4 * soft).astype(int) + 1, 0, shape[::-1])
    if (high > low).all():
        part = fill_oval(outline - low, tuple((high - low)[::-1])).astype(np.float32)
        face[low[1] : high[1], low[0] : high[0]] = cv2.GaussianBlur(part, (0, 0), soft)
    return face


def shares_of(parts: Sequence[Part]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each part how far it counts beside all before it, and how far those do: (H, W) float32 in [0, 1]."""
    shares: list[tuple[np.ndarray, np.ndarray]] = []
    matte = face = np.zeros_like(parts[0].frame.matte)
    for part in parts:
        mine, own = part.frame.matte, np.zeros_like(face) if part.face is None else part.face
        # Faces below keep their place where this one is no face.
        kept = face * (1 - own)
        above, below = 1 - matte * kept, 1 - mine * (1 - kept)
        shares.append((above, below))
        matte, face = mine * above + matte * below, np.maximum(face, own)
    return shares


def lay(layers: Sequence[np.ndarray], plate: np.ndarray, shares: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Lay what several people made of a plate over each other.

    Args:
        layers: each one's (H, W, C) float32.
        plate: what all were made of (H, W, C).
        shares: of :func:`shares_of`.
    """
    result = plate
    for layer, (above, below) in zip(layers, shares, strict=True):
        result = _over(result, layer, plate, below, above)
    return result


@compiled
def _over(below: np.ndarray, above: np.ndarray, plate: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Add what two made of a plate (H, W, C), each by its share (H, W); where one left it alone, bit for bit."""
    result = np.empty_like(above)
    for y in range(above.shape[0]):
        for x in range(above.shape[1]):
            for c in range(above.shape[2]):
                own, over, under = plate[y, x, c], above[y, x, c], below[y, x, c]
                if under == own and upper[y, x] >= 1:
                    result[y, x, c] = over
                elif over == own and lower[y, x] >= 1:
                    result[y, x, c] = under
                else:
                    result[y, x, c] = own + (over - own) * upper[y, x] + (under - own) * lower[y, x]
    return result
