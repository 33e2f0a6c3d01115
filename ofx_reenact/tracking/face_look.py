"""Describe how a face looks, whatever its pose, size and smooth lighting, to tell whether two are of the same person.

Log brightness is sampled on a grid over the unrolled canonical face. Its smooth part (light from one side, vignetting)
and the mean face are subtracted. Two looks are compared by correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ofx_reenact.resources import resource
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.surface import FACE_POINTS, openings

MEAN = ("calibration", "mean_face.npy")
# Two faces with a likeness below STRANGER are of two people, and below UNLIKE they may be. Of pairs of strangers,
# two in three are below STRANGER. Among 36 people, the same person neutral and smiling was never below 0.74.
STRANGER, UNLIKE = 0.5, 0.65
# Points along each side of the unrolled face, and pixels across a face in the picture that is sampled.
_GRID, _PIXELS_PER_FACE = 28, 42
# The face is unrolled around an axis that lies this far behind its rearmost point, in canonical units.
_AXIS = 4.0
# Added to brightness (0 to 255) before the logarithm, so that noise in the dark counts little.
_NOISE_FLOOR = 20.0
# A look with less contrast, or with a smaller fraction of its points visible, cannot be compared.
_LEAST_CONTRAST, _LEAST_SEEN = 0.03, 0.1


@dataclass(frozen=True)
class FaceLook:
    """The look of a face at the N points of the grid on the unrolled face."""

    values: np.ndarray  # (N,) normalised log brightness minus that of the mean face
    weights: np.ndarray  # (N,) visibility, 0 to 1
    contrast: float  # standard deviation before normalising
    resemblance: float  # correlation with the mean face, -1 to 1

    @property
    def is_usable(self) -> bool:
        """Whether the look can be compared: the face is neither dark nor almost turned away."""
        return self.contrast >= _LEAST_CONTRAST and float(self.weights.sum()) >= _LEAST_SEEN * len(self.weights)


@dataclass(frozen=True)
class _GridPoints:
    corners: np.ndarray  # (N, 3) mesh points of the triangle that each grid point lies in
    barycentric: np.ndarray  # (N, 3) barycentric coordinates in that triangle
    smooth: np.ndarray  # (N, 6) basis of the smooth part: quadratic in the grid's two coordinates


def describe_look(image: np.ndarray, mesh: np.ndarray) -> FaceLook:
    """Describe the face with a mesh (478, 3) in an (H, W, 3) uint8 RGB picture."""
    brightness, weights = sample_brightness(image, mesh)
    values, contrast = normalise(brightness, weights)
    mean = _mean_face()
    norm = (weights @ values**2) * (weights @ mean**2)
    return FaceLook(values - mean, weights, contrast, float(weights @ (values * mean) / np.sqrt(max(norm, 1e-12))))


def likeness(one: FaceLook, others: Sequence[FaceLook]) -> float:
    """Return the largest correlation of a look with any of others, over points visible in both.

    It is 1 for the same picture and about 0.3 for two people; -1 if there are no others.
    """
    if not others:
        return -1.0
    values, weights = (np.stack([getattr(other, name) for other in others]) for name in ("values", "weights"))
    weights = np.sqrt(weights * one.weights)
    norm = (weights @ one.values**2) * (weights * values**2).sum(axis=1)
    return float(((weights * values) @ one.values / np.sqrt(np.maximum(norm, 1e-12))).max())


def sample_brightness(image: np.ndarray, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log brightness over a face without its smooth part, and visibility from 0 to 1: (N,) each."""
    points, mesh = _grid_points(), mesh[:FACE_POINTS]
    height, width = image.shape[:2]
    low = np.clip(np.floor(mesh[:, :2].min(0)).astype(int) - 2, 0, (width - 1, height - 1))
    high = np.clip(np.ceil(mesh[:, :2].max(0)).astype(int) + 3, low + 1, (width, height))
    reach = max(float(np.ptp(mesh[:, :2], axis=0).max()), 1.0)
    # A large face is subsampled before its pixels are averaged, to save time.
    step = max(1, int(reach / (4 * _PIXELS_PER_FACE)))
    part = np.ascontiguousarray(image[low[1] : high[1] : step, low[0] : high[0] : step])
    scale = min(1.0, _PIXELS_PER_FACE * step / reach)
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.float32).mean(axis=2)
    corners = mesh[points.corners]
    places = np.einsum("nk,nkd->nd", points.barycentric, corners)
    ratio = np.array(size) / (part.shape[1], part.shape[0])
    at = (((places[:, :2] - low) / step + 0.5) * ratio - 0.5).astype(np.float32)
    seen = cv2.remap(small, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    weights = np.clip(-normals[:, 2] / (np.linalg.norm(normals, axis=1) + 1e-9), 0, 1)
    inside = (places[:, :2] >= -0.5).all(axis=1) & (places[:, :2] <= (width - 0.5, height - 0.5)).all(axis=1)
    weights = weights * inside
    values = np.log(seen.astype(np.float64) + _NOISE_FLOOR)
    weighted = points.smooth * weights[:, None]
    gram = weighted.T @ points.smooth
    gram += 1e-6 * max(np.trace(gram), 1e-6) * np.eye(len(gram))
    values -= points.smooth @ np.linalg.solve(gram, weighted.T @ values)
    return values, weights


def normalise(brightness: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Scale brightness (N,) to unit weighted variance; return it and its standard deviation before."""
    contrast = float(np.sqrt(weights @ brightness**2 / max(weights.sum(), 1e-9)))
    return brightness / (contrast + 1e-3), contrast


@lru_cache(maxsize=1)
def _grid_points() -> _GridPoints:
    """Lay the grid over the unrolled canonical face, without points in the eyes, in the mouth or off the face."""
    face = canonical()
    x, y, z = face.points.T
    around = np.arctan2(x, z.max() + _AXIS - z)
    unrolled = np.stack([(v - v.min()) / np.ptp(v) for v in (around, y)], axis=1)
    triangles = face.triangles[~openings(face.triangles)]
    first, second, third = (unrolled[triangles[:, k]] for k in range(3))
    to_second, to_third = second - first, third - first
    area = to_second[:, 0] * to_third[:, 1] - to_third[:, 0] * to_second[:, 1]
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    across, down = np.meshgrid(*[np.linspace(0, 1, _GRID)] * 2)
    grid = np.stack([across.ravel(), down.ravel()], axis=1)
    offset = grid[:, None] - first
    at_second = (offset[..., 0] * to_third[:, 1] - to_third[:, 0] * offset[..., 1]) / area
    at_third = (to_second[:, 0] * offset[..., 1] - offset[..., 0] * to_second[:, 1]) / area
    barycentric = np.stack([1 - at_second - at_third, at_second, at_third], axis=-1)
    within: np.ndarray = barycentric.min(axis=-1) >= 0
    on_face = within.any(axis=1)
    triangle = within.argmax(axis=1)[on_face]
    u, v = (2 * grid[on_face] - 1).T
    smooth = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
    return _GridPoints(triangles[triangle], barycentric[on_face, triangle], smooth)


@lru_cache(maxsize=1)
def _mean_face() -> np.ndarray:
    """Return the mean face's normalised log brightness (N,), made by ``resources/calibration/make_mean_face.py``."""
    mean: np.ndarray = np.load(resource(*MEAN), allow_pickle=False)
    return mean.astype(np.float64)
