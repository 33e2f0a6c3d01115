"""Measure what a shut upper lid is built from: its crease, the colours of the skin around it, and their grain.

Conventions, as in :class:`~ofx_reenact.warp.lens.Lens`: ``u`` runs along the eye from −1 to 1, ``v`` across it in
pixels, downwards. Widths are the eye's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens

# Height of the crease above an open lid's edge, in widths: the least, the greatest, and the usual one. It is also at
# most the fraction _UNDER_BROW of the way to the brow.
_LOWEST, _HIGHEST, _USUAL, _UNDER_BROW = 0.09, 0.26, 0.14, 0.6
# Standard deviation of the logarithm of light along the eye, above which a line shows lashes.
_STROKES = 0.06
# Where the crease ends beside the outer corner, in halves of the eye's width: a constant, plus this factor times the
# lashes' reach.
_WING = (1.2, 1.2)
# Where skin is measured above the crease, in widths: up to a height above it, but not beyond a fraction of the way from
# the lid's edge to the brow; at least up to _LEAST.
_ABOVE, _ROOM, _LEAST = 0.12, 0.9, 0.04
# Between which two distances below the eye skin is measured, in widths.
UNDER = (0.1, 0.22)
# The quantiles of brightness between which colours are used: folds are darker, highlights brighter.
_USED = (0.3, 0.7)
# Brightness, as a fraction of the skin's below the eye: hair or a fold up to the first, skin from the second on.
_HAIR = (0.4, 0.65)
# Height between crease and brow, in widths, above which shadow on the skin there is allowed for, and how much more
# height until it is allowed for fully; the quantile of brightness that then counts as skin.
_SOCKET, _BRIGHT = (0.05, 0.1), 0.7
# Where little of the skin above the crease is visible, a default is mixed in. Its weight; and its brightness, as a
# factor on the skin below the eye.
_DOUBT, _DARKER = 0.12, 0.85
# Standard deviation of the smoothing along the eye, in halves of its width.
_ALONG = 0.25
# How much the light below the eye weighs, at the crease and at the lid's edge; and the range of its ratio to the light
# above.
_LOW, _LIGHT = (0.25, 0.5), (0.6, 1.6)
# Weight of the colour below the eye, and by how much its saturation must be higher for the whole weight: highlights
# desaturate skin.
_TINT, _FULLER = 0.6, 0.2
# How far to both sides of the eye's middle skin is measured, in halves of its width, and at how many places.
_ENDS, _PLACES = 1.5, 121
# Standard deviation of the blur that separates grain from skin, in widths, and how far grain's factor may be from 1.
_GRAIN, _RANGE = 0.022, 0.08
# Margin of the window that has the grain, in widths.
_MARGIN = 0.7


@dataclass(frozen=True)
class Brow:
    """A brow's lower edge relative to an eye: (n,) values of ``v`` over ascending ``u``."""

    u: np.ndarray
    v: np.ndarray

    @classmethod
    def of(cls, lens: Lens, points: np.ndarray) -> Brow:
        """Convert the edge's points (n, 2), pixels, from the picture's left to its right."""
        return cls(*lens.coordinates(*points.T))

    def at(self, u: np.ndarray) -> np.ndarray:
        """Return the edge's ``v`` at places along the eye."""
        return np.interp(u, self.u, self.v)


@dataclass(frozen=True)
class Crease:
    """The crease of an open upper lid, or the tips of its lashes if they reach higher.

    Attributes:
        height: above the lid's edge in the middle of the eye, in widths of the eye.
        reach: height of the lashes above the lid's edge, in widths of the eye.
        outer: ``u`` of the eye's outer corner, 1 or −1.
    """

    height: float
    reach: float
    outer: float

    @classmethod
    def find(cls, picture: np.ndarray, lens: Lens, brow: Brow, outer: float) -> Crease:
        """Find the crease in a picture (H, W, C) as the dark line along the lid, above the lashes."""
        width = 2 * lens.half
        u = outer * np.linspace(-0.7, 0.95, 166)[None]
        t = np.linspace(_LOWEST, _HIGHEST, 35)
        upper = lens.bounds(u)[0]
        room = float(np.median(upper - brow.at(u)))
        most = max(min(_HIGHEST, _UNDER_BROW * room / width), _LOWEST)
        rows = t[:, None] * cls(1.0, _LOWEST, outer).rise(u) * width
        luma = sample(picture[..., :3], *lens.pixels(u, upper - rows)).mean(-1)
        light = np.log(np.maximum(luma, 1e-6))
        # Lashes vary along the lid; a crease runs along it and is darker than the skin above and below.
        strokes = (light - gaussian_filter1d(light, 3.0, axis=1, mode="nearest")).std(axis=1)
        lashes = t[(strokes > _STROKES) & (t <= most)]
        reach = float(lashes.max()) if len(lashes) else _LOWEST
        line = np.median(light, axis=1)
        line = gaussian_filter1d(line, 5.0, mode="nearest") - gaussian_filter1d(line, 1.5, mode="nearest")
        line = np.where((t >= reach) & (t <= most), line - np.abs(t - _USUAL), -np.inf)
        return cls(float(t[int(line.argmax())]), reach, outer)

    def rise(self, u: np.ndarray) -> np.ndarray:
        """Return the crease's height along the eye, as a fraction of its height in the middle.

        At the outer corner it passes above the last lashes; at the inner corner there are no lashes.
        """
        inner = 0.35 + 0.65 * np.sqrt(np.clip(1 - u**2, 0, 1))
        return np.where(u * self.outer > 0, np.sqrt(np.clip(1 - (u / self.wing) ** 4, 0, 1)), inner)

    @property
    def wing(self) -> float:
        """Where the crease ends beside the outer corner, in halves of the eye's width."""
        return _WING[0] + _WING[1] * self.reach


@dataclass(frozen=True)
class LidSkin:
    """Smooth skin for an upper lid, and its grain. Colours are scene-linear.

    Attributes:
        lens: the eye's opening in the picture.
        above: (n, C) float32, colours above the crease, at n places along the eye.
        below: (n, C) float32, colours below the eye.
        left: column of the first pixel of the grain's window.
        top: row of the first pixel of the grain's window.
        grain: (h, w, 1) float32, a factor around 1.
    """

    lens: Lens
    above: np.ndarray
    below: np.ndarray
    left: int
    top: int
    grain: np.ndarray

    @classmethod
    def of_picture(cls, picture: np.ndarray, lens: Lens, brow: Brow, crease: Crease) -> LidSkin:
        """Measure it in a picture (H, W, C) of an open eye."""
        left, top, right, bottom = (round(at) for at in lens.box(_MARGIN * 2 * lens.half))
        # For an eye outside the picture, the window is at the picture's edge.
        left, top = (min(max(at, 0), size - 1) for at, size in zip((left, top), picture.shape[1::-1], strict=True))
        own = picture[top : max(bottom, top + 1), left : max(right, left + 1), :3]
        luma = np.ascontiguousarray(own.mean(-1), np.float32)
        soft = cv2.GaussianBlur(luma, (0, 0), max(_GRAIN * 2 * lens.half, 0.8))
        grain = np.clip(luma / np.maximum(soft, 1e-6), 1 - _RANGE, 1 + _RANGE)[..., None]
        above, below = _find_colours(picture, lens, brow, crease)
        return cls(lens, above, below, left, top, grain.astype(np.float32))

    def mix(self, u: np.ndarray, down: np.ndarray) -> np.ndarray:
        """Return smooth skin (h, w, C) at places along the eye; ``down`` is 0 at the crease and 1 at the lid's edge."""
        result, below = (_along(colours, u) for colours in (self.above, self.below))
        high, low = (np.maximum(colour[..., :3].mean(-1), 1e-6)[..., None] for colour in (result, below))
        weight = _LOW[0] + (_LOW[1] - _LOW[0]) * smooth_step(down)[..., None]
        light = high * (1 + (np.clip(low / high, *_LIGHT) - 1) * weight)
        tints = result[..., :3] / high, below[..., :3] / low
        saturation = [1 - tint.min(-1) / np.maximum(tint.max(-1), 1e-6) for tint in tints]
        other = _TINT * smooth_step((saturation[1] - saturation[0]) / _FULLER)[..., None]
        result[..., :3] = light * (tints[0] + (tints[1] - tints[0]) * other)
        return result

    def grain_at(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the grain's factor (h, w) at places ``u``, ``v``."""
        x, y = self.lens.pixels(u, v)
        return sample(self.grain, x - self.left, y - self.top)[..., 0]


def _find_colours(picture: np.ndarray, lens: Lens, brow: Brow, crease: Crease) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of the skin above the crease and below the eye, (n, C) each, at n places along the eye."""
    width = 2 * lens.half
    u = np.linspace(-_ENDS, _ENDS, _PLACES)
    upper, lower = lens.bounds(u)
    rise = crease.rise(u) * crease.height * width
    room = upper - brow.at(u)
    height = np.minimum(_ABOVE * width, np.maximum(_ROOM * room - rise, _LEAST * width))
    steps = np.linspace(0, 1, 13)[:, None]
    across = np.broadcast_to(u, (len(steps), _PLACES))
    above = sample(picture, *lens.pixels(across, upper - rise - steps * height))
    below = sample(picture, *lens.pixels(across, lower + (UNDER[0] + steps * (UNDER[1] - UNDER[0])) * width))
    sigma = _ALONG / (u[1] - u[0])
    low = gaussian_filter1d(_mean_usual(below, np.ones(below.shape[:2])), sigma, axis=0, mode="nearest")
    # Hair and deep folds are darker, compared with the skin below the eye, than the skin of any lid.
    luma, usual_light = above[..., :3].mean(-1), low[:, :3].mean(-1)
    # Under a high brow lies the eye socket, which may be in shadow.
    roomy = smooth_step(((room - rise) / width - _SOCKET[0]) / _SOCKET[1])
    shaded = np.minimum(np.quantile(luma, _BRIGHT, axis=0), usual_light)
    light = luma / np.maximum(usual_light + (shaded - usual_light) * roomy, 1e-6)
    weight = smooth_step((light - _HAIR[0]) / (_HAIR[1] - _HAIR[0]))
    known = weight.mean(0)[:, None]
    sums = _mean_usual(above, weight) * known
    known, sums = (gaussian_filter1d(x, sigma, axis=0, mode="nearest") for x in (known, sums))
    usual = np.concatenate([low[:, :3] * _DARKER, low[:, 3:]], axis=1)
    high = (sums + _DOUBT * usual) / (known + _DOUBT)
    return high.astype(np.float32), low.astype(np.float32)


def _mean_usual(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the mean (n, C) over rows (m, n, C), without the darkest and the brightest of each column."""
    order = np.argsort(colours[..., :3].mean(-1), axis=0, kind="stable")
    rank = np.argsort(order, axis=0) / len(colours)
    used = ((rank >= _USED[0]) & (rank < _USED[1])) * weight + 1e-6
    return np.asarray((colours * used[..., None]).sum(0) / used.sum(0)[:, None])


def _along(colours: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Interpolate colours (n, C) at places (h, w) along the eye: (h, w, C)."""
    at = np.clip((u + _ENDS) / (2 * _ENDS), 0, 1) * (_PLACES - 1)
    return sample(colours[None], at, np.zeros_like(at))
