"""Shading: how much brighter or darker skin becomes as an expression turns it towards the light or away from it.

The light is the target's own. What the face's low frequencies show of it is fitted to spherical harmonics of the
surface's normals (Ramamoorthi and Hanrahan 2001: nine of them hold nearly all light that a matt surface returns). The
ratio of light after to light before then multiplies the carried pixels, so that skin keeps its colour and detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ofx_reenact.ramps import smooth_step
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import (
    EYE_LEFT,
    EYE_RIGHT,
    FACE_OVAL,
    LIPS_INNER,
    LIPS_OUTER,
    MESH68,
    REGIONS,
    Contour,
)
from ofx_reenact.tracking.surface import FACE_POINTS, openings

# Skin becomes no darker and no brighter than this by an expression, whatever the fit says.
DARKEST, BRIGHTEST = 0.7, 1.4
# Side of the picture that light is read in, pixels: coarse enough to be blind to pores and freckles.
_SMALL = 96
# What holds each order of the harmonics back, in samples that say "even light".
_RIDGE = np.repeat([0.0, 0.02, 0.2], [1, 3, 5])
_ROUNDS = 8
# A sample this many deviations off counts for nothing: hair, shadow, shine.
_OFF = 2.5
# Light from any side is at least this fraction of the mean.
_LEAST = 0.25
# How far from the face's edge, in canonical units, shading has come in.
_EDGE = 2.0


@dataclass(frozen=True)
class Light:
    """Light on a face, as a matt surface returns it.

    Attributes:
        harmonics: (9,) coefficients of :func:`compute_harmonics`; of a surface that faces the camera about 1.
    """

    harmonics: np.ndarray

    def fall_on(self, normals: np.ndarray) -> np.ndarray:
        """Return the light that surfaces of these normals (..., 3) return, relative to the face's mean: (...)."""
        return np.maximum(compute_harmonics(normals) @ self.harmonics, _LEAST)


def compute_harmonics(normals: np.ndarray) -> np.ndarray:
    """Compute the nine real spherical harmonics up to the second order, without their constants: (..., 9)."""
    x, y, z = np.moveaxis(normals, -1, 0)
    return np.stack([np.ones_like(x), x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=-1)


def compute_normals(mesh: np.ndarray) -> np.ndarray:
    """Compute the normals of a face's mesh (468 or more, 3) at its points, out of the face: (468, 3), of length 1."""
    triangles = _skin()
    a, b, c = (mesh[corner] for corner in triangles.T)
    across = np.cross(b - a, c - a)
    sums = np.zeros((FACE_POINTS, 3))
    for corner in triangles.T:
        for axis in range(3):
            sums[:, axis] += np.bincount(corner, across[:, axis], FACE_POINTS)
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


def fit_light(picture: np.ndarray, mesh: np.ndarray) -> Light:
    """Fit the light on a face to its skin.

    Args:
        picture: (H, W, 3 or 4) float32, scene-linear, alpha associated.
        mesh: of the face in it (468 or more, 3), pixels.

    Returns:
        The light; even light where too little skin is seen.
    """
    even = Light(np.eye(9)[0])
    points = mesh[_fine_points()].mean(1)
    normals = compute_normals(mesh)[_fine_points()].mean(1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = _read_light(picture, points[:, :2])
    seen = np.isfinite(light) & (normals[:, 2] < -0.2)
    if seen.sum() < 100 or not (mean := float(np.median(light[seen]))) > 0:
        return even
    light, terms = light[seen] / mean, compute_harmonics(normals[seen])
    weights, ridge = np.ones(len(light)), np.diag(_RIDGE * len(light))
    harmonics = even.harmonics
    for _ in range(_ROUNDS):
        weighed = terms * weights[:, None]
        harmonics = np.linalg.solve(weighed.T @ terms + ridge * weights.mean(), weighed.T @ light)
        off = np.abs(light - terms @ harmonics)
        spread = max(1.4826 * float(np.median(off)), 0.02)
        weights = np.clip(1 - (off / (_OFF * spread)) ** 2, 0, 1) ** 2
    return Light(harmonics)


def change_light(light: Light, before: np.ndarray, after: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Return by how much the light on each point of a mesh changes, (468,), 1 where it does not.

    Args:
        light: on the face.
        before: normals (468, 3) of :func:`compute_normals`, as the light was fitted.
        after: as they become.
        strength: 0 is off, 1 as the light says.
    """
    change = np.log(light.fall_on(after) / light.fall_on(before)) * (strength * _shown())
    return np.exp(np.clip(change, np.log(DARKEST), np.log(BRIGHTEST)))


def _read_light(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Read a picture's luminance, without its detail, at points (n, 2) in pixels: (n,), NaN where nothing is seen."""
    height, width = picture.shape[:2]
    low = np.clip(np.floor(points.min(0)).astype(int), 0, [width - 1, height - 1])
    high = np.clip(np.ceil(points.max(0)).astype(int) + 1, low + 1, [width, height])
    crop = picture[low[1] : high[1], low[0] : high[0]]
    scale = min(1.0, _SMALL / max(crop.shape[:2]))
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    small = cv2.resize(np.ascontiguousarray(crop), size, interpolation=cv2.INTER_AREA)
    luma = small[..., :3] @ np.array([0.25, 0.5, 0.25], np.float32)
    if small.shape[2] == 4:
        luma = np.where(small[..., 3] > 0.5, luma / np.maximum(small[..., 3], 0.5), np.nan)
    at = ((points - low + 0.5) * (np.array(size) / (high - low)) - 0.5).astype(np.float32)
    inside = ((points >= 0) & (points <= [width - 1, height - 1])).all(1)
    read = cv2.remap(luma, at[:, :1], at[:, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
    return np.where(inside & (read > 0), read, np.nan).astype(np.float64)


@lru_cache(maxsize=1)
def _skin() -> np.ndarray:
    """Triangles of the mesh that are skin; turned so that their normals point out of the face."""
    triangles = canonical().triangles
    triangles = triangles[~openings(triangles)]
    a, b, c = (canonical().points[corner] for corner in triangles.T)
    out = np.cross(b - a, c - a)[:, 2].sum() < 0
    return triangles if out else triangles[:, ::-1]


@lru_cache(maxsize=1)
def _fine_points() -> np.ndarray:
    """Corners of each triangle that is bare skin, no brow, lid or lip: (N, 3)."""
    hidden = [i for contour in (LIPS_OUTER, LIPS_INNER, EYE_RIGHT, EYE_LEFT) for half in contour for i in half]
    brows = [MESH68[i] for side in ("brow_right", "brow_left") for i in REGIONS[side]]
    return _skin()[~np.isin(_skin(), [*hidden, *brows]).any(axis=1)]


@lru_cache(maxsize=1)
def _shown() -> np.ndarray:
    """How far each point of the mesh is shaded, (468,): not at the face's edge, at lids and between lips."""
    points = canonical().points

    def apart(contour: Contour | tuple[tuple[int, ...]]) -> np.ndarray:
        chosen = points[[i for half in contour for i in half]]
        return np.linalg.norm(points[:, None] - chosen[None], axis=-1).min(1)

    shown = smooth_step(apart((FACE_OVAL,)) / _EDGE)
    for contour in (EYE_RIGHT, EYE_LEFT, LIPS_INNER):
        shown = shown * smooth_step(apart(contour) / 0.8)
    return shown
