"""Warp a part, the mouth or an eye, from any picture of a person into another, with a small piece of the sheet.

The piece has the sheet's fine triangles around the part, its own thin-plate spline, and a mask of the part. Source and
result may differ in size: an offset leads from a pixel of the result to a position in the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy import sparse

from ofx_reenact.ops.raster import rasterise
from ofx_reenact.ramps import smooth_step
from ofx_reenact.stages import stage
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_OUTER, Contour
from ofx_reenact.tracking.surface import FACE_POINTS, Spline
from ofx_reenact.warp.seams import find_seams
from ofx_reenact.warp.sheet import sheet
from ofx_reenact.warp.stmap import STMap, measure_stretch

# Contour of each part, and distances from it in canonical units: up to which the mask is 1, from which it is 0, and up
# to which the piece of the sheet extends.
_REACHES: dict[str, tuple[Contour, float, float, float]] = {
    "mouth": (LIPS_OUTER, 0.15, 1.3, 1.8),
    "eye_right": (EYE_RIGHT, 0.25, 1.0, 1.6),
    "eye_left": (EYE_LEFT, 0.25, 1.0, 1.6),
}


@dataclass(frozen=True)
class PartSheet:
    """The constant data of a part's sheet. Its vertices are the mesh's 468 points, then n finer ones."""

    parents: sparse.csr_matrix  # (n, 468) weights of the mesh's points in each finer vertex
    prescribed: np.ndarray  # (k,) mesh points whose displacements prescribe the spline
    spline_weights: np.ndarray  # (n, k) weights of those displacements in that of each finer vertex
    skin: np.ndarray  # (N, 3) triangles
    lids: np.ndarray  # (M, 3) triangles that close the opening from behind
    mask: np.ndarray  # (468 + n,) weight of each vertex in the part, 0 to 1
    marked: np.ndarray  # vertices of all triangles on which the mask is not 0


@lru_cache(maxsize=3)
def part_sheet(name: str) -> PartSheet:
    """Build the sheet of "mouth", "eye_right" or "eye_left" (cached)."""
    whole, (contour, full, ends, reach) = sheet(), _REACHES[name]
    count = whole.parents.shape[0]
    points = whole.parents @ canonical().points[:FACE_POINTS]
    upper, lower = contour
    ring = canonical().points[[*upper, *lower[-2:0:-1]], :2].astype(np.float32)
    away = np.array([-cv2.pointPolygonTest(ring, (float(x), float(y)), True) for x, y in points[:, :2]])
    near = (away < reach) & (points[:, 2] < np.median(points[:, 2]) + 4)
    triangles = whole.triangles[(whole.triangles < count).all(1)]
    skin, lids = (t[near[t].all(1)] for t in (triangles, whole.lids))
    used = np.unique(np.concatenate([skin, lids]))
    fine = used[used >= FACE_POINTS]
    number = np.full(count, -1)
    number[:FACE_POINTS] = np.arange(FACE_POINTS)
    number[fine] = FACE_POINTS + np.arange(len(fine))
    skin, lids = number[skin], number[lids]
    parents = whole.parents[fine]
    prescribed, free = np.unique(skin[skin < FACE_POINTS]), np.unique(skin[skin >= FACE_POINTS])
    # The piece's own spline, with renumbered vertices. Vertices behind the opening interpolate its contour.
    own = np.concatenate([prescribed, free])
    renumber = np.full(FACE_POINTS + len(fine), -1)
    renumber[own] = np.arange(len(own))
    spline_weights = parents[:, prescribed].toarray()
    spread = Spline(renumber[skin], len(own), np.arange(len(prescribed))).solve(np.eye(len(prescribed)))
    spline_weights[free - FACE_POINTS] = spread[len(prescribed) :]
    ramp = np.clip((ends - away) / (ends - full), 0, 1)
    mask = smooth_step(np.concatenate([ramp[:FACE_POINTS] * near[:FACE_POINTS], ramp[fine]]))
    marked = np.unique(skin[(mask[skin] > 0).any(1)])
    return PartSheet(parents, prescribed, spline_weights, skin, lids, mask, marked)


@stage("warp: STMap")
def bend_part(
    name: str, mesh: np.ndarray, turned: np.ndarray, wanted: np.ndarray, size: tuple[int, int]
) -> STMap | None:
    """Rasterise the map that warps a part of a source's mesh to a wanted mesh in the result.

    The change of head pose is applied exactly; the spline extends only the remaining displacement.

    Args:
        name: "mouth", "eye_right" or "eye_left".
        mesh: (468, 3) the source's mesh, in its pixels.
        turned: (468, 3) the source's mesh in the head pose of the result, in pixels of the result.
        wanted: (468, 3) the wanted mesh, in pixels of the result.
        size: width and height of the result.

    Returns:
        The map over the part's window of the result, with the part's mask as ``reach``; None if the part is outside the
        result.
    """
    piece = part_sheet(name)
    rest = np.concatenate([mesh, piece.parents @ mesh])
    bent = piece.spline_weights @ (wanted - turned)[piece.prescribed]
    positions = np.concatenate([wanted, piece.parents @ turned + bent])
    moved = positions - rest
    # The window depends on the wanted mesh only, so it is the same for all sources.
    marked = np.concatenate([wanted, piece.parents @ wanted])[piece.marked, :2]
    left, top = np.maximum(np.floor(marked.min(0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(marked.max(0)).astype(int) + 1, size)
    if right <= left or bottom <= top:
        return None
    values = np.column_stack([piece.mask, measure_stretch(rest, positions, piece.skin)])
    layers, size = (piece.lids, piece.skin), (right - left, bottom - top)
    places = positions[:, :2] - (left, top)
    offset, planes = rasterise(places, positions[:, 2], layers, -moved[:, :2], values, size, (0, 1))
    seams = find_seams(positions, moved, layers, offset, left, top)
    return STMap(left, top, offset, planes[0], planes[1], seams)
