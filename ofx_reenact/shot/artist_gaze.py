"""The artist's control of the eyes: turns in degrees and ``--gaze lock``, on top of the driver's gaze.

Conventions: a gaze is the shift of an iris in widths of its eye, x to the picture's right, y down, in the head's own
frame. Options and curves have degrees, x to the picture's right, y up.
"""

from __future__ import annotations

import numpy as np

from ofx_reenact.settings import FURTHEST
from ofx_reenact.shot.curves import Animated

# Radius of an eyeball in widths of the visible eye: about 12 mm of 30 mm.
EYEBALL_RADIUS = 0.4


def degrees_to_widths(degrees: np.ndarray) -> np.ndarray:
    """Convert directions (..., 2) in degrees, y up, to shifts of an iris in widths of its eye, y down."""
    return EYEBALL_RADIUS * np.sin(np.radians(degrees)) * (1, -1)


def hold_gaze(rotation: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return the gaze (T, 2, 2) that looks where the face looked at rest, however the head turns; both eyes alike.

    Args:
        rotation: (T, 3, 3) of the head in each frame.
        rest: (3, 3) of the head at rest.
    """
    # Where the face looked at rest, in the head's own frame; canonical faces look along -z.
    at_rest = np.einsum("tji,jk,k->ti", rotation, rest, (0.0, 0.0, -1.0))
    furthest = np.sin(np.radians(FURTHEST))
    return np.repeat(EYEBALL_RADIUS * np.clip(at_rest[:, None, :2], -furthest, furthest), 2, axis=1)


def direct_gaze(
    animated: Animated, rotation: np.ndarray, rest: np.ndarray, own: np.ndarray | None = None,
    weight: np.ndarray | float = 1.0,
) -> np.ndarray | None:  # fmt: skip
    """Return the gaze that the options add to the driver's, (T, 2, 2) in widths of the eye; None if they add none.

    Args:
        animated: the options in each frame; ``--gaze lock`` takes the head's turn out of the gaze.
        rotation: (T, 3, 3) of the head in each frame.
        rest: (3, 3) of the head at rest.
        own: (T, 2, 2) gaze of a moving target, which ``lock`` takes out as well; None for a still.
        weight: (T, 2, 1) in [0, 1], of each eye in each frame.
    """
    shift = degrees_to_widths(animated.gaze)
    if animated.settings.gaze == "lock":
        shift = shift + hold_gaze(rotation, rest) - (0.0 if own is None else own)
    return shift * weight if shift.any() else None
