"""Similarity transforms in three dimensions, and the head's pose as one.

Convention: points are rows. A pose maps canonical units to pixels: ``apply(p) = scale · R p + translation``. Euler
angles are in degrees, R = R_z(roll) · R_x(pitch) · R_y(yaw): yaw is positive when the face turns to the picture's
left, pitch when it looks down, roll when it tilts clockwise on screen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import RIGID


@dataclass(frozen=True)
class Similarity:
    """Rotation (3, 3), scale and translation (3,)."""

    rotation: np.ndarray
    scale: float
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3)."""
        return self.scale * (points @ self.rotation.T) + self.translation

    def invert(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3) by the inverse."""
        return (points - self.translation) @ self.rotation / self.scale


def fit_similarity(source: np.ndarray, target: np.ndarray) -> Similarity:
    """Return the least-squares similarity that maps source points (N, 3) to target points (N, 3) (Umeyama 1991)."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    centred, wanted = source - source_mean, target - target_mean
    left, singular, right = np.linalg.svd(wanted.T @ centred)
    mirror = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    rotation = (left * mirror) @ right
    scale = float((singular * mirror).sum() / (centred**2).sum())
    return Similarity(rotation, scale, target_mean - scale * rotation @ source_mean)


def head_pose(mesh: np.ndarray, shape: np.ndarray | None = None) -> Similarity:
    """Fit the head pose to a mesh (468 or more, 3) in pixels.

    ``shape``: the person's own rigid points (len(RIGID), 3) in canonical units; by default those of the canonical face.
    """
    index = list(RIGID)
    return fit_similarity(canonical().points[index] if shape is None else shape, mesh[index])


def euler_degrees(rotation: np.ndarray) -> np.ndarray:
    """Return (pitch, yaw, roll) in degrees, (..., 3), of rotation matrices (..., 3, 3)."""
    roll, pitch, yaw = np.moveaxis(Rotation.from_matrix(rotation).as_euler("ZXY", degrees=True), -1, 0)
    return np.stack([pitch, yaw, roll], axis=-1)
