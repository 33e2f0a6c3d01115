"""Compose one frame at plate resolution: sample the skin through the STMap, draw eyes and mouth behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ofx_reenact.ops.backend import Array, Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.warp.openings import Opening
from ofx_reenact.warp.stmap import STMap

# Brightness of an unseen mouth's interior, as a fraction of the lips': at its darkest, and on the tongue.
INSIDE_DARK, INSIDE_LIGHT = 0.06, 0.22
# A display-encoded picture whose channels differ by less than this is grey, and stays grey.
GREY = 2e-3


@dataclass(frozen=True)
class Overlay:
    """Values of a map (offset or shading) for something that lies over the skin in a part of the window.

    Attributes:
        box: (rows, columns) of the window.
        values: (h, w, ...), or one number.
        opacity: (h, w) in [0, 1].
    """

    box: tuple[slice, slice]
    values: np.ndarray | float
    opacity: np.ndarray

    def lay_over(self, window: np.ndarray) -> None:
        """Mix the values into a map (h, w) or (h, w, n) of the window, in place."""
        below = window[self.box]
        opacity = self.opacity.reshape(*self.opacity.shape, *(1,) * (below.ndim - 2))
        below[:] = np.where(opacity >= 1, self.values, below + (self.values - below) * opacity)


@dataclass(frozen=True)
class Composed:
    """The changed window of one frame. Outside it every value is the target's own.

    Attributes:
        skin: the skin's STMap.
        colour: (h, w, C) float32, scene-linear; pixels that do not move are the target's, bit for bit.
        invented: (h, w) float32 in [0, 1], 1 where no pixel of the target was carried (the inside of a mouth).
        offsets: what lies over the skin, in drawing order: (h, w, 2) offsets in pixels, as in an STMap.
        shadings: the same for the factor on the light: (h, w), or one number.
    """

    skin: STMap
    colour: np.ndarray
    invented: np.ndarray
    offsets: list[Overlay] = field(default_factory=list)
    shadings: list[Overlay] = field(default_factory=list)

    @property
    def slices(self) -> tuple[slice, slice]:
        """The window as (rows, columns)."""
        return self.skin.slices

    @cached_property
    def offset(self) -> np.ndarray:
        """(h, w, 2) float32, x and y from each pixel to its source, with eyes, lids and mouth laid over the skin."""
        result = self.skin.offset.copy()
        for overlay in self.offsets:
            overlay.lay_over(result)
        return result

    @cached_property
    def shading(self) -> np.ndarray | None:
        """(h, w) float32, the factor on the light that the colour contains; None if it is 1 everywhere."""
        if self.skin.shading is None:
            return None
        result = self.skin.shading.copy()
        for overlay in self.shadings:
            overlay.lay_over(result)
        return result


def compose(
    picture: Array,
    stmap: STMap,
    openings: Sequence[Opening],
    lip_colour: np.ndarray,
    out: np.ndarray | None = None,
    ops: Ops = CPU,
) -> Composed:
    """Sample the target's pixels through an STMap, and draw eyes and mouth over the skin.

    Colours are sampled with associated alpha, so that filtering across an edge of the alpha is correct.

    Args:
        picture: (H, W, C) float32, the target's scene-linear R, G, B, and alpha if it has one.
        stmap: where each pixel comes from.
        openings: eyes and mouth, in drawing order.
        lip_colour: (C,) colour of the lips; the interior of an unseen mouth is a darker shade of it.
        out: (H, W, C) float32 on the host, into which the window is written; None makes a window alone.
        ops: functions of the device that has the picture and the map.
    """
    skin = stmap.fetch(ops)
    colour = np.empty((*skin.reach.shape, picture.shape[2]), np.float32) if out is None else out[skin.slices]
    ops.warp(picture, stmap.offset, stmap.left, stmap.top, stmap.shading, colour)
    for seam in skin.seams:
        at = (seam.y - skin.top, seam.x - skin.left)
        samples = ops.fetch(ops.sample(picture, seam.from_x, seam.from_y))
        mean = samples.mean(1)
        if skin.shading is not None:
            mean[:, :3] *= skin.shading[at][:, None]
        colour[at] = mean
    composed = Composed(skin, colour, np.zeros(skin.reach.shape, np.float32))
    for opening in openings:
        _draw_opening(picture, opening, composed, lip_colour, ops)
    return composed


def copy_outside(picture: np.ndarray, out: np.ndarray, window: tuple[slice, slice]) -> None:
    """Copy a picture (H, W, C), except for a window (rows, columns) of it, into ``out``."""
    rows, columns = window
    around = [(slice(rows.start), slice(None)), (slice(rows.stop, None), slice(None))]
    around += [(rows, slice(columns.start)), (rows, slice(columns.stop, None))]
    for part in around:
        out[part] = picture[part]


def measure_lip_colour(picture: np.ndarray, outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the median colour (C,) of the lips, between their outer and inner contour (n, 2), pixels."""
    height, width = picture.shape[:2]
    between = np.concatenate([outer + (inner - outer) * t for t in (0.3, 0.5, 0.7)])
    column = np.clip(np.rint(between[:, 0]).astype(int), 0, width - 1)
    row = np.clip(np.rint(between[:, 1]).astype(int), 0, height - 1)
    return np.median(picture[row, column], axis=0).astype(np.float32)


def is_grey(shown: np.ndarray) -> bool:
    """Return whether a display-encoded picture (h, w, 3) in [0, 1] is grey everywhere."""
    red, green, blue = np.moveaxis(shown, -1, 0)
    apart = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return bool(apart.max(initial=0) < GREY)


def shade_interior(lip_colour: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Return an unseen mouth's interior (h, w, C): the lips' colour (C,), darkened; shade (h, w) is 0 dark, 1 light."""
    behind = lip_colour * (INSIDE_DARK + (INSIDE_LIGHT - INSIDE_DARK) * shade.astype(np.float32))[..., None]
    if len(lip_colour) == 4:
        behind[..., 3] = lip_colour[3]
    return behind


def _draw_opening(picture: Array, opening: Opening, composed: Composed, lip_colour: np.ndarray, ops: Ops) -> None:
    """Draw one opening over a composed window, in place."""
    skin, (rows, columns) = composed.skin, opening.coverage.shape
    top, left = opening.top - skin.top, opening.left - skin.left
    # The window contains all moved vertices, and so all lids and lips; only an opening's feather can lie outside.
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + rows, composed.colour.shape[0]), min(left + columns, composed.colour.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    in_opening = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    in_window = (slice(y0, y1), slice(x0, x1))
    coverage = opening.coverage[in_opening].astype(np.float32)
    unseen, behind = np.ones_like(coverage), np.zeros((*coverage.shape, len(lip_colour)), np.float32)
    if opening.colour is not None:
        behind = opening.colour[in_opening]
    elif opening.shade is not None:
        behind = shade_interior(lip_colour, opening.shade[in_opening])
    x, y = skin.places(in_window)
    for source in opening.maps:
        seen, offset = source.seen[in_opening].astype(np.float32), source.offset[in_opening]
        if opening.colour is None:
            carried = ops.fetch(ops.sample(picture, x + offset[..., 0], y + offset[..., 1]))
            behind = np.where(seen[..., None] >= 1, carried, behind + (carried - behind) * seen[..., None])
        unseen *= 1 - seen
        composed.offsets.append(Overlay(in_window, offset, coverage * seen > 0.5))
    composed.colour[in_window] += (behind - composed.colour[in_window]) * coverage[..., None]
    composed.invented[in_window] = np.maximum(composed.invented[in_window], coverage * unseen)
    composed.shadings.append(Overlay(in_window, 1.0, coverage))
