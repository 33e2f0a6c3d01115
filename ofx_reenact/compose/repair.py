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
from ofx_reenact.compose.picture import is_grey


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
    shown: np.ndarray,
    carried: Carried,
    display: Display,
    deviation: float = 0.0,
    number: int = 0,
) -> None:
    """Change a frame (H, W, 3 or 4) in place where something was painted, and give that grain of a deviation.

    ``shown`` is what the window's box of the frame shows, display-encoded. The grain differs from one ``number``, of a
    frame, to the next.

    Values that a display clips keep their light: the change is added in light, between what the display shows before
    and after. Alpha stays; pixels whose change is 0 keep every bit.
    """
    box = window.box((colour.shape[1], colour.shape[0]))
    if box is None:
        return
    # Teeth that the target shows were carried, sharper than any window: they stay.
    unseen, beyond = carried.invented(box), window.paste(outside, box)
    # Elsewhere in the box nothing changes. The window is brought back whole: its pixels' places must not depend on it.
    within = _extent(unseen, *np.moveaxis(beyond, 2, 0))
    if within is None:
        return
    rows, columns = (slice(b.start + w.start, b.start + w.stop) for b, w in zip(box, within, strict=True))
    place = rows, columns
    painted = window.paste(inside, box)[within] + grain(place, deviation, number)
    skin = 1 - carried.opening(place)
    change = unseen[within][..., None] * painted + skin[..., None] * beyond[within]
    if is_grey(shown[within]) and is_grey(shown):
        change = change.mean(-1, keepdims=True)
    changed = np.maximum.reduce([np.abs(change[..., c]) for c in range(change.shape[-1])]) > 1 / 4096
    if not changed.any():
        return
    # Few pixels of the box change: only they go the way back to light.
    shown, part = shown[within][changed], colour[(*place, slice(3))]
    after = np.clip(shown + np.broadcast_to(change, (*changed.shape, 3))[changed], 0, 1)
    part[changed] += display.decode(after[None])[0] - display.decode(shown[None])[0]


def _extent(*values: np.ndarray) -> tuple[slice, slice] | None:
    """The rows and columns in which some of arrays (h, w) of one size are not 0; None if all are."""
    rows, columns = (np.logical_or.reduce([one.any(axis=axis) for one in values]) for axis in (1, 0))
    if not rows.any():
        return None
    down, across = (slice(int(found.argmax()), len(found) - int(found[::-1].argmax())) for found in (rows, columns))
    return down, across


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
        within = _extent(covered[box])
        if within is not None:
            light = display.decode(np.clip(window.paste(portrait, box)[within], 0, 1))
            part = colour[(*box, slice(3))][within]
            part += (light - part) * covered[box][within][..., None]
    return covered
