"""Compose one frame at plate resolution: the skin through the STMap, eyes and mouth behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ofx_reenact.ops.backend import Array, Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.warp.openings import Opening
from ofx_reenact.warp.stmap import STMap

# Of the lips' own colour: how bright the inside of a mouth is at its darkest and on the tongue.
INSIDE_DARK, INSIDE_LIGHT = 0.06, 0.22
# A picture whose channels differ by less than this, display-encoded, is grey and stays so.
GREY = 2e-3


@dataclass(frozen=True)
class Laid:
    """What is said of a part (rows, columns) of a window by something laid over the skin there.

    Attributes:
        part: where.
        values: (h, w, ...) or a number, what is true of it instead of what is true of the skin.
        share: (h, w) in [0, 1], how far.
    """

    part: tuple[slice, slice]
    values: np.ndarray | float
    share: np.ndarray

    def over(self, window: np.ndarray) -> None:
        """Set it into a window (h, w) or (h, w, n), in place."""
        part = window[self.part]
        share = self.share.reshape(*self.share.shape, *(1,) * (part.ndim - 2))
        part[:] = np.where(share >= 1, self.values, part + (self.values - part) * share)


@dataclass(frozen=True)
class Composed:
    """One frame's changed window. Outside it every value is the target's own.

    Attributes:
        skin: the map of the skin.
        colour: (h, w, C) float32; unmoved pixels are the target's bit for bit.
        invented: (h, w) float32; 1 where no pixel of the target was carried (the inside of a mouth).
        places: where what lies over the skin comes from, (h, w, 2) pixels as in an STMap, in order.
        lights: the factor on its light, (h, w) or a number, in order.
    """

    skin: STMap
    colour: np.ndarray
    invented: np.ndarray
    places: list[Laid] = field(default_factory=list)
    lights: list[Laid] = field(default_factory=list)

    @property
    def slices(self) -> tuple[slice, slice]:
        """The window as (rows, columns)."""
        return self.skin.slices

    @cached_property
    def offset(self) -> np.ndarray:
        """(h, w, 2) float32; the skin's map with what lies over it set in. Few frames are asked for it."""
        result = self.skin.offset.copy()
        for laid in self.places:
            laid.over(result)
        return result

    @cached_property
    def shading(self) -> np.ndarray | None:
        """(h, w) float32; the factor on the light that is in the colour; None where it is 1 everywhere."""
        if self.skin.shading is None:
            return None
        result = self.skin.shading.copy()
        for laid in self.lights:
            laid.over(result)
        return result


def compose(
    picture: Array,
    stmap: STMap,
    openings: Sequence[Opening],
    inside: np.ndarray,
    out: np.ndarray | None = None,
    ops: Ops = CPU,
) -> Composed:
    """Carry the target's pixels to one frame.

    Colour is sampled as it lies in the file, with alpha associated, which is what makes filtering across an
    edge of the alpha right.

    Args:
        picture: (H, W, C) float32, the target's R, G, B and alpha if it has one.
        stmap: where each pixel comes from.
        openings: eyes and mouth, drawn over the skin in order.
        inside: (C,) colour of the lips, from which the unseen inside of a mouth is shaded.
        out: (H, W, C) float32 on the host, the window is put into it; None makes the window alone.
        ops: have the picture and the map, and sample.
    """
    skin = stmap.fetched(ops)
    colour = np.empty((*skin.reach.shape, picture.shape[2]), np.float32) if out is None else out[skin.slices]
    ops.warp(picture, stmap.offset, stmap.left, stmap.top, stmap.shading, colour)
    for seam in skin.seams:
        at, made = (seam.y - skin.top, seam.x - skin.left), ops.fetch(ops.sample(picture, seam.from_x, seam.from_y))
        made = made.mean(1)
        if skin.shading is not None:
            made[:, :3] *= skin.shading[at][:, None]
        colour[at] = made
    composed = Composed(skin, colour, np.zeros(skin.reach.shape, np.float32))
    for opening in openings:
        _draw(picture, opening, composed, inside, ops)
    return composed


def copy_beside(picture: np.ndarray, out: np.ndarray, window: tuple[slice, slice]) -> None:
    """Copy what lies beside a window (rows, columns) of a picture (H, W, C) into another."""
    rows, columns = window
    beside = [(slice(rows.start), slice(None)), (slice(rows.stop, None), slice(None))]
    beside += [(rows, slice(columns.start)), (rows, slice(columns.stop, None))]
    for part in beside:
        out[part] = picture[part]


def lip_colour(picture: np.ndarray, outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the median colour (C,) between two lip contours (n, 2) in pixels."""
    height, width = picture.shape[:2]
    between = np.concatenate([outer + (inner - outer) * t for t in (0.3, 0.5, 0.7)])
    column = np.clip(np.rint(between[:, 0]).astype(int), 0, width - 1)
    row = np.clip(np.rint(between[:, 1]).astype(int), 0, height - 1)
    return np.median(picture[row, column], axis=0).astype(np.float32)


def is_grey(shown: np.ndarray) -> bool:
    """Tell whether a picture (h, w, 3), display-encoded in [0, 1], has no colour."""
    red, green, blue = np.moveaxis(shown, -1, 0)
    apart = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return bool(apart.max(initial=0) < GREY)


def shade_inside(inside: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Return what stands for an inside that was never seen (h, w, C), of the lips' colour (C,) and its shade (h, w)."""
    behind = inside * (INSIDE_DARK + (INSIDE_LIGHT - INSIDE_DARK) * shade.astype(np.float32))[..., None]
    if len(inside) == 4:
        behind[..., 3] = inside[3]
    return behind


def _draw(picture: Array, opening: Opening, composed: Composed, inside: np.ndarray, ops: Ops) -> None:
    """Draw one opening over a composed window, in place."""
    skin, (rows, columns) = composed.skin, opening.coverage.shape
    top, left = opening.top - skin.top, opening.left - skin.left
    # The window holds every moved vertex, lids and lips with them; what sticks out is feather only.
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + rows, composed.colour.shape[0]), min(left + columns, composed.colour.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    whole = (slice(y0, y1), slice(x0, x1))
    coverage = opening.coverage[part].astype(np.float32)
    unseen, behind = np.ones_like(coverage), np.zeros((*coverage.shape, len(inside)), np.float32)
    if opening.colour is not None:
        behind = opening.colour[part]
    elif opening.shade is not None:
        behind = shade_inside(inside, opening.shade[part])
    x, y = skin.places(whole)
    for view in opening.views:
        seen, offset = view.seen[part].astype(np.float32), view.offset[part]
        if opening.colour is None:
            carried = ops.fetch(ops.sample(picture, x + offset[..., 0], y + offset[..., 1]))
            behind = np.where(seen[..., None] >= 1, carried, behind + (carried - behind) * seen[..., None])
        unseen *= 1 - seen
        composed.places.append(Laid(whole, offset, coverage * seen > 0.5))
    composed.colour[whole] += (behind - composed.colour[whole]) * coverage[..., None]
    composed.invented[whole] = np.maximum(composed.invented[whole], coverage * unseen)
    composed.lights.append(Laid(whole, 1.0, coverage))
