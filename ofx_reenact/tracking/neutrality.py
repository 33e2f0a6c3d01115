"""How far a face is from rest, in each frame of a performance: one measure for all that asks for a calm frame."""

from __future__ import annotations

import numpy as np

from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, MESH68, REGIONS
from ofx_reenact.tracking.rigid import euler_degrees
from ofx_reenact.tracking.surface import iris_places, measure_gap

# How much each blendshape says that a face is not at rest; gaze and brows are measured on the mesh.
_BUSY = {"jawOpen": 2.0, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.7}
_BUSY_ELSE, _ELSEWHERE = 0.4, ("eyeLook", "brow", "_")
# A head turned by so many degrees counts 1.
_TURN = 90.0
# What irises count, for each width of the eye that they are off the place where they mostly are,
_ASIDE = 3.0
# brows for each centimetre that they are off theirs,
_BROWS = 2.0
# and lips for each width of the mouth that they are apart: blendshapes say little of lips that are just apart.
_APART = 1.5
# Eyes that are opened less than this fraction of what they are in a quarter of the frames blink or look down: less calm
# than anything else.
_LIDS, _WIDE, _BLINK = 0.85, 75, 10.0
# Brows, and the corners of the eyes that they are measured from.
_BROW_POINTS = tuple(MESH68[i] for name in ("brow_right", "brow_left") for i in REGIONS[name])
_CORNERS = tuple(contour[0][end] for contour in (EYE_RIGHT, EYE_LEFT) for end in (0, -1))


def measure_neutrality(shapes: np.ndarray, frontal: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Measure how far each frame is from a face at rest that is seen from the front: (T,), 0 is at rest.

    At rest are open eyes that look where they mostly look, shut lips, and brows where they mostly are: blendshapes
    read some people's as raised or lowered whatever they do.

    Args:
        shapes: blendshapes (T, 52); where all are 0, distances to the median mesh stand for them.
        frontal: meshes (T, 478, 3), canonical units. Lids, lips and irises are measured on them, since all trackers
            give them.
        rotation: of the head (T, 3, 3).
    """
    mesh = frontal.astype(np.float64)
    corners = LIPS_INNER[0][0], LIPS_INNER[0][-1]
    width = np.median(np.linalg.norm(mesh[:, corners[0], :2] - mesh[:, corners[1], :2], axis=-1))
    lips = np.clip(measure_gap(mesh, LIPS_INNER), 0, None) / max(float(width), 1e-6)
    lids = measure_gap(mesh, EYE_RIGHT) + measure_gap(mesh, EYE_LEFT)
    blinks = lids < _LIDS * np.percentile(lids, _WIDE)
    look = iris_places(mesh).mean(axis=1)
    aside = np.linalg.norm(look - np.median(look, axis=0), axis=-1)
    brows = mesh[:, list(_BROW_POINTS), 1] - mesh[:, list(_CORNERS), 1].mean(axis=1, keepdims=True)
    raised = np.abs(brows - np.median(brows, axis=0)).mean(axis=1)
    turned = np.abs(euler_degrees(rotation)).max(axis=1) / _TURN
    apart = _ASIDE * aside + _BROWS * raised + _APART * lips
    return np.asarray(_busy(shapes, mesh) + turned + apart + _BLINK * blinks)


def _busy(shapes: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Return how much an expression does, (T,)."""
    if not shapes.any():
        return np.asarray(np.linalg.norm(mesh - np.median(mesh, axis=0), axis=-1).mean(axis=1))
    weights = [0.0 if name.startswith(_ELSEWHERE) else _BUSY.get(name, _BUSY_ELSE) for name in BLENDSHAPES]
    return np.asarray(shapes @ np.array(weights))
