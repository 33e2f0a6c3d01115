"""The line of lashes along an upper lid: measured on the open eye, drawn where the lid comes down.

Lashes of an open eye point at the camera and up, over the lid; those of a shut eye hang in front of the lower lid. So
they are not warped but drawn anew, in the colour and thickness that the picture shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens

# Where lashes are measured: a range of heights above the lid's edge (negative: in the eye), in widths of the eye; and
# how far to both sides of the eye's middle, in halves of its width.
_BAND, _ALONG = (-0.03, 0.09), 0.75
# Brightness, as a fraction of the skin's, above which a pixel is not a lash.
_DARK = 0.85
# Range of the line's thickness, a standard deviation in widths of the eye; and its least thickness in pixels, so that
# the line does not break.
_THICK, _LEAST = (0.02, 0.036), 0.8
# Largest brightness of the line as a fraction of the skin's, however fair the lashes: where lids meet, there is shadow.
_BRIGHTEST = 0.3
# Length of hanging lashes at the inner and at the outer corner, in multiples of their reach above the open lid; the
# greatest length, in widths of the eye; and how far each leans outwards, in multiples of its length.
_LENGTH, _LONGEST, _LEANS = (0.5, 1.2), 0.2, 0.8
# Number of lashes in each row along the eye.
_ROWS = (37, 23)
# Opacity of hanging lashes, and of the line.
_LASH_OPACITY, _LINE_OPACITY = 0.62, 0.92


@dataclass(frozen=True)
class LashLine:
    """The lashes of one upper lid.

    Attributes:
        darkness: (3,) colour of the lashes, as a fraction of the skin's beside them.
        thick: the line's half thickness, a standard deviation in widths of the eye.
        outer: ``u`` of the eye's outer corner, 1 or −1.
        reach: height of the lashes above the open lid, in widths of the eye.
    """

    darkness: np.ndarray
    thick: float
    outer: float
    reach: float

    @classmethod
    def measure(cls, picture: np.ndarray, skin: np.ndarray, lens: Lens, outer: float, reach: float) -> LashLine:
        """Measure the lashes of an open eye.

        Args:
            picture: (H, W, C) float32, scene-linear.
            skin: (n, C) colours of the skin around the eye.
            lens: the eye's opening.
            outer: as the attribute.
            reach: as the attribute.
        """
        width = 2 * lens.half
        t = np.linspace(*_BAND, 25)[:, None]
        u = np.linspace(-_ALONG, _ALONG, 41)[None]
        x, y = lens.pixels(u, lens.bounds(u)[0] - t * width)
        own = sample(picture, x, y)[..., :3]
        ratio = np.clip(own / np.maximum(np.median(skin[..., :3], axis=0), 1e-6), 0, 1)
        light = ratio.mean(-1)
        darkest = np.take_along_axis(ratio, light.argmin(0)[None, :, None], 0)[0]
        darkness = np.minimum(np.median(darkest, axis=0), _BRIGHTEST)
        # The line is a Gaussian that takes away as much light as was measured: its area is s √(2π) for a deviation s.
        above = light[t[:, 0] > -0.01]
        lost = np.clip((_DARK - above) / _DARK, 0, None).mean(0) * (_BAND[1] + 0.01)
        thick = float(np.median(lost)) / (1 - float(darkness.mean())) / np.sqrt(2 * np.pi)
        return cls(darkness, float(np.clip(thick, *_THICK)), outer, reach)

    def cover(self, u: np.ndarray, below: np.ndarray, width: float) -> np.ndarray:
        """Return the opacity of line and lashes, in [0, 1], at places of any shape.

        Args:
            u: place along the eye, −1 at its left and 1 at its right end.
            below: distance below the lid's edge, pixels; the same shape.
            width: of the eye, pixels.
        """
        out = np.clip((u * self.outer + 1) / 2, 0, 1)
        ends = smooth_step(np.where(u * self.outer > 0, (1.25 - np.abs(u)) / 0.45, (1 - np.abs(u)) / 0.3))
        thick = np.maximum(self.thick * width * (0.45 + 0.55 * smooth_step(out / 0.5)) * (0.5 + 0.5 * ends), _LEAST)
        line = _LINE_OPACITY * np.exp(-0.5 * (below / np.where(below < 0, 0.7 * thick, thick)) ** 2) * ends
        # Two rows with different numbers of lashes, so that they do not coincide.
        rows = [self._hang(u, below, width, out, row) * ends for row in _ROWS]
        return np.maximum.reduce([line, *rows])

    def _hang(self, u: np.ndarray, below: np.ndarray, width: float, out: np.ndarray, count: int) -> np.ndarray:
        """Return the opacity of one row of ``count`` lashes that hang from the lid's edge.

        ``out`` is the place along the eye, 0 at its inner and 1 at its outer corner.
        """
        length = np.minimum((_LENGTH[0] + (_LENGTH[1] - _LENGTH[0]) * out) * self.reach, _LONGEST) * width
        down = below / np.maximum(length, 1e-6)
        # Root of the lash that passes through each place, counted in lashes. They lean outwards from the middle.
        root = (u - (out - 0.35) * self.outer * _LEANS * 2 * np.clip(down, 0, 1) * length / width) * count / 2
        long, aside, strong = (_noise(root, seed) for seed in (count, count + 1, count + 2))
        reach = 0.3 + 0.7 * long
        apart = np.abs(root - np.floor(root) - 0.25 - 0.5 * aside + 0.2 * (strong - 0.5) * down)
        # A lash thinner than a pixel is drawn one pixel wide and paler.
        pixels = width / count
        half = np.maximum(0.22 * (1 - np.clip(down / reach, 0, 1)), 0.5 / max(pixels, 1.0))
        sharp = np.clip((half - apart) / np.maximum(0.16, 1 / pixels) + 0.5, 0, 1)
        fade = smooth_step((1 - down / reach) / 0.6) * np.clip(below / max(0.01 * width, 1.0) + 0.5, 0, 1)
        return np.asarray(_LASH_OPACITY * (0.5 + 0.5 * strong) * sharp * fade * min(1.0, pixels / 2))


def _noise(place: np.ndarray, seed: int) -> np.ndarray:
    """Return a pseudo-random number in [0, 1) for the integer part of each place, the same for the same seed."""
    value = np.sin(np.floor(place) * 12.9898 + seed * 78.233) * 43758.5453
    return value - np.floor(value)
