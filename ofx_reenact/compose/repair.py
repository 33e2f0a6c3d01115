"""Set what was painted into a frame at plate resolution.

What the warp carried keeps its fine detail and grain: only the difference that the window's coarse picture makes is
added. Inside the mouth nothing was carried, so there the difference makes all of the picture. Lips end as sharply as
the plate's: each side of their edge has a difference of its own, and the opening's coverage at plate resolution
decides between them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.grain import grain

# A plate whose channels differ by less than this, display-encoded, is grey and stays so.
GREY = 2e-3


class Placed(Protocol):
    """A window that knows its place in a picture; see :class:`ofx_reenact.fdgan.window.Window`."""

    def box(self, size: tuple[int, int]) -> tuple[slice, slice] | None:
        """Rows and columns of a picture of that width and height."""

    def paste(self, seen: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        """Bring what the window holds back to a box of the picture."""


class Display(Protocol):
    """A display encoding and its way back; see :class:`ofx_reenact.frames.colour.Display`."""

    def encode(self, light: np.ndarray) -> np.ndarray:
        """Scene-linear (h, w, 3) → [0, 1]."""

    def decode(self, shown: np.ndarray) -> np.ndarray:
        """The way back."""


def set_in(
    colour: np.ndarray,
    window: Placed,
    inside: np.ndarray,
    outside: np.ndarray,
    carried: Carried,
    display: Display,
    deviation: float = 0.0,
    number: int = 0,
) -> None:
    """Change a frame (H, W, 3 or 4) in place where something was painted, and give that grain of a deviation.

    The grain differs from one ``number``, of a frame, to the next.

    Values that a display clips keep their light: the change is added in light, between what the display shows before
    and after. Alpha stays; pixels whose change is 0 keep every bit.
    """
    box = window.box((colour.shape[1], colour.shape[0]))
    if box is None:
        return
    # Teeth that the target shows were carried, sharper than any window: they stay.
    unseen, skin = carried.invented(box)[..., None], 1 - carried.opening(box)[..., None]
    painted = window.paste(inside, box) + grain(box, deviation, number)
    change = unseen * painted + skin * window.paste(outside, box)
    part = colour[(*box, slice(3))]
    shown = display.encode(part)
    if np.ptp(shown, axis=-1).max(initial=0) < GREY:
        change = change.mean(-1, keepdims=True)
    changed = np.abs(change).max(-1) > 1 / 4096
    if not changed.any():
        return
    # Few pixels of the box change: only they go the way back to light.
    before, after = (display.decode(x[changed][None])[0] for x in (shown, np.clip(shown + change, 0, 1)))
    part[changed] += after - before


def paste(colour: np.ndarray, window: Placed, portrait: np.ndarray, matte: np.ndarray, display: Display) -> np.ndarray:
    """Paste a portrait over a frame (H, W, 3 or 4) in place, through a feathered matte.

    Args:
        colour: scene-linear frame.
        window: where the portrait lies.
        portrait: (h, w, 3) display-encoded, in [0, 1].
        matte: (h, w) in [0, 1], 0 at the portrait's edge.
        display: encoding of the portrait.

    Returns:
        The matte (H, W) at plate resolution.
    """
    covered = np.zeros(colour.shape[:2], np.float32)
    if (box := window.box((colour.shape[1], colour.shape[0]))) is not None:
        covered[box] = np.clip(window.paste(matte, box), 0, 1)
        light = display.decode(np.clip(window.paste(portrait, box), 0, 1))
        part = colour[(*box, slice(3))]
        part += (light - part) * covered[box][..., None]
    return covered
