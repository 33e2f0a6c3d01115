"""A shut upper lid, built: its skin comes out from under the crease, which stays about where it was.

An open eye shows a narrow strip of its lid, often under lashes and make-up. Drawn out over the eye, that strip is streaks.
What is seen instead where a lid comes down: above the crease the skin as it was, below it smooth skin in the colours
of the skin around, with the grain of that below the eye, and along its edge one line of lashes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from ofx_reenact.compose.lashline import LashLine
from ofx_reenact.compose.picture import Composed
from ofx_reenact.compose.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens
from ofx_reenact.warp.stmap import STMap

# A lid is built from the first on and whole from the second: its way in heights of the open eye, and in its widths.
# The lower lid comes up by the rest. The carried lashes stay longer: until they would point up from a shut eye.
_SHUTS, _LASHES, _FALLS = (0.36, 0.62), (0.5, 0.68), (0.03, 0.08)
# Height of the crease above an open lid's edge, in widths of the eye: least and most, and most of the way to the brow.
_CREASE, _UNDER_BROW = (0.09, 0.26), 0.6
# Where no line is found, a crease lies at this height. Lashes vary along the eye more than this, in logarithms of light.
_USUAL, _STROKES = 0.14, 0.06
# How soft the crease is, and how far below the eye skin is no more its own, in widths.
_SOFT, _BELOW = 0.09, 0.1
# How far above the crease skin is no darker than this, in brightnesses of the lid.
_LIFTED, _LIFTS = 0.14, 0.72
# How dark the crease of a shut lid is.
_DEEP = 0.12
# Skin is looked at above the crease up to a height, and below the eye between two, in widths of the eye; above within
# this much of the room below the brow, but no less than that. Of what is there, what lies between these quantiles:
# folds are darker, gleams brighter.
_ABOVE, _UNDER, _ROOM, _LEAST, _USED = 0.12, (0.1, 0.22), 0.9, 0.04, (0.2, 0.65)
# What is darker than the first, in brightnesses of the skin below the eye, is hair or a fold; from the second on skin.
_HAIR = (0.4, 0.65)
# Where less than this is known of the skin above, it is taken to be so much darker than that below the eye.
_DOUBT, _DARKER = 0.12, 0.85
# Scale along the eye on which its colour changes, in halves of the eye's width.
_ALONG = 0.25
# How much of the light along a lid's edge is that of the skin below the eye, and how far it may go from that above.
_LOW, _LIGHT = 0.5, (0.6, 1.5)
# Scale of what counts as grain, in widths, and how far it may go from 1.
_GRAIN, _RANGE = 0.022, 0.08
# A lid is round: how much brighter its upper part is than its mean, and how much darker its edge.
_ROUND = (0.06, 0.14)
# Where the crease ends beside the outer corner, in halves of the eye's width, and by how much more for long lashes.
_WING = (1.2, 1.2)
# Height below the brow over which the lid comes in, in widths.
_BROW = 0.08
# How far beside that, in halves of the eye's width, and how far below its edge, in its widths, the lid is laid.
_BESIDE, _OVER = 0.1, 0.05
# How far beside the eye skin is known, in halves of its width, and at how many places.
_ENDS, _PLACES = 1.5, 121
# Reach of the window around an eye, in its widths.
_MARGIN = 0.7


@dataclass(frozen=True)
class Lid:
    """One upper lid of one picture, with what it is built from, over a window of the picture.

    Attributes:
        picture: (H, W, C) float32, the whole picture.
        lens: the eye's opening in it.
        brow: (n, 2) its brow's lower edge in (u, v) of the lens.
        left: column of the window's first pixel.
        top: its row.
        skin: colours above the crease and below the eye, smooth, at places from -1.5 to 1.5 along the eye, (n, C) each.
        grain: (h, w, 1) float32, a factor around 1.
        crease: height of the crease above the lid's edge, pixels.
        lashes: along its edge.
    """

    picture: np.ndarray
    lens: Lens
    brow: tuple[np.ndarray, np.ndarray]
    left: int
    top: int
    skin: tuple[np.ndarray, np.ndarray]
    grain: np.ndarray
    crease: float
    lashes: LashLine

    @classmethod
    def take(cls, picture: np.ndarray, lens: Lens, brow: np.ndarray, outer: float) -> Lid:
        """Take what a lid is built from.

        Args:
            picture: (H, W, C) float32.
            lens: the eye's opening.
            brow: (n, 2) the brow's lower edge, from the picture's left to its right, pixels.
            outer: +1 if the eye's outer corner is the lens's last, -1 if its first.
        """
        width = 2 * lens.half
        left, top, right, bottom = (round(at) for at in lens.box(_MARGIN * width))
        left, top = max(left, 0), max(top, 0)
        own = np.ascontiguousarray(picture[top : max(bottom, top + 1), left : max(right, left + 1)], np.float32)
        at, height = lens.coordinates(*brow.T)
        crease, reach = _find_crease(picture, lens, at, height, outer)
        skin = _find_skin(picture, lens, at, height, crease, outer)
        soft = cv2.GaussianBlur(own[..., :3].mean(-1), (0, 0), max(_GRAIN * width, 0.8))
        ratio = own[..., :3].mean(-1) / np.maximum(soft, 1e-6)
        grain = np.clip(ratio, 1 - _RANGE, 1 + _RANGE)[..., None].astype(np.float32)
        lashes = LashLine.measure(picture, np.concatenate(skin), lens, outer, reach)
        return cls(picture, lens, (at, height), left, top, skin, grain, crease, lashes)

    def lay(self, composed: Composed, stmap: STMap, moved: Lens, brow: np.ndarray) -> None:
        """Lay the lid over a composed frame, in place, as far as it comes down there.

        ``moved`` is the eye's opening in the frame, ``brow`` (n, 2) the brow's lower edge.
        """
        amount, late = measure_shut(self.lens, moved)
        if amount <= 0:
            return
        width, finer = 2 * moved.half, self.lens.half / moved.half
        box = moved.box(_MARGIN * width)
        box = (box[0], min(box[1], float(brow[:, 1].min())), *box[2:])
        rows, columns = composed.slices
        x0, y0 = (max(int(np.floor(at)) - begin, 0) for at, begin in zip(box[:2], (columns.start, rows.start), strict=True))
        x1, y1 = (int(np.ceil(at)) + 1 - begin for at, begin in zip(box[2:], (columns.start, rows.start), strict=True))
        part = (slice(y0, max(y1, y0)), slice(x0, max(x1, x0)))
        colour = composed.colour[part]
        if not colour.size:
            return
        y, x = np.mgrid[y0 : y0 + colour.shape[0], x0 : x0 + colour.shape[1]].astype(np.float64)
        u, v = moved.coordinates(x + columns.start, y + rows.start)
        edge = _smooth_edge(moved, u)
        # Where the open lid's edge would be, and the brow: between them skin goes with both.
        was = self.lens.bounds(u)[0] / finer
        at, height = moved.coordinates(*brow.T)
        now, then = np.interp(u, at, height), np.interp(u, *self.brow)
        room = np.maximum(was - now, 0.05 * width)
        from_v = v * finer + (then - now * finer) * np.clip((was - v) / room, 0, 1)
        above = (was * finer - from_v) / finer
        built, skin = self._build(u, from_v, above, edge - v, width, finer)
        shading = None if stmap.shading is None else stmap.shading[part]
        if shading is not None:
            built[..., :3] *= shading[..., None]
        over = edge - v
        meets = smooth_step(1.5 - (moved.bounds(u)[1] - edge) / (0.04 * width)) * _OVER * width
        bottom = np.where(over > 0, np.clip(over + 0.5, 0, 1), 1 - smooth_step(-over / np.maximum(meets, 1.0)))
        top = smooth_step((v - now) / (_BROW * width))
        # Up to where carried lashes reach.
        reach = (self.lashes.reach * _rise(u, self.lashes.outer, self.lashes.reach) + 0.05) * width
        amounts = amount + (late - amount) * smooth_step((reach - over) / (0.06 * width))
        share = amounts * bottom * top * smooth_step((_measure_wing(self.lashes.reach) + _BESIDE - np.abs(u)) / 0.25)
        colour += (built - colour) * share[..., None].astype(np.float32)
        line = late * self.lashes.cover(u, -over, width)[..., None]
        dark = self._mix_skin(u, np.ones_like(u))[..., :3] * self.lashes.darkness
        colour[..., :3] += ((dark - colour[..., :3]) * line).astype(np.float32)
        invented = np.maximum(share * skin, line[..., 0]).astype(np.float32)
        np.maximum(composed.invented[part], invented, out=composed.invented[part])
        if composed.shading is not None and shading is not None:
            composed.shading[part] += (shading - composed.shading[part]) * share.astype(np.float32)

    def _build(
        self, u: np.ndarray, from_v: np.ndarray, above: np.ndarray, up: np.ndarray, width: float, finer: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the colours of the lid and of the skin above it (h, w, C), and how far places are of the lid (h, w).

        ``above`` is how far places lie above the open lid's edge, ``up`` above the lid's own, pixels of the result.
        """
        crease = _rise(u, self.lashes.outer, self.lashes.reach) * self.crease / finer
        lid = smooth_step((crease - above) / (_SOFT * width) + 0.5)
        kept = sample(self.picture, *self.lens.pixels(u, from_v))
        # Grain that goes with the lid's edge: that of the skin below the eye, turned over.
        below = self.lens.bounds(u)[1] + (_BELOW * width + np.clip(up, 0, 0.45 * width)) * finer
        grain = self._at(self.grain, u, below)
        down = np.clip(1 - up / np.maximum(up + crease - above, 1e-6), 0, 1)
        smooth = self._mix_skin(u, down)
        bulge = 1 + _ROUND[0] * np.sin(np.pi * np.clip(down * 1.2, 0, 1)) - _ROUND[1] * smooth_step((down - 0.55) / 0.45)
        fold = 1 - _DEEP * np.exp(-0.5 * ((above - crease) / (0.6 * _SOFT * width)) ** 2) * smooth_step((1.1 - np.abs(u)) / 0.4)
        light = (grain[..., 0] * bulge)[..., None].astype(np.float32)
        smooth[..., :3] *= light
        # Above the crease the open eye's lashes and their shadow go.
        near = 1 - smooth_step((above - crease) / (_LIFTED * width))
        dark = _LIFTS * smooth[..., :3].mean(-1) / np.maximum(kept[..., :3].mean(-1), 1e-6)
        kept[..., :3] *= (np.clip(dark, 1, 4) ** near)[..., None].astype(np.float32)
        made = kept + (smooth - kept) * lid[..., None].astype(np.float32)
        made[..., :3] *= fold[..., None].astype(np.float32)
        return made, lid

    def _mix_skin(self, u: np.ndarray, down: np.ndarray) -> np.ndarray:
        """Return smooth skin (h, w, C) at places along the eye, from its crease (0) down to its edge (1)."""
        result, below = (_along(colour, u) for colour in self.skin)
        # The skin below the eye has another colour, but its light.
        light = below[..., :3].mean(-1) / np.maximum(result[..., :3].mean(-1), 1e-6)
        factor = 1 + (np.clip(light, *_LIGHT) - 1) * _LOW * smooth_step(down)
        result[..., :3] *= factor[..., None].astype(np.float32)
        return result

    def _at(self, part: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        x, y = self.lens.pixels(u, v)
        return sample(part, x - self.left, y - self.top)


def measure_shut(lens: Lens, moved: Lens) -> tuple[float, float]:
    """Measure how far an upper lid comes down between two openings: 0 where it moves a little, 1 where the eye shuts.

    Returns it for the lid and for its lashes, which are no further.
    """
    u = np.linspace(-0.8, 0.8, 33)
    upper, lower = lens.bounds(u)
    scale = moved.half / lens.half
    falls = float((moved.bounds(u)[0] - upper * scale).mean())
    opening = max(float((lower - upper).mean()) * scale, 1e-6)
    whole = float(smooth_step((falls / (2 * moved.half) - _FALLS[0]) / (_FALLS[1] - _FALLS[0])))
    lid, lashes = (float(smooth_step((falls / opening - a) / (b - a))) * whole for a, b in (_SHUTS, _LASHES))
    return lid, lashes


def _rise(u: np.ndarray, outer: float, reach: float = _CREASE[0]) -> np.ndarray:
    """Return how high the crease lies along the eye, in fractions of its height in the middle.

    At the outer corner it passes above the last lashes, which reach so high; at the inner corner there are none.
    """
    inner = 0.35 + 0.65 * np.sqrt(np.clip(1 - u**2, 0, 1))
    return np.where(u * outer > 0, np.sqrt(np.clip(1 - (u / _measure_wing(reach)) ** 4, 0, 1)), inner)


def _measure_wing(reach: float) -> float:
    """Return where the crease ends beside the outer corner, in halves of the eye's width."""
    return _WING[0] + _WING[1] * reach


def _smooth_edge(lens: Lens, u: np.ndarray) -> np.ndarray:
    """Return ``v`` of the upper curve without the corners that it has at the mesh's points."""
    along = np.linspace(-1, 1, 201)
    inside = lens.upper(along)
    # Turned over beyond both corners, so that these stay where they are.
    whole = np.concatenate([-inside[:0:-1], inside, -inside[-2::-1]])
    return np.interp(u, along, gaussian_filter1d(whole, 6.0)[200:401])


def _find_crease(picture: np.ndarray, lens: Lens, at: np.ndarray, height: np.ndarray, outer: float) -> tuple[float, float]:
    """Find the crease above an open lid, in pixels above its edge, and how high lashes reach, in widths of the eye.

    Where lashes reach higher than the crease, it is taken to be there.
    """
    width = 2 * lens.half
    u = outer * np.linspace(-0.7, 0.95, 166)[None]
    t = np.linspace(*_CREASE, 35)
    upper = lens.bounds(u)[0]
    room = float(np.median(upper - np.interp(u, at, height)))
    most = max(min(_CREASE[1], _UNDER_BROW * room / width), _CREASE[0])
    luma = sample(picture[..., :3], *lens.pixels(u, upper - t[:, None] * _rise(u, outer) * width)).mean(-1)
    light = np.log(np.maximum(luma, 1e-6))
    # Lashes stand across the lid, a crease lies along it.
    strokes = (light - gaussian_filter1d(light, 3.0, axis=1, mode="nearest")).std(axis=1)
    lashes = t[np.nonzero((strokes > _STROKES) & (t <= most))[0]]
    least = float(lashes.max()) if len(lashes) else _CREASE[0]
    line = np.median(light, axis=1)
    line = gaussian_filter1d(line, 5.0, mode="nearest") - gaussian_filter1d(line, 1.5, mode="nearest")
    line = np.where((t >= least) & (t <= most), line - np.abs(t - _USUAL), -np.inf)
    return float(t[int(line.argmax())]) * width, least


def _find_skin(
    picture: np.ndarray, lens: Lens, at: np.ndarray, height: np.ndarray, crease: float, outer: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of the skin above the crease and below the eye, (n, C) each, along the eye."""
    width = 2 * lens.half
    u = np.linspace(-_ENDS, _ENDS, _PLACES)
    upper, lower = lens.bounds(u)
    usable = np.maximum(_ROOM * (upper - np.interp(u, at, height)) - _rise(u, outer) * crease, _LEAST * width)
    tops, lows = upper - _rise(u, outer) * crease, lower + _UNDER[0] * width
    steps = np.linspace(0, 1, 13)[:, None]
    above = sample(picture, *lens.pixels(np.broadcast_to(u, (13, _PLACES)), tops - steps * np.minimum(_ABOVE * width, usable)))
    below = sample(picture, *lens.pixels(np.broadcast_to(u, (13, _PLACES)), lows + steps * (_UNDER[1] - _UNDER[0]) * width))
    sigma = _ALONG / (u[1] - u[0])
    low = gaussian_filter1d(_middle(below), sigma, axis=0, mode="nearest")
    # Hair and deep folds are darker than the skin of any lid beside that below the eye.
    light = above[..., :3].mean(-1) / np.maximum(low[:, :3].mean(-1), 1e-6)
    weight = smooth_step((light - _HAIR[0]) / (_HAIR[1] - _HAIR[0]))
    middle = _middle(above, weight)
    known = weight.mean(0)[:, None]
    known, high = (gaussian_filter1d(x, sigma, axis=0, mode="nearest") for x in (known, middle * known))
    high = (high + _DOUBT * _DARKER * low) / (known + _DOUBT)
    return high.astype(np.float32), low.astype(np.float32)


def _middle(colours: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Return the mean (n, C) over rows (m, n, C) of those that are neither the darkest nor the brightest."""
    order = np.argsort(colours[..., :3].mean(-1), axis=0, kind="stable")
    rank = np.argsort(order, axis=0) / len(colours)
    used = ((rank >= _USED[0]) & (rank < _USED[1])) * (1.0 if weight is None else weight) + 1e-6
    return (colours * used[..., None]).sum(0) / used.sum(0)[:, None]


def _along(colour: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return colours (h, w, C) at places along the eye."""
    at = np.clip((u + _ENDS) / (2 * _ENDS), 0, 1) * (_PLACES - 1)
    return sample(colour[None], at, np.zeros_like(at))
