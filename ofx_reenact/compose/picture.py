"""Compose one frame at plate resolution: the skin through the STMap, eyes and mouth behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
class Composed:
    """One frame's changed window. Outside it every value is the target's own.

    Attributes:
        slices: the window as (rows, columns).
        colour: (h, w, C) float32; unmoved pixels are the target's bit for bit.
        offset: (h, w, 2) float32; the skin's map with the openings' own set in.
        invented: (h, w) float32; 1 where no pixel of the target was carried (the inside of a mouth).
        shading: (h, w) float32; the factor on the skin's light that is in the colour, 1 in openings; None where it is 1
            everywhere.
    """

    slices: tuple[slice, slice]
    colour: np.ndarray
    offset: np.ndarray
    invented: np.ndarray
    shading: np.ndarray | None = None


def compose(
    picture: Array,
    stmap: STMap,
    openings: Sequence[Opening],
    inside: np.ndarray,
    out: np.ndarray | None = None,
    ops: Ops = CPU,
) -> Composed:
    """Carry the target's pixels to one frame, on the host.

    Colour is sampled as it lies in the file, with alpha associated, which is what makes filtering across an
    edge of the alpha right.

    Args:
        picture: (H, W, C) float32, the target's R, G, B and alpha if it has one.
        stmap: where each pixel comes from.
        openings: eyes and mouth, drawn over the skin in order.
        inside: (C,) colour of the lips, from which the unseen inside of a mouth is shaded.
        out: (H, W, C) float32, a picture that the window's colour is put into; None makes the window alone.
        ops: have the picture and the map, and sample.
    """
    offset = ops.fetch(stmap.offset, own=True)
    shading = None if stmap.shading is None else ops.fetch(stmap.shading, own=True)
    colour = np.empty((*offset.shape[:2], picture.shape[2]), np.float32) if out is None else out[stmap.slices]
    ops.warp(picture, stmap.offset, stmap.left, stmap.top, stmap.shading, colour)
    for seam in stmap.seams:
        made = ops.fetch(ops.sample(picture, seam.from_x, seam.from_y)).mean(1)
        at = (seam.y - stmap.top, seam.x - stmap.left)
        if shading is not None:
            made[:, :3] *= shading[at][:, None]
        colour[at] = made
    invented = np.zeros(offset.shape[:2], np.float32)
    for opening in openings:
        _draw(picture, opening, stmap, colour, offset, invented, shading, inside, ops)
    return Composed(stmap.slices, colour, offset, invented, shading)


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


def _draw(
    picture: Array,
    opening: Opening,
    stmap: STMap,
    colour: np.ndarray,
    offset: np.ndarray,
    invented: np.ndarray,
    shading: np.ndarray | None,
    inside: np.ndarray,
    ops: Ops,
) -> None:
    """Draw one opening over the window, in place."""
    rows, columns = opening.coverage.shape
    top, left = opening.top - stmap.top, opening.left - stmap.left
    # The window holds every moved vertex, lids and lips with them; what sticks out is feather only.
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + rows, colour.shape[0]), min(left + columns, colour.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    whole = (slice(y0, y1), slice(x0, x1))
    y, x = np.mgrid[y0 + stmap.top : y1 + stmap.top, x0 + stmap.left : x1 + stmap.left].astype(np.float64)
    coverage = opening.coverage[part].astype(np.float32)
    unseen = np.ones_like(coverage)
    behind = np.zeros((*coverage.shape, colour.shape[2]), np.float32)
    if opening.shade is not None:
        behind = shade_inside(inside, opening.shade[part])
    for view in opening.views:
        seen = view.seen[part].astype(np.float32)
        carried = ops.fetch(ops.sample(picture, x + view.offset[part][..., 0], y + view.offset[part][..., 1]))
        behind = np.where(seen[..., None] >= 1, carried, behind + (carried - behind) * seen[..., None])
        unseen *= 1 - seen
        mostly = coverage * seen > 0.5
        offset[whole][mostly] = view.offset[part][mostly]
    if opening.colour is not None:
        behind = opening.colour[part]
    colour[whole] += (behind - colour[whole]) * coverage[..., None]
    invented[whole] = np.maximum(invented[whole], coverage * unseen)
    if shading is not None:
        shading[whole] += (1 - shading[whole]) * coverage
