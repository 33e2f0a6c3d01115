"""Keep lashes and the upper lid's edge undistorted while the lid opens and shuts.

A real lid unrolls from under its fold; the sheet can only stretch everything between lid and brow, with the lashes. So
a band along the lid moves rigidly with it, and only the plain skin above is stretched.
"""

from __future__ import annotations

import numpy as np

from ofx_reenact.ops.backend import Array, Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.ramps import smooth_step
from ofx_reenact.warp.lens import Lens, pixel_places

# Height of the rigid band above an upper lid's edge, in eye widths.
LASHES = 0.16
# Height of the stretched skin above it: in eye widths, plus a factor on the lid's travel.
STRETCHED = (0.1, 1.6)
# Greatest height of the band, as a fraction of the height from the lid to the brow, which does not move.
_HIGHEST_BAND = 0.45
# Greatest height of the upper end of the stretched skin, likewise, and the number of iterations that find it.
_HIGHEST_STRETCHED, _STEPS = 0.85, 4
# Fraction of the eye's half width over which the correction fades out towards the corners.
_CORNER = 0.2
# Pixels of travel below which nothing is changed.
_LEAST_TRAVEL = 0.01
# Lower edges of the brows as points of the mesh, from the picture's left to its right.
BROWS = {"eye_right": [46, 53, 52, 65, 55], "eye_left": [285, 295, 282, 283, 276]}


def keep_lashes(
    offset: Array, left: int, top: int, target: Lens, moved: Lens, brow: np.ndarray, ops: Ops = CPU
) -> None:
    """Change a map in place so that the band above an upper lid moves rigidly with the lid.

    Args:
        offset: (h, w, 2) float32 pixels, the map over a window.
        left: column of the window's first pixel.
        top: its row.
        target: the eye's opening in the target.
        moved: the eye's opening in the result.
        brow: (n, 2) lower edge of the brow in the target, in pixels, from the picture's left to its right.
        ops: the operations whose device has the map.
    """
    finer, u = target.half / moved.half, np.linspace(-1, 1, 41)
    travel = float(np.abs(moved.upper(u) - target.upper(u) / finer).max())
    if travel < _LEAST_TRAVEL:
        return
    width = 2 * moved.half
    reach, lid = (LASHES + STRETCHED[0]) * width + STRETCHED[1] * travel, moved.bounds(u)[0]
    # The box from the lid's edge to the upper end of the stretched skin.
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
    # Height above the lid, and the lid's travel, at each pixel; then the upper ends of the band and the stretched skin.
    above, travelled = lid - v, np.abs(lid - target.bounds(u)[0] / finer)
    at, height = target.coordinates(*brow.T)
    room = np.maximum(target.bounds(u)[0] - np.interp(u, at, height), 0) / finer
    band = np.minimum(LASHES * width, _HIGHEST_BAND * room)
    high = np.maximum(band + STRETCHED[0] * width + STRETCHED[1] * travelled, band + 1)
    # Height above the lid in the target, at the upper end of the stretched skin.
    end_height = np.zeros_like(high)
    for _ in range(_STEPS):
        ends = moved.pixels(u, lid - high)
        column, row = (ends[0] - left).astype(np.float32), (ends[1] - top).astype(np.float32)
        there = ops.fetch(ops.remap(offset, column, row))
        end_height = _above(target, ends[0] + there[..., 0], ends[1] + there[..., 1])
        # The sheet may map this end to above the brow.
        high = np.maximum(high - np.maximum(end_height / finer - _HIGHEST_STRETCHED * room, 0), band + 1)
    own = _above(target, x + left + part[..., 0], y + top + part[..., 1])
    kept = band * finer
    stretched = kept + (end_height - kept) * (above - band) / (high - band)
    wanted = np.where(above < band, above * finer, stretched)
    fade = smooth_step((1 - np.abs(u)) / _CORNER)
    shift = np.where((above > 0) & (above < high) & (travelled > _LEAST_TRAVEL), (own - wanted) * fade, 0)
    part[..., 0] -= (shift * target.axis[1]).astype(np.float32)
    part[..., 1] += (shift * target.axis[0]).astype(np.float32)
    offset[box] = ops.put(part)


def _above(lens: Lens, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the height of places above the upper curve of an opening, in pixels."""
    u, v = lens.coordinates(x, y)
    return lens.bounds(u)[0] - v
