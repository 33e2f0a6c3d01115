"""Put what a network painted in its window into a frame at plate resolution.

Carried pixels keep their detail and grain, because only the painted *change* is added to them. Inside the mouth nothing
was carried, so there the change is the whole picture. Lips stay as sharp as the plate's: the change has one value for
each side of their edge, and the opening's coverage at plate resolution chooses between the two.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.composite import is_grey
from ofx_reenact.compose.grain import make_grain


class PlacedWindow(Protocol):
    """A network's window at its place in a picture; see :class:`ofx_reenact.fdgan.window.Window`."""

    def box(self, size: tuple[int, int]) -> tuple[slice, slice] | None:
        """Return the rows and columns it covers in a picture of that width and height; None if it lies outside."""

    def paste(self, seen: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        """Resample the window's content (h, w, ...) to a box of the picture."""


class DisplayEncoding(Protocol):
    """An invertible display encoding; see :class:`ofx_reenact.frames.colour.FaceDisplay`."""

    def encode(self, light: np.ndarray) -> np.ndarray:
        """Encode scene-linear (h, w, 3) for a display: [0, 1]."""

    def decode(self, shown: np.ndarray) -> np.ndarray:
        """Decode display values (h, w, 3) to scene-linear light."""


def apply_paint(
    colour: np.ndarray,
    window: PlacedWindow,
    inside: np.ndarray,
    outside: np.ndarray,
    shown: np.ndarray,
    carried: Carried,
    display: DisplayEncoding,
    deviation: float = 0.0,
    number: int = 0,
) -> None:
    """Add what was painted to a frame, in place. Alpha is unchanged; pixels whose change is 0 keep every bit.

    The change is added as the difference in scene-linear light between the displayed values before and after, so values
    above the display's white keep their excess.

    Args:
        colour: (H, W, 3 or 4) float32, the scene-linear frame.
        window: the window that was painted.
        inside: (h, w, 3) change inside the mouth, display-encoded, in window pixels.
        outside: (h, w, 3) change of the skin around it, likewise.
        shown: the frame before the change, display-encoded, cut to the window's box.
        carried: the frame's warp, which knows what is missing and where the mouth opens.
        display: the encoding.
        deviation: standard deviation of the grain to add inside, display-encoded.
        number: the frame's number, which selects the grain's pattern.
    """
    box = window.box((colour.shape[1], colour.shape[0]))
    if box is None:
        return
    # Teeth that the target shows were carried, sharper than any window, so they stay unchanged.
    unseen, beyond = carried.invented(box), window.paste(outside, box)
    # Only this part of the box changes. The window is still resampled as a whole: positions must not depend on it.
    within = _extent(unseen, *np.moveaxis(beyond, 2, 0))
    if within is None:
        return
    rows, columns = (slice(b.start + w.start, b.start + w.stop) for b, w in zip(box, within, strict=True))
    place = rows, columns
    painted = window.paste(inside, box)[within] + make_grain(place, deviation, number)
    skin = 1 - carried.opening(place)
    change = unseen[within][..., None] * painted + skin[..., None] * beyond[within]
    if is_grey(shown[within]) and is_grey(shown):
        change = change.mean(-1, keepdims=True)
    changed = np.maximum.reduce([np.abs(change[..., c]) for c in range(change.shape[-1])]) > 1 / 4096
    if not changed.any():
        return
    # Few pixels of the box change; only those are decoded to light.
    shown, part = shown[within][changed], colour[(*place, slice(3))]
    after = np.clip(shown + np.broadcast_to(change, (*changed.shape, 3))[changed], 0, 1)
    part[changed] += display.decode(after[None])[0] - display.decode(shown[None])[0]


def _extent(*values: np.ndarray) -> tuple[slice, slice] | None:
    """Return the rows and columns in which any of the arrays (h, w) is not 0; None if all are 0."""
    rows, columns = (np.logical_or.reduce([one.any(axis=axis) for one in values]) for axis in (1, 0))
    if not rows.any():
        return None
    down, across = (slice(int(found.argmax()), len(found) - int(found[::-1].argmax())) for found in (rows, columns))
    return down, across


def paste(
    colour: np.ndarray, window: PlacedWindow, portrait: np.ndarray, matte: np.ndarray, display: DisplayEncoding
) -> np.ndarray:
    """Paste a portrait over a frame (H, W, 3 or 4) in place, through a feathered matte.

    Args:
        colour: (H, W, 3 or 4) float32, the scene-linear frame.
        window: the window that was drawn.
        portrait: (h, w, 3) display-encoded, in [0, 1].
        matte: (h, w) in [0, 1], 0 at the portrait's edge.
        display: the portrait's encoding.

    Returns:
        (H, W) float32 in [0, 1], the matte at plate resolution.
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
