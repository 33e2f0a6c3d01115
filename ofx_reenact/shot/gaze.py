"""Gaze: what an artist asks of the eyes beside what the driver's do.

Convention: a gaze is the shift of an iris in widths of its eye, x to the picture's right, y down, in the head's own
frame. By hand it is in degrees, x to the picture's right, y up, as a curve editor has it.
"""

from __future__ import annotations

import numpy as np

from ofx_reenact.settings import FURTHEST
from ofx_reenact.shot.curves import Animated

# Radius of an eyeball in widths of the eye between its lids: some 12 mm of 30.
EYEBALL = 0.4


def to_widths(degrees: np.ndarray) -> np.ndarray:
    """Turn directions (..., 2) in degrees, y up, into shifts of an iris in widths of its eye, y down."""
    return EYEBALL * np.sin(np.radians(degrees)) * (1, -1)


def look_on(rotation: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return the gaze that looks on to where it looks at rest while the head turns.

    Of the head's rotations (T, 3, 3) and the one at rest (3, 3): (T, 2, 2), both eyes alike.
    """
    # Canonical faces look along -z.
    ahead = np.einsum("tji,jk,k->ti", rotation, rest, (0.0, 0.0, -1.0))
    furthest = np.sin(np.radians(FURTHEST))
    return np.repeat(EYEBALL * np.clip(ahead[:, None, :2], -furthest, furthest), 2, axis=1)


def directed(
    animated: Animated, rotation: np.ndarray, rest: np.ndarray, own: np.ndarray | None = None,
    share: np.ndarray | float = 1.0,
) -> np.ndarray | None:  # fmt: skip
    """Return the gaze that an artist asks for beside the driver's, (T, 2, 2) like a performance's; None if for none.

    Args:
        animated: the options in each frame; of ``lock``, what the head does is taken back.
        rotation: of the head in each frame (T, 3, 3).
        rest: of the head at rest (3, 3).
        own: what the eyes of a target that moves do themselves (T, 2, 2), which ``lock`` takes back, too.
        share: how much of it each eye takes in each frame, (T, 2, 1).
    """
    by_hand = to_widths(animated.gaze)
    if animated.settings.gaze == "lock":
        by_hand = by_hand + look_on(rotation, rest) - (0.0 if own is None else own)
    return by_hand * share if by_hand.any() else None
