"""A shut upper lid, built: its skin comes out from under the crease, which stays about where it was.

An open eye shows a narrow strip of its lid, often under lashes and make-up. Drawn out over the eye, that strip becomes
streaks. So a lid that comes down has, above the crease, the skin as it was; below it smooth skin in the colours of the
skin around, with the grain of that below the eye; and along its edge one line of lashes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ofx_reenact.compose.lashline import LashLine
from ofx_reenact.compose.lidskin import UNDER, Brow, Crease, LidSkin
from ofx_reenact.compose.picture import Composed, Laid
from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens

# A lid is built from the first on and whole from the second: its way in heights of the open eye, and in its widths.
# The lower lid comes up by the rest. The carried lashes stay longer: until they would point up from a shut eye.
_SHUTS, _LASHES, _FALLS = (0.36, 0.62), (0.62, 0.78), (0.03, 0.08)
# How soft the crease of a shut lid is, in widths of the eye, and how dark.
_SOFT, _DEEP = 0.09, 0.12
# So far above the crease, in widths, skin is no darker than this, in brightnesses of the lid.
_LIFTED, _LIFTS = 0.14, 0.72
# A lid is round: how much brighter its upper part is than its mean, and how much darker its edge.
_ROUND = (0.06, 0.14)
# Height below the brow and way beside the crease over which the lid comes in; and how far below a shut lid's edge it is
# laid. In widths of the eye.
_BROW, _BESIDE, _OVER = 0.08, 0.12, 0.05
# Lids nearer than this, in widths, meet.
_MEET = 0.04
# How far above a falling lid's edge its carried lashes are kept beyond their reach, and over which way, in widths.
_KEPT, _FADES = 0.05, 0.06
# Places along the eye at which curves are known; scale on which a lid is made even along it, in halves of the width.
_ALONG, _EVEN = np.linspace(-1, 1, 401), 0.06
# No lash is further from the lid's edge than this, in widths.
_NEAR = 0.3
# Least room below the brow, in widths, and most of the grain's way from the eye.
_LEAST_ROOM, _GRAIN_TO = 0.05, 0.45
# Reach of the window beside and below an eye, in its widths.
_MARGIN = 0.35


@dataclass(frozen=True)
class _Places:
    """Pixels of a window of the result, in the frames of the eye there and in the picture; (h, w) each.

    Attributes:
        width: of the eye, pixels.
        u: place along the eye.
        from_u, from_v: place in the picture's, had the lid stayed up.
        open: how far above the open lid's edge places lie, pixels of the result.
        up: how far above the lid's edge they lie.
        gap: how far the lower lid lies below that edge.
        below_brow: how far below the brow they lie.
    """

    width: float
    u: np.ndarray
    from_u: np.ndarray
    from_v: np.ndarray
    open: np.ndarray
    up: np.ndarray
    gap: np.ndarray
    below_brow: np.ndarray


@dataclass(frozen=True)
class Lid:
    """One upper lid of one picture (H, W, C) float32, with what it is built from."""

    picture: np.ndarray
    lens: Lens
    brow: Brow
    crease: Crease
    skin: LidSkin
    lashes: LashLine

    @classmethod
    def take(cls, picture: np.ndarray, lens: Lens, brow: np.ndarray, outer: float) -> Lid:
        """Take what a lid is built from.

        Args:
            picture: (H, W, C) float32.
            lens: the eye's opening.
            brow: (n, 2) the brow's lower edge, from the picture's left to its right, pixels.
            outer: +1 if the eye's outer corner is the lens's last, -1 if it is its first.
        """
        edge = Brow.of(lens, brow)
        crease = Crease.find(picture, lens, edge, outer)
        skin = LidSkin.take(picture, lens, edge, crease)
        lashes = LashLine.measure(picture, np.concatenate([skin.above, skin.below]), lens, outer, crease.reach)
        return cls(picture, lens, edge, crease, skin, lashes)

    def lay(self, composed: Composed, moved: Lens, brow: np.ndarray, lid: float, lashes: float) -> None:
        """Lay the lid over a composed frame, in place, as far as it comes down there.

        ``moved`` is the eye's opening in the frame, ``brow`` (n, 2) the brow's lower edge, pixels; ``lid`` and
        ``lashes`` are how far these come down, as :func:`measure_shut` says.
        """
        box = moved.box(_MARGIN * 2 * moved.half)
        rows, columns = composed.slices
        x0, x1 = (int(at) - columns.start for at in (box[0], box[2]))
        y0, y1 = (int(at) - rows.start for at in (min(box[1], brow[:, 1].min()), box[3]))
        part = slice(max(y0, 0), max(y1, 0)), slice(max(x0, 0), max(x1, 0))
        colour = composed.colour[part]
        if not colour.size:
            return
        skin = composed.skin
        x, y = skin.places(part)
        places = self._place(x, y, moved, Brow.of(moved, brow))
        share = self._share(places, lid, lashes)
        shading = None if skin.shading is None else skin.shading[part]
        own = x + skin.offset[part][..., 0], y + skin.offset[part][..., 1]
        built, place, new = self._build(places, share, own)
        if shading is not None:
            built[..., :3] *= shading[..., None]
        # What is little but moved is taken whole: two pictures of one place would show.
        laid = np.clip(4 * share, 0, 1).astype(np.float32)
        colour += (built - colour) * laid[..., None]
        line = self._draw_lashes(places, lashes)
        dark = self.skin.mix(places.u, np.ones_like(places.u))[..., :3] * self.lashes.darkness
        colour[..., :3] += (dark - colour[..., :3]).astype(np.float32) * line[..., None]
        composed.places.append(Laid(part, place - np.stack([x, y], -1), laid * (1 - new)))
        invented = composed.invented[part]
        np.maximum(invented, np.maximum(laid * new, line), out=invented)
        if shading is not None:
            composed.lights.append(Laid(part, shading, laid))

    def _place(self, x: np.ndarray, y: np.ndarray, moved: Lens, brow: Brow) -> _Places:
        """Find pixels (h, w) of the result in the frames of the eye."""
        u, v = moved.coordinates(x, y)
        width, finer = 2 * moved.half, self.lens.half / moved.half
        edge, upper, now = _smooth_edge(moved, u), _upper(self.lens, u) / finer, brow.at(u)
        # Between the open lid's edge and the brow skin goes with both.
        up = np.clip((upper - v) / np.maximum(upper - now, _LEAST_ROOM * width), 0, 1)
        from_u = u + np.interp(u, brow.u, self.brow.u - brow.u) * up
        from_v = v * finer + np.interp(u, brow.u, self.brow.v - brow.v * finer) * up
        above = (_upper(self.lens, from_u) - from_v) / finer
        return _Places(width, u, from_u, from_v, above, edge - v, _lower(moved, u) - edge, v - now)

    def _share(self, places: _Places, lid: float, lashes: float) -> np.ndarray:
        """Return how far the built lid covers places: ``lid`` of it is built, ``lashes`` along its edge."""
        width, up = places.width, places.up
        over = smooth_step(1.5 - places.gap / (_MEET * width)) * _OVER * width
        inside = np.where(over > 1, 1 - smooth_step(-up / np.maximum(over, 1)), np.clip(up + 0.5, 0, 1))
        reach = (self.crease.reach * self.crease.rise(places.u) + _KEPT) * width
        amount = lid + (lashes - lid) * smooth_step((reach - up) / (_FADES * width))
        last = np.where(places.u * self.crease.outer > 0, self.crease.wing, 1)
        beside = smooth_step((last - np.abs(places.u)) / (2 * _BESIDE) + 0.5)
        return np.asarray(amount * inside * smooth_step(places.below_brow / (_BROW * width)) * beside)

    def _draw_lashes(self, places: _Places, amount: float) -> np.ndarray:
        """Return how far drawn lashes cover places, (h, w) float32, where ``amount`` of the carried ones is gone."""
        line = np.zeros(places.up.shape, np.float32)
        near = np.abs(places.up) < _NEAR * places.width
        # They are there before the carried ones are gone.
        line[near] = smooth_step(2 * amount) * self.lashes.cover(places.u[near], -places.up[near], places.width)
        return line

    def _build(
        self, places: _Places, share: np.ndarray, own: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Build the lid and the skin above it where they are by a share (h, w) what they are when the eye is shut.

        ``own`` is where in the picture places come from where nothing is built. Returns colours (h, w, C) float32,
        where in the picture they come from (h, w, 2), and how far they come from nowhere in it (h, w) float32.
        """
        u, width = places.u, places.width
        crease = self.crease.rise(places.from_u) * self.crease.height * width
        lid = smooth_step((crease - places.open) / (_SOFT * width) + 0.5)
        new = (lid * share).astype(np.float32)
        # Skin above the crease goes back up; carried lashes do not go over the eye.
        back = share * (1 - lid) + lid * share**4
        x, y = (a + (b - a) * back for a, b in zip(own, self.lens.pixels(places.from_u, places.from_v), strict=True))
        kept = sample(self.picture, x, y)
        smooth = self._smooth(places, crease)
        # Above the crease the open eye's lashes and their shadow go.
        near = share * (1 - smooth_step((places.open - crease) / (_LIFTED * width)))
        high, low = (np.maximum(colour[..., :3].mean(-1), 1e-6) for colour in (smooth, kept))
        lift = near * np.maximum(_LIFTS - low / high, 0)
        kept[..., :3] += smooth[..., :3] * lift[..., None].astype(np.float32)
        made = kept + (smooth - kept) * new[..., None]
        line = np.exp(-0.5 * ((places.open - crease) / (0.6 * _SOFT * width)) ** 2)
        fold = 1 - _DEEP * share * line * smooth_step((1.1 - np.abs(u)) / 0.4)
        made[..., :3] *= fold[..., None].astype(np.float32)
        return made, np.stack([x, y], -1), new

    def _smooth(self, places: _Places, crease: np.ndarray) -> np.ndarray:
        """Return the lid's new skin (h, w, C) float32; ``crease`` (h, w) is how high it begins, pixels."""
        up, finer = places.up, 2 * self.lens.half / places.width
        down = np.clip(1 - up / np.maximum(up + crease - places.open, 1e-6), 0, 1)
        smooth = self.skin.mix(places.u, down)
        # Grain goes with the lid's edge: it is that of the skin below the eye, turned over.
        under = UNDER[0] * places.width + np.clip(up, 0, _GRAIN_TO * places.width)
        grain = self.skin.grain_at(places.u, _lower(self.lens, places.u) + under * finer)
        bulge = _ROUND[0] * np.sin(np.pi * np.clip(1.2 * down, 0, 1)) - _ROUND[1] * smooth_step((down - 0.55) / 0.45)
        smooth[..., :3] *= (grain * (1 + bulge))[..., None].astype(np.float32)
        return smooth


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


def _upper(lens: Lens, u: np.ndarray) -> np.ndarray:
    """Return ``v`` of the upper curve; a table of it is much faster than the curve itself, and as exact as pixels."""
    return np.interp(u, _ALONG, lens.upper(_ALONG), 0, 0)


def _lower(lens: Lens, u: np.ndarray) -> np.ndarray:
    """Return ``v`` of the lower curve, likewise."""
    return np.interp(u, _ALONG, lens.lower(_ALONG), 0, 0)


def _smooth_edge(lens: Lens, u: np.ndarray) -> np.ndarray:
    """Return ``v`` of the upper curve without the corners that it has at the mesh's points."""
    inside = lens.upper(_ALONG)
    # Turned over beyond both corners, so that these stay where they are.
    whole = np.concatenate([-inside[:0:-1], inside, -inside[-2::-1]])
    last = len(_ALONG) - 1
    return np.interp(u, _ALONG, gaussian_filter1d(whole, _EVEN * last / 2)[last : 2 * last + 1])
