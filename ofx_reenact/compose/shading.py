"""Shading: how much brighter or darker skin becomes as an expression turns it towards the light or away from it.

The light is the target's own: the face's low frequencies are fitted by spherical harmonics of the surface's normals
(Ramamoorthi and Hanrahan 2001, equation 13: the first nine contain nearly all that a matt surface reflects). Carried
pixels are then multiplied by the ratio of the light after to the light before (Liu, Shan and Zhang 2001), so that skin
keeps its colour and its detail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy import sparse

from ofx_reenact.compose.folds import nasolabial_folds
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
)
from ofx_reenact.tracking.surface import FACE_POINTS, openings
from ofx_reenact.warp.sheet import sheet

# Largest factor by which an expression brightens skin; 1 over it is the largest darkening.
MOST = 1.4
# Longer side, pixels, of the reduced picture from which light is read: too coarse for pores and freckles.
_SMALL = 96
# Ridge regularisation of the harmonics of order 0, 1 and 2, as fractions of the number of samples.
_RIDGE = np.repeat([0.0, 0.02, 0.2], [1, 3, 5])
# Rounds of the robust fit; samples that are off by more deviations than _OFF have no weight (hair, shadows,
# highlights). The deviation is at least _LEAST_OFF, as a fraction of the light.
_ROUNDS, _OFF, _LEAST_OFF = 8, 2.5, 0.02
# Least cosine between a normal and the camera for skin that is read, and the least number of samples for a fit.
_FACING, _FEWEST = 0.2, 100
# How often shading is averaged over neighbours on the sheet, whose edges are a quarter as long as the mesh's.
_SMOOTHED = 4
# Least light from any side, as a fraction of the face's median.
_LEAST = 0.25
# Shading fades in over these distances (canonical units) from the face's edge, lids, lips, nostrils and brows, where
# the mesh's normals are least certain; and the weight on the brows themselves, whose hair is not skin.
_EDGE, _LIDS, _LIPS, _NOSE, _BROWS, _ON_BROWS = 2.0, 2.0, 2.0, 0.6, 1.0, 0.5
_NOSTRILS = (2, 20, 60, 75, 79, 97, 98, 99, 166, 238, 240, 250, 290, 305, 309, 326, 327, 328, 392, 458, 460)


@dataclass(frozen=True)
class Light:
    """Light on a face, as a matt surface reflects it.

    Attributes:
        harmonics: (9,) coefficients for :func:`compute_harmonics`, relative to the face's median light.
    """

    harmonics: np.ndarray

    def fall_on(self, normals: np.ndarray) -> np.ndarray:
        """Return the light (...) that surfaces with normals (..., 3) reflect, relative to the median, above 0."""
        return np.maximum(compute_harmonics(normals) @ self.harmonics, _LEAST)


# Light that is the same from all sides, so that no expression changes it.
EVEN_LIGHT = Light(np.eye(9)[0])


def compute_harmonics(normals: np.ndarray) -> np.ndarray:
    """Compute nine real spherical harmonics, order 0 to 2, without constant factors, at normals (..., 3): (..., 9)."""
    x, y, z = np.moveaxis(normals, -1, 0)
    return np.stack([np.ones_like(x), x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=-1)


def compute_normals(mesh: np.ndarray) -> np.ndarray:
    """Compute unit normals (468, 3), pointing out of the face, at the points of a mesh (468 or more, 3)."""
    triangles = _skin_triangles()
    a, b, c = (mesh[corner] for corner in triangles.T)
    across = np.cross(b - a, c - a)
    sums = np.zeros((FACE_POINTS, 3))
    for corner in triangles.T:
        for axis in range(3):
            sums[:, axis] += np.bincount(corner, across[:, axis], FACE_POINTS)
    return _unit(sums)


def fit_light(picture: np.ndarray, mesh: np.ndarray) -> Light:
    """Fit the light on a face to its skin, by least squares with Tukey's robust weights.

    Args:
        picture: (H, W, 3 or 4) float32, scene-linear, alpha associated.
        mesh: of the face in it (468 or more, 3), pixels.

    Returns:
        The light; even light if too little skin is visible.
    """
    normals = _unit(compute_normals(mesh)[_bare_triangles()].mean(1))
    light = read_light(picture, mesh[_bare_triangles()].mean(1)[:, :2])
    seen = np.isfinite(light) & (normals[:, 2] < -_FACING)
    if np.count_nonzero(seen) < _FEWEST:
        return EVEN_LIGHT
    light, terms = light[seen] / np.median(light[seen]), compute_harmonics(normals[seen])
    weights, ridge = np.ones(len(light)), np.diag(_RIDGE)
    for _ in range(_ROUNDS):
        weighed = terms * weights[:, None]
        harmonics = np.linalg.solve(weighed.T @ terms + ridge * weights.sum(), weighed.T @ light)
        off = np.abs(light - terms @ harmonics)
        # A normal distribution's standard deviation is 1.4826 times its median distance from the mean.
        deviation = max(1.4826 * float(np.median(off)), _LEAST_OFF)
        weights = np.clip(1 - (off / (_OFF * deviation)) ** 2, 0, 1) ** 2
    return Light(harmonics)


def read_light(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Read a picture's light, without fine detail, at points.

    Args:
        picture: (H, W, 3 or 4) float32, scene-linear, alpha associated.
        points: (n, 2) x and y, pixels.

    Returns:
        (n,) float64, the mean of R, G and B; NaN outside the picture and where there is no light.
    """
    height, width = picture.shape[:2]
    inside = ((points >= 0) & (points <= [width - 1, height - 1])).all(1)
    if not inside.any():
        return np.full(len(points), np.nan)
    low = np.floor(points[inside].min(0)).astype(int)
    high = np.ceil(points[inside].max(0)).astype(int) + 1
    crop = np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]])
    scale = min(1.0, _SMALL / max(crop.shape[:2]))
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    light = small[..., :3].mean(-1)
    if small.shape[2] == 4:
        light = np.where(small[..., 3] > 0.5, light / np.maximum(small[..., 3], 0.5), 0)
    x, y = ((points - low + 0.5) * (np.array(size) / (high - low)) - 0.5).astype(np.float32).T
    read = cv2.remap(light, x[:, None], y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]
    return np.where(inside & (read > 0), read, np.nan).astype(np.float64)


def change_light(
    light: Light, before: np.ndarray, after: np.ndarray, rotation: np.ndarray, strength: float = 1.0
) -> np.ndarray:
    """Compute how an expression changes the light on a face's sheet: (V,) at its vertices, as a fraction of the light.

    Args:
        light: the light on the face.
        before: (468, 3) frontal mesh before the expression, to which the light was fitted.
        after: (468, 3) frontal mesh after it.
        rotation: (3, 3) of the head when the light was fitted; the head's later turns do not count, so that light
            turns with the head.
        strength: 0 for no change, 1 for the change that the light gives.
    """
    folds = nasolabial_folds()
    depths = [fold.measure_depth(before, after) for fold in folds]
    normals = compute_normals(after)
    if any(depths):
        raised = sum(depth * fold.cheek for depth, fold in zip(depths, folds, strict=True))
        normals = compute_normals(after + normals * np.asarray(raised)[:, None])
    old, new = (light.fall_on(n @ rotation.T) for n in (compute_normals(before), normals))
    change = np.zeros(sheet().vertices)
    face = change[: sheet().parents.shape[0]]
    face += _smooth_operator() @ (np.log(new / old) * _shading_weights())
    for fold, depth in zip(folds, depths, strict=True):
        if depth > 0:
            flat = _unit(sheet().parents[fold.vertices] @ normals)
            bent = light.fall_on(fold.tilt(flat, depth) @ rotation.T) * fold.keep_light(depth)
            face[fold.vertices] += np.log(bent / light.fall_on(flat @ rotation.T))
    most = np.log(MOST)
    return np.expm1(most * np.tanh(strength * change / most))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


@lru_cache(maxsize=1)
def _skin_triangles() -> np.ndarray:
    """Return the mesh's triangles of skin (N, 3), ordered so that their normals point out of the face."""
    triangles = canonical().triangles
    triangles = triangles[~openings(triangles)]
    a, b, c = (canonical().points[corner] for corner in triangles.T)
    return triangles if np.cross(b - a, c - a)[:, 2].sum() < 0 else triangles[:, ::-1]


@lru_cache(maxsize=1)
def _bare_triangles() -> np.ndarray:
    """Return the triangles that light is read from (N, 3): no brow, lid, lip or nostril."""
    other = (*_points_of(EYE_RIGHT, EYE_LEFT, LIPS_INNER, LIPS_OUTER), *_brows(), *_NOSTRILS)
    return _skin_triangles()[~np.isin(_skin_triangles(), other).any(axis=1)]


@lru_cache(maxsize=1)
def _smooth_operator() -> sparse.csr_matrix:
    """Return the operator (F, 468) from the mesh's points to the sheet's face vertices; it smooths the mesh's edges."""
    parents, triangles = sheet().parents, sheet().triangles
    count = parents.shape[0]
    triangles = triangles[(triangles < count).all(axis=1)]
    edges = triangles[:, [0, 1, 1, 2, 2, 0, 1, 0, 2, 1, 0, 2]].reshape(-1, 2)
    near = sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count)).tocsr() + sparse.identity(count)
    mean = sparse.diags(1 / np.asarray(near.sum(1)).ravel()) @ near
    for _ in range(_SMOOTHED):
        parents = mean @ parents
    return parents.tocsr()


@lru_cache(maxsize=1)
def _shading_weights() -> np.ndarray:
    """Return the weight of shading at each point of the mesh, (468,) in [0, 1]."""
    points = canonical().points

    def away(indices: Iterable[int], by: float) -> np.ndarray:
        near = np.linalg.norm(points[:, None] - points[list(indices)], axis=-1).min(1)
        return smooth_step(near / by)

    shaded = away(FACE_OVAL, _EDGE) * away(_points_of(EYE_RIGHT, EYE_LEFT), _LIDS)
    shaded = shaded * away(_points_of(LIPS_OUTER), _LIPS) * away(_NOSTRILS, _NOSE)
    return np.asarray(shaded * (_ON_BROWS + (1 - _ON_BROWS) * away(_brows(), _BROWS)))


def _points_of(*contours: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(i for contour in contours for half in contour for i in half)


def _brows() -> tuple[int, ...]:
    return tuple(MESH68[i] for side in ("brow_right", "brow_left") for i in REGIONS[side])
