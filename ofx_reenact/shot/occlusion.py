"""Estimate what covers the face in a moving plate: where it differs from its median over the shot.

The face of each frame is unwrapped to a texture. The median over the shot's frames is the face's typical look (with
beard, glasses and make-up), and the median deviation shows how much talking and shadows change it. A pixel that differs
by more, after smoothly varying light is removed, is covered. What covers the face in most frames is taken for the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ofx_reenact.ops.raster import rasterise
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_OUTER
from ofx_reenact.tracking.surface import FACE_POINTS

# Side of the texture, pixels, and the blur of the picture before it is sampled, a standard deviation in texture pixels.
SIDE, _SOFT = 192, 0.6
# Eyes, lips, brows and nostrils change by themselves, so they are left out, each with a margin in texture pixels.
_BROWS = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
_NOSTRILS = (98, 97, 2, 326, 327, 64, 294, 94, 19)
_EYE_MARGIN, _LIP_MARGIN, _BROW_MARGIN, _NOSTRIL_MARGIN = 6, 4, 5, 2
# Left out, because tracks are uncertain there: a rim of the face of this width (texture pixels), and skin whose angle
# to the camera has a smaller cosine than this.
_RIM, _FACING = 4, 0.3
# The look of a pixel is three numbers, from logarithms of linear light with an offset against noise in the dark: their
# mean with the weights of luma, red minus green, and blue minus green.
_LUMA, _DARK = np.array([0.2126, 0.7152, 0.0722], np.float32), 0.01
# The tolerance of each of the three: at least this, or so many of the face's own deviations if that is more.
_LEAST, _DEVIATIONS = np.array([0.30, 0.13, 0.16], np.float32), 2.0
# Difference, in tolerances, from which something may cover the pixel, and from which it certainly does.
_SEEN, _CERTAIN = 1.0, 2.0
# Standard deviations, texture pixels, of the estimate's smoothing and of the fill where nothing is compared.
_SMOOTH, _FILL = 1.0, 6.0
# Rounds of the robust fit of light.
_ROUNDS = 8
# The guided filter that follows edges of the plate: radius in heights of the face, and its regularisation.
_RADIUS, _CONTRAST = 1 / 50, 2e-3


@dataclass(frozen=True)
class TypicalFace:
    """The typical look of a face over a shot, on the texture.

    Attributes:
        look: (SIDE, SIDE, 3) float32, median over the frames.
        deviation: (SIDE, SIDE, 3) float32, standard deviation from it, estimated robustly.
        known: (SIDE, SIDE) bool, pixels that more than half of the frames show.
    """

    look: np.ndarray
    deviation: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, shown: Sequence[np.ndarray], meshes: Sequence[np.ndarray]) -> TypicalFace:
        """Compute it from frames (H, W, 3) uint8, display-encoded, and their meshes (478, 3), pixels.

        A dozen frames spread over the shot are best.
        """
        made = [_texture(one, mesh) for one, mesh in zip(shown, meshes, strict=True)]
        looks = np.stack([np.where(seen[..., None], look, np.nan) for look, seen in made])
        known = np.stack([seen for _, seen in made]).sum(0) > len(made) / 2
        look, deviation = np.zeros((2, SIDE, SIDE, 3), np.float32)
        look[known] = np.nanmedian(looks[:, known], axis=0)
        deviation[known] = 1.4826 * np.nanmedian(np.abs(looks[:, known] - look[known]), axis=0)
        return cls(look, deviation, known)

    def occlusion(self, shown: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """Estimate where something covers the face of a frame.

        Args:
            shown: (H, W, 3) uint8, display-encoded.
            mesh: (478, 3) the face, pixels.

        Returns:
            (H, W) float32 in [0, 1], 1 where the face is covered; 0 outside the face.
        """
        look, seen = _texture(shown, mesh)
        skin, _ = _areas()
        used = seen & self.known & skin
        result = np.zeros(shown.shape[:2], np.float32)
        if used.sum() < _basis().shape[-1] * 10:
            return result
        difference = _remove_light(look - self.look, used)
        amount = np.linalg.norm(difference / np.maximum(_DEVIATIONS * self.deviation, _LEAST), axis=-1)
        covered = np.clip((amount - _SEEN) / (_CERTAIN - _SEEN), 0, 1).astype(np.float32)
        low = np.clip(np.floor(mesh[:FACE_POINTS, :2].min(0)).astype(int), 0, np.array(shown.shape[1::-1]))
        high = np.clip(np.ceil(mesh[:FACE_POINTS, :2].max(0)).astype(int) + 1, low, np.array(shown.shape[1::-1]))
        if (high > low).all():
            box = slice(low[1], high[1]), slice(low[0], high[0])
            result[box] = _project(_fill_gaps(covered, used), mesh, low, shown[box])
        return result


@lru_cache(maxsize=1)
def _texture_points() -> np.ndarray:
    """Return the mesh's points on the texture, (468, 2), unrolled like a cylinder about the head's vertical axis."""
    points = canonical().points
    round_head = np.arctan2(points[:, 0], points[:, 2].max() + 2 - points[:, 2])
    flat = np.stack([round_head, points[:, 1]], axis=1)
    return np.asarray((flat - flat.min(0)) / np.ptp(flat, axis=0) * (SIDE - 1))


@lru_cache(maxsize=1)
def _areas() -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of skin that is compared, and of the whole face: (SIDE, SIDE) bool each."""
    _, (face,) = _draw(_texture_points(), np.zeros(FACE_POINTS), np.ones((FACE_POINTS, 1)), (SIDE, SIDE))
    whole = face > 0.5
    apart = np.zeros((SIDE, SIDE), np.uint8)
    contours = (EYE_RIGHT, _EYE_MARGIN), (EYE_LEFT, _EYE_MARGIN), (LIPS_OUTER, _LIP_MARGIN)
    areas = [([i for half in contour for i in half], grow) for contour, grow in contours]
    areas += [*((list(brow), _BROW_MARGIN) for brow in _BROWS), (list(_NOSTRILS), _NOSTRIL_MARGIN)]
    for points, grow in areas:
        area = np.zeros_like(apart)
        cv2.fillPoly(area, [cv2.convexHull(np.rint(_texture_points()[points]).astype(np.int32))], 1)
        apart |= cv2.dilate(area, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1)))
    inner = cv2.erode(whole.astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1)), borderValue=0) > 0
    return inner & (apart == 0), whole


@lru_cache(maxsize=1)
def _basis() -> np.ndarray:
    """Return the six quadratic polynomials that model smoothly varying light: (SIDE, SIDE, 6) float64."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) * 2 - 1
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)


def _texture(shown: np.ndarray, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a frame's look on the texture, (SIDE, SIDE, 3) float32, and the mask (SIDE, SIDE) of what it shows."""
    points = mesh[:FACE_POINTS]
    corners = points[canonical().triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((FACE_POINTS, 3))
    np.add.at(normals, canonical().triangles.ravel(), faces.repeat(3, axis=0))
    facing = np.abs(normals[:, 2]) / np.maximum(np.linalg.norm(normals, axis=1), 1e-9)
    # Points that face away, as on the far side of the nose, get the opposite sign.
    facing *= np.sign(normals[:, 2]) * np.sign(np.median(normals[:, 2]))
    values = np.column_stack([points[:, :2], facing])
    _, (x, y, turned) = _draw(_texture_points(), np.zeros(FACE_POINTS), values, (SIDE, SIDE))
    height, width = shown.shape[:2]
    seen = _areas()[1] & (turned > _FACING) & (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    low = np.clip(np.floor(points[:, :2].min(0)).astype(int), 0, np.array([width, height]) - 1)
    high = np.clip(np.ceil(points[:, :2].max(0)).astype(int) + 1, low + 1, [width, height])
    soft = max(_SOFT * np.ptp(points[:, 1]) / SIDE, 0.5)
    part = cv2.GaussianBlur(shown[low[1] : high[1], low[0] : high[0]].astype(np.float32) / 255, (0, 0), soft)
    left, top = np.float32(low[0]), np.float32(low[1])
    picture = cv2.remap(part, x - left, y - top, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = np.log(np.clip(picture, 0, 1) ** 2.2 + _DARK)
    look = np.stack([light @ _LUMA, light[..., 0] - light[..., 1], light[..., 2] - light[..., 1]], axis=-1)
    if seen.any():
        look -= np.median(look[seen], axis=0)
    return look.astype(np.float32), seen


def _remove_light(difference: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Remove smoothly varying light from a difference (SIDE, SIDE, 3); a robust fit ignores what covers the face."""
    basis, result = _basis(), np.empty_like(difference)
    rows = basis[used]
    for channel in range(3):
        values, weights = difference[..., channel][used], np.ones(len(rows))
        for _ in range(_ROUNDS):
            weighed = rows * weights[:, None]
            fitted = np.linalg.solve(rows.T @ weighed + 1e-6 * np.eye(rows.shape[1]), weighed.T @ values)
            left = values - rows @ fitted
            deviation = 1.4826 * np.median(np.abs(left)) + 1e-3
            weights = 1 / (1 + (left / (2 * deviation)) ** 2) ** 2
        result[..., channel] = difference[..., channel] - basis @ fitted
    return result


def _fill_gaps(estimate: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Smooth an estimate (SIDE, SIDE), and fill what was not compared from its surroundings."""
    weight = used.astype(np.float32)
    smooth, filled = (
        cv2.GaussianBlur(estimate * weight, (0, 0), soft) / np.maximum(cv2.GaussianBlur(weight, (0, 0), soft), 1e-3)
        for soft in (_SMOOTH, _FILL)
    )
    return np.asarray(np.where(used, smooth, filled), np.float32)


def _project(texture: np.ndarray, mesh: np.ndarray, low: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Project an estimate on the texture (SIDE, SIDE) to a crop of a picture, and snap it to the picture's edges.

    ``low`` is x and y of the crop's first pixel, ``shown`` the crop (h, w, 3) uint8. Returns (h, w) float32.
    """
    points, (height, width) = mesh[:FACE_POINTS], shown.shape[:2]
    values = np.column_stack([_texture_points(), np.ones(FACE_POINTS)])
    _, (u, v, face) = _draw(points[:, :2] - low, points[:, 2], values, (width, height))
    estimate = cv2.remap(texture, u, v, cv2.INTER_LINEAR) * (face > 0.5)
    side = 2 * max(round(_RADIUS * float(np.ptp(points[:, 1]))), 1) + 1
    guide = (shown.astype(np.float32) / 255) @ _LUMA

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)

    # Guided image filter (He, Sun and Tang 2010): near each pixel, the estimate is a linear function of the luma.
    luma, average = mean(guide), mean(estimate)
    slope = (mean(guide * estimate) - luma * average) / (mean(guide * guide) - luma * luma + _CONTRAST)
    filtered = mean(slope) * guide + mean(average - slope * luma)
    return np.asarray(np.clip(filtered, 0, 1) * (face > 0.5), np.float32)


def _draw(places: np.ndarray, depth: np.ndarray, values: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, ...]:
    return rasterise(places, depth, [canonical().triangles], np.zeros((FACE_POINTS, 2)), values, size)
