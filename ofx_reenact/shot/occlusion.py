"""An estimate of what lies before a face in a plate that moves: where the face looks otherwise than it mostly does.

The face of each frame is laid out on one texture. Over frames of the shot, the median says what this face looks like,
beard, glasses and make-up included, and the deviation from it how much talking and shadows change that. What differs by
more, after light that changes smoothly over the face is taken out, is before it. What is before it in most frames is
taken for the face.
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

# Side of the texture, and what is averaged under one of its pixels, as a deviation in those.
SIDE, _SOFT = 192, 0.6
# Eyes, lips, brows and nostrils change by themselves: by how many pixels of the texture they are left out.
_BROWS = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
_NOSTRILS = (98, 97, 2, 326, 327, 64, 294, 94, 19)
_EYE, _LIPS, _BROW, _NOSTRIL = 6, 4, 5, 2
# The rim is not looked at, nor what is turned away further than that (cosine): tracks are unsure there.
_RIM, _FACING = 4, 0.3
# Luma, and logarithms of red to green and of blue to green, of linear light with a floor for noise in the dark.
_LUMA, _DARK = np.array([0.2126, 0.7152, 0.0722], np.float32), 0.01
# What of each never counts, and how many deviations over the frames do not either.
_LEAST, _DEVIATIONS = np.array([0.30, 0.13, 0.16], np.float32), 2.0
# From so many times that on something is there, and is certain.
_SEEN, _SURE = 1.0, 2.0
# Deviations in the texture of what is smoothed, and of what fills in where nothing is looked at.
_SMOOTH, _FILL = 1.0, 6.0
_ROUNDS = 8
# Edges of the plate: radius in heights of the face, and contrast (squared) that counts as one.
_RADIUS, _CONTRAST = 1 / 50, 2e-3


@dataclass(frozen=True)
class Usual:
    """What a face mostly looks like, on the texture.

    Attributes:
        look, deviation: median over frames and deviation from it, (SIDE, SIDE, 3) float32.
        known: (SIDE, SIDE) bool, what most frames show.
    """

    look: np.ndarray
    deviation: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, shown: Sequence[np.ndarray], meshes: Sequence[np.ndarray]) -> Usual:
        """Learn it from frames (H, W, 3) uint8 and their meshes (478, 3), pixels; best a dozen all over a shot."""
        made = [_texture(one, mesh) for one, mesh in zip(shown, meshes, strict=True)]
        looks = np.stack([np.where(seen[..., None], look, np.nan) for look, seen in made])
        known = np.stack([seen for _, seen in made]).sum(0) > len(made) / 2
        look, deviation = np.zeros((2, SIDE, SIDE, 3), np.float32)
        look[known] = np.nanmedian(looks[:, known], axis=0)
        deviation[known] = 1.4826 * np.nanmedian(np.abs(looks[:, known] - look[known]), axis=0)
        return cls(look, deviation, known)

    def occlusion(self, shown: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """Estimate where something lies before the face of a frame.

        Args:
            shown: (H, W, 3) uint8, as a display shows it.
            mesh: (478, 3) pixels.

        Returns:
            (H, W) float32 in [0, 1]; 0 beside the face.
        """
        look, seen = _texture(shown, mesh)
        skin, _ = _areas()
        used = seen & self.known & skin
        result = np.zeros(shown.shape[:2], np.float32)
        if used.sum() < _basis().shape[-1] * 10:
            return result
        other = _without_light(look - self.look, used)
        amount = np.linalg.norm(other / np.maximum(_DEVIATIONS * self.deviation, _LEAST), axis=-1)
        there = np.clip((amount - _SEEN) / (_SURE - _SEEN), 0, 1).astype(np.float32)
        low = np.clip(np.floor(mesh[:FACE_POINTS, :2].min(0)).astype(int), 0, np.array(shown.shape[1::-1]))
        high = np.clip(np.ceil(mesh[:FACE_POINTS, :2].max(0)).astype(int) + 1, low, np.array(shown.shape[1::-1]))
        if (high > low).all():
            box = slice(low[1], high[1]), slice(low[0], high[0])
            result[box] = _in_picture(_filled(there, used), mesh, low, shown[box])
        return result


@lru_cache(maxsize=1)
def _places() -> np.ndarray:
    """Where the mesh's points lie on the texture, (468, 2): unrolled about the head's axis."""
    points = canonical().points
    round_head = np.arctan2(points[:, 0], points[:, 2].max() + 2 - points[:, 2])
    flat = np.stack([round_head, points[:, 1]], axis=1)
    return np.asarray((flat - flat.min(0)) / np.ptp(flat, axis=0) * (SIDE - 1))


@lru_cache(maxsize=1)
def _areas() -> tuple[np.ndarray, np.ndarray]:
    """Where the texture shows skin that is looked at, and where it shows the face: (SIDE, SIDE) bool each."""
    _, (face,) = _draw(_places(), np.zeros(FACE_POINTS), np.ones((FACE_POINTS, 1)), (SIDE, SIDE))
    whole = face > 0.5
    apart = np.zeros((SIDE, SIDE), np.uint8)
    contours = (EYE_RIGHT, _EYE), (EYE_LEFT, _EYE), (LIPS_OUTER, _LIPS)
    areas = [([i for half in contour for i in half], grow) for contour, grow in contours]
    areas += [*((list(brow), _BROW) for brow in _BROWS), (list(_NOSTRILS), _NOSTRIL)]
    for points, grow in areas:
        area = np.zeros_like(apart)
        cv2.fillPoly(area, [cv2.convexHull(np.rint(_places()[points]).astype(np.int32))], 1)
        apart |= cv2.dilate(area, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1)))
    inner = cv2.erode(whole.astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1)), borderValue=0) > 0
    return inner & (apart == 0), whole


@lru_cache(maxsize=1)
def _basis() -> np.ndarray:
    """Light that changes smoothly over the face: (SIDE, SIDE, 6) float64."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) * 2 - 1
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)


def _texture(shown: np.ndarray, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what a frame looks like on the texture, (SIDE, SIDE, 3) float32, and where it is seen: (SIDE, SIDE)."""
    points = mesh[:FACE_POINTS]
    corners = points[canonical().triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((FACE_POINTS, 3))
    np.add.at(normals, canonical().triangles.ravel(), faces.repeat(3, axis=0))
    facing = np.abs(normals[:, 2]) / np.maximum(np.linalg.norm(normals, axis=1), 1e-9)
    # Seen from behind, the nose's side has the other sign.
    facing *= np.sign(normals[:, 2]) * np.sign(np.median(normals[:, 2]))
    values = np.column_stack([points[:, :2], facing])
    _, (x, y, turned) = _draw(_places(), np.zeros(FACE_POINTS), values, (SIDE, SIDE))
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


def _without_light(other: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Take out of a difference (SIDE, SIDE, 3) what changes smoothly over the face, whatever lies before it."""
    basis, result = _basis(), np.empty_like(other)
    rows = basis[used]
    for channel in range(3):
        values, weights = other[..., channel][used], np.ones(len(rows))
        for _ in range(_ROUNDS):
            weighed = rows * weights[:, None]
            fitted = np.linalg.solve(rows.T @ weighed + 1e-6 * np.eye(rows.shape[1]), weighed.T @ values)
            left = values - rows @ fitted
            deviation = 1.4826 * np.median(np.abs(left)) + 1e-3
            weights = 1 / (1 + (left / (2 * deviation)) ** 2) ** 2
        result[..., channel] = other[..., channel] - basis @ fitted
    return result


def _filled(there: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Smooth an estimate (SIDE, SIDE), and fill in what is not looked at from around it."""
    weight = used.astype(np.float32)
    smooth, filled = (
        cv2.GaussianBlur(there * weight, (0, 0), soft) / np.maximum(cv2.GaussianBlur(weight, (0, 0), soft), 1e-3)
        for soft in (_SMOOTH, _FILL)
    )
    return np.asarray(np.where(used, smooth, filled), np.float32)


def _in_picture(there: np.ndarray, mesh: np.ndarray, low: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Lay an estimate (SIDE, SIDE) over a part (h, w, 3) of a picture that begins at ``low``, along its edges."""
    points, (height, width) = mesh[:FACE_POINTS], shown.shape[:2]
    values = np.column_stack([_places(), np.ones(FACE_POINTS)])
    _, (u, v, face) = _draw(points[:, :2] - low, points[:, 2], values, (width, height))
    estimate = cv2.remap(there, u, v, cv2.INTER_LINEAR) * (face > 0.5)
    side = 2 * max(round(_RADIUS * float(np.ptp(points[:, 1]))), 1) + 1
    guide = (shown.astype(np.float32) / 255) @ _LUMA

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)

    # He et al., "Guided image filtering": near each pixel the estimate is a line in the plate's luma.
    at, of = mean(guide), mean(estimate)
    slope = (mean(guide * estimate) - at * of) / (mean(guide * guide) - at * at + _CONTRAST)
    along = mean(slope) * guide + mean(of - slope * at)
    return np.asarray(np.clip(along, 0, 1) * (face > 0.5), np.float32)


def _draw(places: np.ndarray, depth: np.ndarray, values: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, ...]:
    return rasterise(places, depth, [canonical().triangles], np.zeros((FACE_POINTS, 2)), values, size)
