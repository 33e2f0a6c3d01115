"""Several people in one plate: each is rendered by itself, and later ones lie over earlier ones by their mattes.

Whoever lies above is carried from the plate's own pixels, not from what others made of it: a head that passes before
another keeps its own, however the one behind it bends what surrounds it. Where only one of them changes the plate, the
frame has that one's pixels bit for bit; where two do, what the lower one changed shows as far as the upper's matte
leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ofx_reenact.compiled import compiled
from ofx_reenact.shot.frame import Frame, own_places
from ofx_reenact.stages import stage


@dataclass(frozen=True)
class Together(Frame):
    """A frame of several people.

    Attributes:
        members: each one's frame by name, from the undermost to the uppermost.
    """

    members: Mapping[str, Frame] = field(default_factory=dict)

    @property
    def still(self) -> bool:
        """Whether it is the plate, untouched."""
        return not self.black and all(frame.still for frame in self.members.values())

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
    def _mattes(self) -> dict[str, np.ndarray]:
        seen: dict[str, np.ndarray] = {}
        if self.black:
            return {name: np.zeros(self.shape, np.float32) for name in self.members}
        for name, frame in self.members.items():
            seen = {other: matte * (1 - frame.matte) for other, matte in seen.items()} | {name: frame.matte}
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
        result = plate
        for frame in self.members.values():
            result = lay_over(result, of(frame), plate, frame.matte)
        return result


@stage("cast")
def put_together(members: Mapping[str, Frame], plate: np.ndarray) -> Together:
    """Lay frames of several people over each other, the first undermost.

    Args:
        members: each one's frame of the same plate, by name.
        plate: its pixels (H, W, C).

    Returns:
        A frame as sure as the least sure of them; black if one of them is.
    """
    sure, colour = min(frame.sure for frame in members.values()), plate
    if any(frame.black for frame in members.values()):
        return Together(np.zeros_like(plate), 0.0, black=True, members=members)
    for frame in members.values():
        if not frame.still:
            colour = lay_over(colour, frame.colour, plate, frame.matte)
    return Together(colour, sure, members=members)


@compiled
def lay_over(below: np.ndarray, above: np.ndarray, plate: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Lay what one person made of a plate over what others did, by the upper one's matte.

    Args:
        below, above, plate: (H, W, C) float32.
        matte: (H, W) in [0, 1].
    """
    result = np.empty_like(above)
    for y in range(above.shape[0]):
        for x in range(above.shape[1]):
            left = np.float32(1) - matte[y, x]
            for c in range(above.shape[2]):
                own, over, under = plate[y, x, c], above[y, x, c], below[y, x, c]
                if under == own:
                    result[y, x, c] = over
                elif over == own and left >= 1:
                    result[y, x, c] = under
                else:
                    result[y, x, c] = over + (under - own) * left
    return result
