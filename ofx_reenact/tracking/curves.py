"""Export a performance as curves over its frames, for plots and for animation in other programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.rigid import euler_degrees


def curves(performance: Performance) -> dict[str, Any]:
    """Return the head's rotation and the blendshapes of each frame as plain values for JSON.

    Returns:
        ``frames``; ``rotation`` with ``pitch``, ``yaw``, ``roll`` of the smoothed pose in degrees, as
        :mod:`ofx_reenact.tracking.rigid` defines them, unwrapped (no jumps from 180 to -180); ``blendshapes`` with a
        curve for each name, 0 to 1, empty if the tracker has none.
    """
    angles = np.unwrap(euler_degrees(performance.rotation), axis=0, period=360).T
    shapes = performance.blendshapes.T if performance.blendshapes.any() else ()
    return {
        "frames": performance.frames.tolist(),
        "rotation": {
            name: np.round(curve, 4).tolist() for name, curve in zip(("pitch", "yaw", "roll"), angles, strict=True)
        },
        "blendshapes": {
            name: np.round(curve.astype(np.float64), 5).tolist()
            for name, curve in zip(BLENDSHAPES, shapes, strict=False)
        },
    }
