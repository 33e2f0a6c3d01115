"""An eye's ball in parts: the white, the iris as a disc, and the shadow of the lids, so that it turns behind them.

The parts together are the target's own pixels where nothing moves. What lids or iris hide is filled in from what is
seen of the same eye: the white from the white around it, the iris from the rest of its ring.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens, pixel_places
from ofx_reenact.warp.openings import Eye, Iris, Opening

# How far the shadow of the upper and of the lower lid, with their lashes, reaches over the eye, in its widths, and at
# most in heights of the opening.
_SHADOW = ((0.10, 0.4), (0.04, 0.2))
# What counts as white lies further than this from the iris's centre, in radii of the iris,
_WHITE_FROM = 1.2
# and is no darker than this, in brightnesses of the eye's bright parts: no lash and no corner.
_DARK, _BRIGHT = 0.5, 0.8
# Scales over which the white is continued, in widths of the eye, fine to coarse.
_SCALES = (0.03, 0.08, 0.2, 0.6)
# Scale of the light on the white, in widths of the eye, and how much darker or brighter it makes an iris that moves.
_LIGHT, _LIT = 0.12, (0.5, 1.4)
# Rings that an iris is averaged over, and how far, in radii.
_RINGS, _OUTERMOST = 24, 1.4
# How far beyond the opening the parts reach, in widths of the eye.
_MARGIN = 0.25


@dataclass(frozen=True)
class Eyeball:
    """The parts of one eye of one picture, over a window of it.

    Attributes:
        left: column of the window's first pixel.
        top: its row.
        white: (h, w, C) float32, continued under iris and lids.
        iris: (h, w, C) float32, the disc; whole rings, under lids too.
        light: (h, w, 1) float32, light on the white.
        shadow: of the upper and the lower lid, (h, w, C) float32 each: what is left of the light.
        glint: of the upper and the lower lid, (h, w, C) float32 each: what is brighter than the eye itself.
    """

    left: int
    top: int
    white: np.ndarray
    iris: np.ndarray
    light: np.ndarray
    shadow: tuple[np.ndarray, np.ndarray]
    glint: tuple[np.ndarray, np.ndarray]

    @classmethod
    def take(cls, picture: np.ndarray, lens: Lens, iris: Iris) -> Eyeball:
        """Take the eye in an opening of a picture (H, W, C) apart."""
        width = 2 * lens.half
        left, top, right, bottom = (round(at) for at in lens.box(_MARGIN * width))
        left, top = max(left, 0), max(top, 0)
        own = np.ascontiguousarray(picture[top : max(bottom, top + 1), left : max(right, left + 1)], np.float32)
        x, y = pixel_places(left, top, own.shape[1], own.shape[0])
        u, v = lens.coordinates(x, y)
        near = [
            1 - smooth_step(inside / max(min(reach * width, most * lens.gap * width), 1.0))
            for inside, (reach, most) in zip(_inside(lens, u, v), _SHADOW, strict=True)
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
        both = np.maximum(near[0] + near[1], 1e-6)
        share = [(one / both * smooth_step(4 * np.maximum(*near)))[..., None].astype(np.float32) for one in near]
        shadows, glints = [shade**one for one in share], [glint * one for one in share]
        return cls(left, top, white, disc, light, (shadows[0], shadows[1]), (glints[0], glints[1]))

    def show(self, eye: Eye) -> Opening:
        """Return the opening of an eye that turned behind its lids, with the colours that are seen in it."""
        white, light = self._at(self.white, eye.white), self._at(self.light, eye.white)
        lit = np.clip(light / np.maximum(self._at(self.light, eye.iris), 1e-6), *_LIT)
        colour = white + (self._at(self.iris, eye.iris) * lit - white) * eye.disc[..., None].astype(np.float32)
        for lid in range(2):
            shadow, glint = self._at(self.shadow[lid], eye.shadow[lid]), self._at(self.glint[lid], eye.glint[lid])
            colour = colour * shadow + glint
        return Opening(eye.left, eye.top, eye.coverage, (eye.view,), None, colour)

    def _at(self, part: np.ndarray, place: np.ndarray) -> np.ndarray:
        return sample(part, place[..., 0] - self.left, place[..., 1] - self.top)


def _inside(lens: Lens, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far below the upper and above the lower lid places are, pixels."""
    upper, lower = lens.bounds(u)
    return v - upper, lower - v


def _continue_white(own: np.ndarray, weight: np.ndarray, width: float) -> np.ndarray:
    """Continue what is white in an eye over the rest of it: (h, w, C), its own pixels where the weight (h, w) is 1."""
    luma = own[..., :3].mean(-1)
    sure = weight > 0.5
    white = float(np.percentile(luma[sure], 80)) if sure.any() else float(luma.max())
    bright = luma / max(white, 1e-6)
    # Where no white is seen, the brightest of what is there stands for it.
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
    """Complete an iris where lids hide it: (h, w, C), its ring's mean where (h, w) it is not seen.

    ``away`` (h, w) is the distance from the iris's centre, in radii.
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
