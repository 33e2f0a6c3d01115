"""Build an upper lid that shuts: new skin comes out from under the crease, which stays about where it was.

An open eye shows only a narrow strip of its lid, often under lashes and make-up; stretched over the eye, that strip
would become streaks. So above the crease the skin stays; below it comes smooth skin, in the colours above the crease
and below the eye, with the grain from below the eye; and along its edge one line of lashes.

Conventions, as in :class:`~ofx_reenact.warp.lens.Lens`: ``u`` runs along the eye from −1 to 1, ``v`` across it in
pixels, downwards. Widths are the eye's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ofx_reenact.compose.composite import Composed, Overlay
from ofx_reenact.compose.lashline import LashLine
from ofx_reenact.compose.lidskin import UNDER, Brow, Crease, LidSkin
from ofx_reenact.ops.sample import sample
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens

# How far a lid must come down for the built lid to begin, and to be complete: for skin and for lashes, in heights of
# the open eye; then for both, in widths. Less than a whole height shuts the eye, because the lower lid comes up.
# Warped lashes are replaced later than the lid's skin: only when they would point up from a shut eye.
_SKIN_FALL, _LASH_FALL, _FALL = (0.36, 0.62), (0.62, 0.78), (0.03, 0.08)
# Width of a shut lid's crease, in widths of the eye, and how much it darkens, as a fraction.
_CREASE, _CREASE_DARK = 0.09, 0.12
# Height above the crease, in widths, in which skin is brightened, and the least brightness, as a fraction of the lid's.
_LIFT_HEIGHT, _LEAST_LIGHT = 0.14, 0.72
# A lid is round: its upper part is brighter than its mean by this fraction, and its edge darker.
_ROUND = (0.06, 0.14)
# Length of the fade below the brow and beside the crease; and how far a shut lid overlaps the lower one. In widths.
_BROW_FADE, _SIDE_FADE, _OVERLAP = 0.08, 0.12, 0.05
# Distance between lids, in widths, below which they meet.
_MEET = 0.04
# Warped lashes are kept to this height above their reach, and fade out over this length. In widths.
_LASHES_KEPT, _LASHES_FADE = 0.05, 0.06
# Values of u at which curves are tabulated; and the scale on which a lid's edge is smoothed, in halves of the width.
_TABLE_U, _SMOOTHING = np.linspace(-1, 1, 401), 0.06
# Greatest distance of a lash from the lid's edge, in widths.
_LASH_AREA = 0.3
# Least height between lid and brow, and the greatest distance below the eye that grain is taken from. In widths.
_LEAST_ROOM, _GRAIN_TO = 0.05, 0.45
# Margin of the window beside and below an eye, in widths.
_MARGIN = 0.35


@dataclass(frozen=True)
class _Places:
    """Where the pixels (h, w) of a window of the result lie, relative to the eye; lengths in pixels of the result.

    Attributes:
        width: of the eye in the result.
        u: place along the eye in the result.
        from_u: place along the picture's eye that a pixel would come from if the lid had stayed open.
        from_v: the same across the eye, in pixels of the picture.
        above_open: height above the edge of the open lid.
        up: height above the edge of the lid in the result.
        gap: distance from that edge down to the lower lid.
        below_brow: distance below the brow.
    """

    width: float
    u: np.ndarray
    from_u: np.ndarray
    from_v: np.ndarray
    above_open: np.ndarray
    up: np.ndarray
    gap: np.ndarray
    below_brow: np.ndarray


@dataclass(frozen=True)
class Lid:
    """One open upper lid of one picture, with everything that a shut one is built from.

    Attributes:
        picture: (H, W, C) float32, scene-linear.
        lens: the eye's opening in the picture.
        brow: the brow's lower edge.
        crease: the lid's crease.
        skin: smooth skin and its grain.
        lashes: the line of lashes.
    """

    picture: np.ndarray
    lens: Lens
    brow: Brow
    crease: Crease
    skin: LidSkin
    lashes: LashLine

    @classmethod
    def of_picture(cls, picture: np.ndarray, lens: Lens, brow: np.ndarray, outer: float) -> Lid:
        """Measure an open lid in a picture.

        Args:
            picture: (H, W, C) float32, scene-linear.
            lens: the eye's opening.
            brow: (n, 2) the brow's lower edge, from the picture's left to its right, pixels.
            outer: ``u`` of the eye's outer corner, 1 or −1.
        """
        edge = Brow.of(lens, brow)
        crease = Crease.find(picture, lens, edge, outer)
        skin = LidSkin.of_picture(picture, lens, edge, crease)
        lashes = LashLine.measure(picture, np.concatenate([skin.above, skin.below]), lens, outer, crease.reach)
        return cls(picture, lens, edge, crease, skin, lashes)

    def draw(self, composed: Composed, moved: Lens, brow: np.ndarray, lid: float, lashes: float) -> None:
        """Draw the lid over a composed frame, in place, as far as it has come down.

        Args:
            composed: the frame's changed window.
            moved: the eye's opening in the frame.
            brow: (n, 2) the brow's lower edge in the frame, pixels.
            lid: how far the lid has come down, 0 to 1, from :func:`measure_shut`.
            lashes: the same for its lashes.
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
        coverage = self._coverage(places, lid, lashes)
        shading = None if skin.shading is None else skin.shading[part]
        own = x + skin.offset[part][..., 0], y + skin.offset[part][..., 1]
        built, place, new = self._build(places, coverage, own)
        if shading is not None:
            built[..., :3] *= shading[..., None]
        # Opaque where the coverage is at least a quarter: a mixture would show the same place twice.
        opacity = np.clip(4 * coverage, 0, 1).astype(np.float32)
        colour += (built - colour) * opacity[..., None]
        line = self._draw_lashes(places, lashes)
        dark = self.skin.mix(places.u, np.ones_like(places.u))[..., :3] * self.lashes.darkness
        colour[..., :3] += (dark - colour[..., :3]).astype(np.float32) * line[..., None]
        composed.offsets.append(Overlay(part, place - np.stack([x, y], -1), opacity * (1 - new)))
        invented = composed.invented[part]
        np.maximum(invented, np.maximum(opacity * new, line), out=invented)
        if shading is not None:
            composed.shadings.append(Overlay(part, shading, opacity))

    def _place(self, x: np.ndarray, y: np.ndarray, moved: Lens, brow: Brow) -> _Places:
        """Compute where pixels (h, w) of the result lie relative to the eye."""
        u, v = moved.coordinates(x, y)
        width, finer = 2 * moved.half, self.lens.half / moved.half
        edge, upper, brow_v = _smooth_edge(moved, u), _upper(self.lens, u) / finer, brow.at(u)
        # Skin between the open lid's edge and the brow moves with both.
        up = np.clip((upper - v) / np.maximum(upper - brow_v, _LEAST_ROOM * width), 0, 1)
        from_u = u + np.interp(u, brow.u, self.brow.u - brow.u) * up
        from_v = v * finer + np.interp(u, brow.u, self.brow.v - brow.v * finer) * up
        above = (_upper(self.lens, from_u) - from_v) / finer
        return _Places(width, u, from_u, from_v, above, edge - v, _lower(moved, u) - edge, v - brow_v)

    def _coverage(self, places: _Places, lid: float, lashes: float) -> np.ndarray:
        """Return the built lid's coverage (h, w) in [0, 1]: at most ``lid``, and ``lashes`` along its edge."""
        width, up = places.width, places.up
        over = smooth_step(1.5 - places.gap / (_MEET * width)) * _OVERLAP * width
        inside = np.where(over > 1, 1 - smooth_step(-up / np.maximum(over, 1)), np.clip(up + 0.5, 0, 1))
        reach = (self.crease.reach * self.crease.rise(places.u) + _LASHES_KEPT) * width
        amount = lid + (lashes - lid) * smooth_step((reach - up) / (_LASHES_FADE * width))
        last = np.where(places.u * self.crease.outer > 0, self.crease.wing, 1)
        beside = smooth_step((last - np.abs(places.u)) / (2 * _SIDE_FADE) + 0.5)
        return np.asarray(amount * inside * smooth_step(places.below_brow / (_BROW_FADE * width)) * beside)

    def _draw_lashes(self, places: _Places, amount: float) -> np.ndarray:
        """Return the opacity of drawn lashes, (h, w) float32; ``amount`` is the fraction of warped ones replaced."""
        line = np.zeros(places.up.shape, np.float32)
        near = np.abs(places.up) < _LASH_AREA * places.width
        # Drawn lashes are complete when half of the warped ones are still there.
        line[near] = smooth_step(2 * amount) * self.lashes.cover(places.u[near], -places.up[near], places.width)
        return line

    def _build(
        self, places: _Places, coverage: np.ndarray, own: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Build the lid and the skin above it.

        Args:
            places: the pixels to build.
            coverage: (h, w) in [0, 1], 0 for an open eye, 1 for a shut one.
            own: x and y in the picture, (h, w) each, that the pixels come from without a built lid.

        Returns:
            Colours (h, w, C) float32; x and y in the picture that they come from (h, w, 2); and the fraction of new
            skin, which comes from no place in it (h, w) float32.
        """
        u, width = places.u, places.width
        crease = self.crease.rise(places.from_u) * self.crease.height * width
        lid = smooth_step((crease - places.above_open) / (_CREASE * width) + 0.5)
        new = (lid * coverage).astype(np.float32)
        # Skin above the crease returns to where it was; warped lashes are not drawn out over the eye.
        back = coverage * (1 - lid) + lid * coverage**4
        x, y = (a + (b - a) * back for a, b in zip(own, self.lens.pixels(places.from_u, places.from_v), strict=True))
        kept = sample(self.picture, x, y)
        smooth = self._smooth(places, crease)
        # Above the crease, brighten away the open eye's lashes and their shadow.
        near = coverage * (1 - smooth_step((places.above_open - crease) / (_LIFT_HEIGHT * width)))
        high, low = (np.maximum(colour[..., :3].mean(-1), 1e-6) for colour in (smooth, kept))
        lift = near * np.maximum(_LEAST_LIGHT - low / high, 0)
        kept[..., :3] += smooth[..., :3] * lift[..., None].astype(np.float32)
        made = kept + (smooth - kept) * new[..., None]
        line = np.exp(-0.5 * ((places.above_open - crease) / (0.6 * _CREASE * width)) ** 2)
        fold = 1 - _CREASE_DARK * coverage * line * smooth_step((1.1 - np.abs(u)) / 0.4)
        made[..., :3] *= fold[..., None].astype(np.float32)
        return made, np.stack([x, y], -1), new

    def _smooth(self, places: _Places, crease: np.ndarray) -> np.ndarray:
        """Return the lid's new skin (h, w, C) float32; ``crease`` (h, w) is the crease's height, pixels."""
        up, finer = places.up, 2 * self.lens.half / places.width
        down = np.clip(1 - up / np.maximum(up + crease - places.above_open, 1e-6), 0, 1)
        smooth = self.skin.mix(places.u, down)
        # Grain moves with the lid's edge: it is the grain of the skin below the eye, mirrored.
        under = UNDER[0] * places.width + np.clip(up, 0, _GRAIN_TO * places.width)
        grain = self.skin.grain_at(places.u, _lower(self.lens, places.u) + under * finer)
        bulge = _ROUND[0] * np.sin(np.pi * np.clip(1.2 * down, 0, 1)) - _ROUND[1] * smooth_step((down - 0.55) / 0.45)
        smooth[..., :3] *= (grain * (1 + bulge))[..., None].astype(np.float32)
        return smooth


def measure_shut(lens: Lens, moved: Lens) -> tuple[float, float]:
    """Measure how far an upper lid comes down from one opening to another: 0 if it moves a little, 1 if the eye shuts.

    Returns the fraction for the lid's skin, and that for its lashes, which is never larger.
    """
    u = np.linspace(-0.8, 0.8, 33)
    upper, lower = lens.bounds(u)
    scale = moved.half / lens.half
    falls = float((moved.bounds(u)[0] - upper * scale).mean())
    opening = max(float((lower - upper).mean()) * scale, 1e-6)
    whole = float(smooth_step((falls / (2 * moved.half) - _FALL[0]) / (_FALL[1] - _FALL[0])))
    lid, lashes = (float(smooth_step((falls / opening - a) / (b - a))) * whole for a, b in (_SKIN_FALL, _LASH_FALL))
    return lid, lashes


def _upper(lens: Lens, u: np.ndarray) -> np.ndarray:
    """Return ``v`` of the upper curve from a table: much faster than the curve, and exact enough for pixels."""
    return np.interp(u, _TABLE_U, lens.upper(_TABLE_U), 0, 0)


def _lower(lens: Lens, u: np.ndarray) -> np.ndarray:
    """Return ``v`` of the lower curve from a table."""
    return np.interp(u, _TABLE_U, lens.lower(_TABLE_U), 0, 0)


def _smooth_edge(lens: Lens, u: np.ndarray) -> np.ndarray:
    """Return ``v`` of the upper curve, smoothed where it has corners at the mesh's points."""
    inside = lens.upper(_TABLE_U)
    # Mirrored through both ends of the curve, so that smoothing leaves these in place.
    whole = np.concatenate([-inside[:0:-1], inside, -inside[-2::-1]])
    last = len(_TABLE_U) - 1
    return np.interp(u, _TABLE_U, gaussian_filter1d(whole, _SMOOTHING * last / 2)[last : 2 * last + 1])
