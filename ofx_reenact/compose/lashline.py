"""The line of lashes along an upper lid: measured where an eye is open, drawn where the lid comes down.

Lashes of an open eye point at the camera and up, over the lid; those of a shut one hang before the lower lid. So they
are not carried but drawn anew, in the colour and the thickness that the picture shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens

# Where lashes are looked for: from inside the opening to above the lid's edge, in widths of the eye; and how far along
# the eye, in halves of its width.
_BAND, _ALONG = (-0.03, 0.09), 0.75
# What is no darker than this, in brightnesses of the skin, is no lash.
_DARK = 0.85
# Thickness of the line, a deviation in widths of the eye: least and most; and in pixels, so that it does not break.
_THICK, _LEAST = (0.02, 0.036), 0.8
# Where lids meet, skin lies in its own shadow: however fair lashes are, the line is no brighter than this.
_SHADOW = 0.3
# Length of lashes that hang, at the inner and at the outer corner, in how high they reach above an open lid; the
# longest, in widths of the eye; and how far each leans outwards, in its own length.
_LENGTH, _LONGEST, _LEANS = (0.5, 1.2), 0.2, 0.8
# How many there are along the eye, row by row.
_ROWS = (37, 23)
# How much of what lies behind them lashes cover.
_COVER, _LINE = 0.62, 0.92


@dataclass(frozen=True)
class LashLine:
    """The lashes of one upper lid.

    Attributes:
        darkness: (3,) light that a lash lets through, in brightnesses of the skin beside it.
        thick: the line's half thickness, as a deviation in widths of the eye.
        outer: +1 if the outer corner of the eye is the lens's last, -1 if it is its first.
        reach: how high lashes reach above the open lid, in widths of the eye.
    """

    darkness: np.ndarray
    thick: float
    outer: float
    reach: float

    @classmethod
    def measure(cls, picture: np.ndarray, skin: np.ndarray, lens: Lens, outer: float, reach: float) -> LashLine:
        """Measure the lashes of an eye in a picture (H, W, C) beside the colours of its skin (n, C)."""
        width = 2 * lens.half
        t = np.linspace(*_BAND, 25)[:, None]
        u = np.linspace(-_ALONG, _ALONG, 41)[None]
        x, y = lens.pixels(u, lens.bounds(u)[0] - t * width)
        own = sample(picture, x, y)[..., :3]
        ratio = np.clip(own / np.maximum(np.median(skin[..., :3], axis=0), 1e-6), 0, 1)
        light = ratio.mean(-1)
        darkest = np.take_along_axis(ratio, light.argmin(0)[None, :, None], 0)[0]
        darkness = np.minimum(np.median(darkest, axis=0), _SHADOW)
        # As wide as a line that is as dark all over: a Gaussian of deviation s has an area of s √(2π).
        above = light[t[:, 0] > -0.01]
        lost = np.clip((_DARK - above) / _DARK, 0, None).mean(0) * (_BAND[1] + 0.01)
        thick = float(np.median(lost)) / (1 - float(darkness.mean())) / np.sqrt(2 * np.pi)
        return cls(darkness, float(np.clip(thick, *_THICK)), outer, reach)

    def cover(self, u: np.ndarray, below: np.ndarray, width: float) -> np.ndarray:
        """Return how far the line covers places (h, w) in [0, 1].

        ``u`` is the place along the eye, ``below`` how far it lies below the lid's edge, ``width`` the eye's, pixels.
        """
        out = np.clip((u * self.outer + 1) / 2, 0, 1)
        ends = smooth_step(np.where(u * self.outer > 0, (1.25 - np.abs(u)) / 0.45, (1 - np.abs(u)) / 0.3))
        thick = np.maximum(self.thick * width * (0.45 + 0.55 * smooth_step(out / 0.5)) * (0.5 + 0.5 * ends), _LEAST)
        line = _LINE * np.exp(-0.5 * (below / np.where(below < 0, 0.7 * thick, thick)) ** 2) * ends
        # Two rows that do not fall into step.
        rows = [self._hang(u, below, width, out, row) * ends for row in _ROWS]
        return np.maximum.reduce([line, *rows])

    def _hang(self, u: np.ndarray, below: np.ndarray, width: float, out: np.ndarray, count: int) -> np.ndarray:
        """Return how far a row of lashes that hang from the edge covers places."""
        length = np.minimum((_LENGTH[0] + (_LENGTH[1] - _LENGTH[0]) * out) * self.reach, _LONGEST) * width
        down = below / np.maximum(length, 1e-6)
        # Where on the lid the lash that passes here has its root, in lashes. They lean outwards from the middle.
        root = (u - (out - 0.35) * self.outer * _LEANS * 2 * np.clip(down, 0, 1) * length / width) * count / 2
        long, aside, strong = (_noise(root, seed) for seed in (count, count + 1, count + 2))
        reach = 0.3 + 0.7 * long
        apart = np.abs(root - np.floor(root) - 0.25 - 0.5 * aside + 0.2 * (strong - 0.5) * down)
        # A lash thinner than a pixel is as much paler.
        pixels = width / count
        half = np.maximum(0.22 * (1 - np.clip(down / reach, 0, 1)), 0.5 / max(pixels, 1.0))
        sharp = np.clip((half - apart) / np.maximum(0.16, 1 / pixels) + 0.5, 0, 1)
        fade = smooth_step((1 - down / reach) / 0.6) * np.clip(below / max(0.01 * width, 1.0) + 0.5, 0, 1)
        return np.asarray(_COVER * (0.5 + 0.5 * strong) * sharp * fade * min(1.0, pixels / 2))


def _noise(place: np.ndarray, seed: int) -> np.ndarray:
    """Return a number in [0, 1] for each whole part of places: the same for the same."""
    value = np.sin(np.floor(place) * 12.9898 + seed * 78.233) * 43758.5453
    return value - np.floor(value)
