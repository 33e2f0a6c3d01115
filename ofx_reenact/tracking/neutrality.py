"""Measure how far a face is from rest in each frame: the smaller, the calmer."""

from __future__ import annotations

import numpy as np

from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, MESH68, REGIONS
from ofx_reenact.tracking.rigid import euler_degrees
from ofx_reenact.tracking.surface import iris_places, measure_gap

# Weights of the blendshapes; those of gaze and brows do not count, as these are measured on the mesh.
_WEIGHTS = {"jawOpen": 2.0, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.7}
_OTHER_WEIGHT, _NOT_COUNTED = 0.4, ("eyeLook", "brow", "_")
# Degrees of head rotation that add 1.
_DEGREES = 90.0
# Weight of the irises' distance from their median place, in widths of the eye.
_GAZE = 3.0
# Weight of the brows' distance from their median place, in centimetres.
_BROWS = 2.0
# Weight of the gap between the lips, in widths of the mouth: blendshapes hardly change for lips just apart.
_LIPS = 1.5
# Eyes that are open less than 0.85 of the 75th percentile of all frames blink or look down. Such a frame gets 10 more:
# it is less calm than any frame with open eyes.
_LIDS, _WIDE, _BLINK = 0.85, 75, 10.0
# Brows, and the corners of the eyes that they are measured from.
_BROW_POINTS = tuple(MESH68[i] for name in ("brow_right", "brow_left") for i in REGIONS[name])
_CORNERS = tuple(contour[0][end] for contour in (EYE_RIGHT, EYE_LEFT) for end in (0, -1))


def measure_neutrality(shapes: np.ndarray, frontal: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Return how far each frame is from a face at rest seen from the front: (T,), 0 is at rest.

    At rest the eyes are open and the lips shut, and gaze and brows are at their median. The median is needed because
    some people's brows would otherwise count as raised or lowered all the time.

    Args:
        shapes: blendshapes (T, 52); if all are 0, the mean distance to the median mesh is used instead.
        frontal: meshes (T, 478, 3) in canonical units. Lids, lips and irises are measured on them, since every tracker
            gives them.
        rotation: the head's rotation (T, 3, 3).
    """
    mesh = frontal.astype(np.float64)
    corners = LIPS_INNER[0][0], LIPS_INNER[0][-1]
    width = np.median(np.linalg.norm(mesh[:, corners[0], :2] - mesh[:, corners[1], :2], axis=-1))
    lips = np.clip(measure_gap(mesh, LIPS_INNER), 0, None) / max(float(width), 1e-6)
    lids = measure_gap(mesh, EYE_RIGHT) + measure_gap(mesh, EYE_LEFT)
    blinks = lids < _LIDS * np.percentile(lids, _WIDE)
    places = iris_places(mesh).mean(axis=1)
    gaze = np.linalg.norm(places - np.median(places, axis=0), axis=-1)
    brows = mesh[:, list(_BROW_POINTS), 1] - mesh[:, list(_CORNERS), 1].mean(axis=1, keepdims=True)
    raised = np.abs(brows - np.median(brows, axis=0)).mean(axis=1)
    turned = np.abs(euler_degrees(rotation)).max(axis=1) / _DEGREES
    apart = _GAZE * gaze + _BROWS * raised + _LIPS * lips
    return np.asarray(_measure_expression(shapes, mesh) + turned + apart + _BLINK * blinks)


def _measure_expression(shapes: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Return the strength of the expression (T,)."""
    if not shapes.any():
        return np.asarray(np.linalg.norm(mesh - np.median(mesh, axis=0), axis=-1).mean(axis=1))
    weights = [0.0 if name.startswith(_NOT_COUNTED) else _WEIGHTS.get(name, _OTHER_WEIGHT) for name in BLENDSHAPES]
    return np.asarray(shapes @ np.array(weights))
