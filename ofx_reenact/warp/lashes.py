"""Keep lashes and the upper lid's edge as they are while the lid opens and shuts.

A lid that shuts unrolls from under its fold; the sheet can only stretch what lies between lid and brow, lashes and all.
So a band along the lid goes with it as it is, and the plain skin above gives way for it.
"""

from __future__ import annotations

import numpy as np

from ofx_reenact.ops.backend import Array, Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens, pixel_places

# Height of what stays as it is above an upper lid's edge, in widths of the eye.
LASHES = 0.16
# Height of the skin above it that gives way: a part of the eye's width, and so many times the lid's way.
GIVES = (0.1, 1.6)
# Of the height below the brow, which stays where it is, lashes take this much at most,
_LOW = 0.45
# and nothing gives way higher than this. Steps in which that is found.
_BELOW, _STEPS = 0.85, 4
# Share of the eye's half width over which it fades to the corners.
_CORNER = 0.2
# Pixels: ways that are shorter change nothing.
_QUIET = 0.01
# Lower edges of the brows as points of the mesh, from the picture's left to its right.
BROWS = {"eye_right": [46, 53, 52, 65, 55], "eye_left": [285, 295, 282, 283, 276]}


def keep_lashes(
    offset: Array, left: int, top: int, target: Lens, moved: Lens, brow: np.ndarray, ops: Ops = CPU
) -> None:
    """Let what lies above an upper lid go with it in a map (h, w, 2) over the window at (left, top), in place.

    ``target`` and ``moved`` are the eye's opening in the target and in the result, ``brow`` (n, 2) its brow's lower
    edge in the target, in pixels, from the picture's left to its right; ``ops`` have the map.
    """
    finer, u = target.half / moved.half, np.linspace(-1, 1, 41)
    falls = float(np.abs(moved.upper(u) - target.upper(u) / finer).max())
    if falls < _QUIET:
        return
    width = 2 * moved.half
    reach, lid = (LASHES + GIVES[0]) * width + GIVES[1] * falls, moved.bounds(u)[0]
    # From the lid's edge up to as high as anything gives way.
    around = np.array([moved.pixels(u, lid), moved.pixels(u, lid - reach)])
    (x0, y0), (x1, y1) = np.floor(around.min((0, 2))).astype(int), np.ceil(around.max((0, 2))).astype(int) + 1
    x0, y0, x1, y1 = max(x0 - left, 0), max(y0 - top, 0), x1 - left, y1 - top
    box = (slice(y0, max(y1, y0)), slice(x0, max(x1, x0)))
    part = ops.fetch(offset[box])
    if not part.size:
        return
    x, y = pixel_places(x0, y0, part.shape[1], part.shape[0])
    u, v = moved.coordinates(x + left, y + top)
    lid = moved.bounds(u)[0]
    # Pixels above the lid, how far the lid has come there, and where the skin above takes over.
    above, way = lid - v, np.abs(lid - target.bounds(u)[0] / finer)
    at, height = target.coordinates(*brow.T)
    room = np.maximum(target.bounds(u)[0] - np.interp(u, at, height), 0) / finer
    band = np.minimum(LASHES * width, _LOW * room)
    high = np.maximum(band + GIVES[0] * width + GIVES[1] * way, band + 1)
    last = np.zeros_like(high)
    for _ in range(_STEPS):
        ends = moved.pixels(u, lid - high)
        column, row = (ends[0] - left).astype(np.float32), (ends[1] - top).astype(np.float32)
        there = ops.fetch(ops.remap(offset, column, row))
        last = _above(target, ends[0] + there[..., 0], ends[1] + there[..., 1])
        # The sheet may come from beyond the brow there.
        high = np.maximum(high - np.maximum(last / finer - _BELOW * room, 0), band + 1)
    own = _above(target, x + left + part[..., 0], y + top + part[..., 1])
    kept = band * finer
    gives = kept + (last - kept) * (above - band) / (high - band)
    wanted = np.where(above < band, above * finer, gives)
    fade = smooth_step((1 - np.abs(u)) / _CORNER)
    by = np.where((above > 0) & (above < high) & (way > _QUIET), (own - wanted) * fade, 0)
    part[..., 0] -= (by * target.axis[1]).astype(np.float32)
    part[..., 1] += (by * target.axis[0]).astype(np.float32)
    offset[box] = ops.put(part)


def _above(lens: Lens, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far above the upper curve of an opening places are, pixels."""
    u, v = lens.coordinates(x, y)
    return lens.bounds(u)[0] - v
