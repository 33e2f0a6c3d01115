"""Separate an eye into white, iris and the lids' shadow, so that it can turn behind its lids.

Put together without motion, the parts give the target's own pixels. What lids or iris hide is filled in from the same
eye: the white from the white around it, the iris from the mean of its visible ring at the same radius.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens, pixel_places
from ofx_reenact.warp.openings import Eye, Iris, Opening

# Length of the shadow that a lid and its lashes cast on the eye, in widths of the eye; and its greatest length, in
# heights of the opening. For the upper and the lower lid.
_SHADOW = ((0.10, 0.4), (0.04, 0.2))
# White begins at this distance from the iris's centre, in radii of the iris.
_WHITE_FROM = 1.2
# Brightness, as a fraction of the eye's bright parts, up to which a pixel is not white (a lash, a corner), and from
# which it is.
_DARK, _BRIGHT = 0.5, 0.8
# Standard deviations of the blurs that fill in the white, in widths of the eye, fine to coarse.
_SCALES = (0.03, 0.08, 0.2, 0.6)
# Standard deviation of the blur that leaves only the light on the white, in widths of the eye; and the range of factors
# by which that light brightens or darkens a moving iris.
_LIGHT, _LIT = 0.12, (0.5, 1.4)
# Number of rings that an iris is averaged over, and their outer radius, in radii of the iris.
_RINGS, _OUTERMOST = 24, 1.4
# Margin of the parts around the opening, in widths of the eye.
_MARGIN = 0.25


@dataclass(frozen=True)
class Eyeball:
    """The parts of one eye, over a window of its picture. All are scene-linear.

    Attributes:
        left: column of the window's first pixel.
        top: row of the window's first pixel.
        white: (h, w, C) float32, continued under iris and lids.
        iris: (h, w, C) float32, the whole disc, continued under the lids.
        light: (h, w, 1) float32, light on the white.
        shadow: the upper and the lower lid's, (h, w, C) float32 each: the fraction of light that is left.
        glint: at the upper and the lower lid, (h, w, C) float32 each: light above that of white and iris.
    """

    left: int
    top: int
    white: np.ndarray
    iris: np.ndarray
    light: np.ndarray
    shadow: tuple[np.ndarray, np.ndarray]
    glint: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of_picture(cls, picture: np.ndarray, lens: Lens, iris: Iris) -> Eyeball:
        """Separate the eye in an opening of a picture (H, W, C) into its parts."""
        width = 2 * lens.half
        left, top, right, bottom = (round(at) for at in lens.box(_MARGIN * width))
        left, top = max(left, 0), max(top, 0)
        own = np.ascontiguousarray(picture[top : max(bottom, top + 1), left : max(right, left + 1)], np.float32)
        x, y = pixel_places(left, top, own.shape[1], own.shape[0])
        u, v = lens.coordinates(x, y)
        near = [
            1 - smooth_step(inside / max(min(reach * width, most * lens.gap * width), 1.0))
            for inside, (reach, most) in zip(_lid_distances(lens, u, v), _SHADOW, strict=True)
        ]
        seen = np.where(np.abs(u) < 1, 1 - np.maximum(*near), 0)
        away = np.hypot(x - iris.centre[0], y - iris.centre[1]) / iris.radius
        white = _continue_white(own, seen * smooth_step((away - _WHITE_FROM) / 0.2), width)
        disc = _complete_iris(own, seen, away)
        light = cv2.GaussianBlur(white[..., :3].mean(-1), (0, 0), max(_LIGHT * width, 0.5))[..., None]
        alpha = iris.cover(x, y)[..., None].astype(np.float32)
        bare = white + (disc - white) * alpha
        shade = np.clip(own / np.maximum(bare, 1e-6), 0, 1)
        glint = np.maximum(own - bare, 0)
        total = np.maximum(near[0] + near[1], 1e-6)
        weights = [(one / total * smooth_step(4 * np.maximum(*near)))[..., None].astype(np.float32) for one in near]
        shadows, glints = [shade**weight for weight in weights], [glint * weight for weight in weights]
        return cls(left, top, white, disc, light, (shadows[0], shadows[1]), (glints[0], glints[1]))

    def show(self, eye: Eye) -> Opening:
        """Return the opening of an eye that has turned behind its lids, with its colours."""
        white, light = self._at(self.white, eye.white), self._at(self.light, eye.white)
        lit = np.clip(light / np.maximum(self._at(self.light, eye.iris), 1e-6), *_LIT)
        colour = white + (self._at(self.iris, eye.iris) * lit - white) * eye.disc[..., None].astype(np.float32)
        for lid in range(2):
            shadow, glint = self._at(self.shadow[lid], eye.shadow[lid]), self._at(self.glint[lid], eye.glint[lid])
            colour = colour * shadow + glint
        return Opening(eye.left, eye.top, eye.coverage, (eye.map,), None, colour)

    def _at(self, part: np.ndarray, place: np.ndarray) -> np.ndarray:
        return sample(part, place[..., 0] - self.left, place[..., 1] - self.top)


def _lid_distances(lens: Lens, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far places lie below the upper lid and above the lower lid, pixels."""
    upper, lower = lens.bounds(u)
    return v - upper, lower - v


def _continue_white(own: np.ndarray, weight: np.ndarray, width: float) -> np.ndarray:
    """Fill an eye (h, w, C) with its white: returns its own pixels where ``weight`` (h, w) is 1 and they are white."""
    luma = own[..., :3].mean(-1)
    certain = weight > 0.5
    white = float(np.percentile(luma[certain], 80)) if certain.any() else float(luma.max())
    bright = luma / max(white, 1e-6)
    # Without any visible white, the brightest pixels stand for it.
    weight = weight * smooth_step((bright - _DARK) / (_BRIGHT - _DARK)) + 1e-6 * np.clip(bright, 0, 1)
    weight = np.minimum(weight, 1).astype(np.float32)[..., None]
    filled = np.zeros_like(own)
    for scale in reversed(_SCALES):
        sigma = max(scale * width, 0.5)
        soft = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)[..., None]
        mean = cv2.GaussianBlur(own * weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT).reshape(own.shape)
        known = np.clip(soft * 4, 0, 1) if scale != _SCALES[-1] else 1.0
        filled += (mean / np.maximum(soft, 1e-9) - filled) * known
    return filled + (own - filled) * weight


def _complete_iris(own: np.ndarray, seen: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Fill the hidden part of an iris (h, w, C) with the mean of its visible pixels at the same radius.

    ``seen`` (h, w) in [0, 1] is the visible part, ``away`` (h, w) the distance from the iris's centre, in radii.
    """
    ring = np.clip(away / _OUTERMOST * _RINGS - 0.5, 0, _RINGS - 1)
    low = np.floor(ring).astype(int)
    weight = (seen + 1e-6) * (away < _OUTERMOST)
    sums = np.bincount(low.ravel(), weight.ravel(), _RINGS)
    known = sums > 1e-3
    if not known.any():
        return own
    rings = np.arange(_RINGS)
    profile = [
        np.interp(
            ring,
            rings[known] + 0.5,
            np.bincount(low.ravel(), (weight * own[..., c]).ravel(), _RINGS)[known] / sums[known],
        )
        for c in range(own.shape[2])
    ]
    filled = np.stack(profile, -1).astype(np.float32)
    return filled + (own - filled) * seen[..., None].astype(np.float32)
