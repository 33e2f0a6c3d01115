"""Make a mesh from 68 landmarks, by deforming the canonical face or a tracked mesh."""

from __future__ import annotations

import numpy as np

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT, MESH68
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS, landmark_spread

# Landmarks that expression moves least: eye corners, nose, and the upper ends of the jaw line.
_RIGID = (0, 1, 2, 14, 15, 16, 27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45)


def lift(landmarks: np.ndarray) -> np.ndarray:
    """Return a mesh (478, 3) in pixels whose 68 landmarks are exactly the given ones (68, 2).

    A scaled orthographic pose is fitted to the points that expression moves least. The remaining differences are
    spread over the mesh in the picture plane. Depth is the canonical face's; irises are centred in their eyes.
    """
    points = canonical().points
    chosen = points[list(MESH68)][list(_RIGID)]
    seen = landmarks[list(_RIGID)]
    mean, centre = chosen.mean(0), seen.mean(0)
    affine = np.linalg.lstsq(chosen - mean, seen - centre, rcond=None)[0].T
    scale = float(np.linalg.norm(affine, axis=1).mean())
    # The rotation nearest to the two affine rows and their cross product.
    rows = affine / np.linalg.norm(affine, axis=1, keepdims=True)
    left, _, right = np.linalg.svd(np.vstack([rows, np.cross(rows[0], rows[1])]))
    rotation = left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
    translation = np.append(centre, 0.0) - scale * (rotation @ mean)
    pose = Similarity(rotation, scale, translation)
    difference = np.zeros((len(MESH68), 3))
    difference[:, :2] = landmarks - pose.apply(points[list(MESH68)])[:, :2]
    mesh = pose.apply(points[:FACE_POINTS]) + landmark_spread() @ difference
    return np.concatenate([mesh, _average_at_irises(mesh)])


def bend(mesh: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return a mesh (478, 3) in pixels, deformed smoothly so that its 68 landmarks are the given ones (68, 2).

    Depth is unchanged; each iris moves by the mean displacement of its eye's contour.
    """
    face = mesh[:FACE_POINTS].astype(np.float64)
    moved = np.zeros_like(face)
    moved[:, :2] = landmark_spread() @ (landmarks - face[list(MESH68), :2])
    return np.concatenate([face + moved, mesh[FACE_POINTS:] + _average_at_irises(moved)])


def _average_at_irises(values: np.ndarray) -> np.ndarray:
    """Average values (468, 3) over each eye's contour; return the mean for each of the ten iris points, (10, 3)."""
    irises = np.zeros((10, 3))
    for contour, iris in ((EYE_RIGHT, IRIS_RIGHT), (EYE_LEFT, IRIS_LEFT)):
        irises[[i - FACE_POINTS for i in iris]] = values[[p for half in contour for p in half]].mean(0)
    return irises
