"""Find which triangle each pixel of a rendered head shows, and from that its class and the exact flow between pictures.

Convention: pixel (i, j) = (column, row) has its centre at (i, j); x to the right, y down. The camera is at the origin,
x right, y down, z away; a point (X, Y, Z) is projected to f · (X, Y) / Z + (size - 1) / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ofx_reenact.compiled import compiled

if TYPE_CHECKING:
    from ofx_reenact.training.rendered_heads.parts import Part

# Number of the background, which is no triangle.
NOTHING = -1
# A point still counts as visible this far behind the visible surface, in centimetres.
_TOLERANCE = 0.2


@dataclass(frozen=True)
class Geometry:
    """The geometry of one picture.

    ``surface`` (H, W) int32 is the triangle visible at each pixel's centre, or ``NOTHING``; ``vertices`` (V, 3) are in
    the camera's coordinates, in centimetres; ``faces`` (F, 3) int64 are the same in all pictures of one person;
    ``focal`` is the focal length in pixels.
    """

    surface: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    focal: float


def project(points: np.ndarray, focal: float, size: int) -> np.ndarray:
    """Project points (..., 3) to pixels (..., 2) of a picture with ``size`` pixels a side; ``focal`` in pixels."""
    pixels: np.ndarray = points[..., :2] / points[..., 2:] * focal + (size - 1) / 2
    return pixels


def compute_flow(a: Geometry, b: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Compute the flow from picture ``a`` to picture ``b`` of the same person.

    Returns offsets (H, W, 2) float32 in pixels, x right, y down: what pixel p of a shows is at p + offset in b; and
    (H, W) bool, whether it is visible there. The background does not move.
    """
    height, width = a.surface.shape
    offsets, seen = np.zeros((height, width, 2), np.float32), b.surface == NOTHING
    rows, columns = np.nonzero(a.surface != NOTHING)
    triangles = a.faces[a.surface[rows, columns]]
    weights = _weights(a.vertices[triangles], _rays(columns, rows, a.focal, height))
    there = np.einsum("pk,pkd->pd", weights, b.vertices[triangles])
    target = project(there, b.focal, height)
    offsets[rows, columns] = target - np.stack([columns, rows], 1)
    nearest = np.round(target).astype(np.int64)
    inside = ((nearest >= 0) & (nearest < [width, height])).all(1) & (there[:, 2] > 0)
    across, down = np.clip(nearest[:, 0], 0, width - 1), np.clip(nearest[:, 1], 0, height - 1)
    depth = depth_map(b)
    unhidden = there[:, 2] <= depth[down, across] + _TOLERANCE
    same = b.surface[down, across] == a.surface[rows, columns]
    seen[rows, columns] = inside & ((unhidden & (b.surface[down, across] != NOTHING)) | same)
    return offsets, seen


def depth_map(geometry: Geometry) -> np.ndarray:
    """Compute the depth (H, W) at pixels' centres in centimetres; infinite at the background."""
    height = len(geometry.surface)
    depth = np.full(geometry.surface.shape, np.inf)
    rows, columns = np.nonzero(geometry.surface != NOTHING)
    corners = geometry.vertices[geometry.faces[geometry.surface[rows, columns]]]
    weights = _weights(corners, _rays(columns, rows, geometry.focal, height))
    depth[rows, columns] = (weights * corners[..., 2]).sum(1)
    return depth


def _rays(columns: np.ndarray, rows: np.ndarray, focal: float, size: int) -> np.ndarray:
    """Return the directions (P, 3) of pixels from the camera, z = 1."""
    middle = (size - 1) / 2
    return np.stack([(columns - middle) / focal, (rows - middle) / focal, np.ones(len(rows))], 1)


def _weights(corners: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Return barycentric weights (P, 3) of where rays (P, 3) from the origin meet triangles' planes (P, 3, 3)."""
    first, second, third = corners[:, 0], corners[:, 1], corners[:, 2]
    opposite = np.stack([np.cross(second, third), np.cross(third, first), np.cross(first, second)], 1)
    volumes = np.einsum("pkd,pd->pk", opposite, rays)
    total = volumes.sum(1, keepdims=True)
    # A triangle seen exactly edge-on has no volume; its middle is taken.
    edgewise = np.abs(total) < 1e-12
    return np.where(edgewise, 1 / 3, volumes / np.where(edgewise, 1.0, total))


def join_parts(parts: list[Part]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Concatenate parts: triangles (F, 3) over all vertices, their classes (F,), and each part's first vertex."""
    starts = [0, *np.cumsum([len(part.uv) for part in parts])]
    faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)])
    return faces, np.concatenate([part.labels for part in parts]), [int(start) for start in starts]


def visible_triangles(parts: list[Part], vertices: np.ndarray, focal: float, size: int) -> np.ndarray:
    """Find the triangle visible at each pixel's centre: (size, size) int32, numbered over all parts, or ``NOTHING``.

    ``vertices`` (V, 3) of all parts are in the camera's coordinates; ``focal`` is in pixels.
    """
    _, _, starts = join_parts(parts)
    surface, nearest = np.full((size, size), NOTHING, np.int32), np.full((size, size), np.inf)
    first = 0
    for part, start, stop in zip(parts, starts[:-1], starts[1:], strict=True):
        own = vertices[start:stop]
        opacity = np.ascontiguousarray(part.texture[..., 3]) if part.cut else np.zeros((0, 0), np.uint8)
        points = project(own, focal, size)
        rasterise_faces(points, own[:, 2].copy(), part.faces, first, part.uv, opacity, surface, nearest)
        first += len(part.faces)
    return surface


@compiled
def rasterise_faces(
    points: np.ndarray, depth: np.ndarray, faces: np.ndarray, first: int, uv: np.ndarray, opacity: np.ndarray,
    out: np.ndarray, nearest: np.ndarray,
) -> None:  # fmt: skip
    """Rasterise triangles into a map of the nearest triangle at each pixel's centre.

    Args:
        points: (V, 2) projected vertices, pixels.
        depth: (V,) their depths; triangles with one that is not positive are skipped.
        faces: (F, 3) triangles.
        first: number of the first triangle in ``out``.
        uv: (V, 2) texture coordinates, v up.
        opacity: (h, w) uint8; below 128 is a hole in the mesh. Shape (0, 0) for no holes.
        out: (H, W) int32, written where a triangle is nearer than ``nearest``.
        nearest: (H, W) depths, written with it; infinity at first.
    """
    height, width = nearest.shape
    for n in range(faces.shape[0]):
        a, b, c = faces[n, 0], faces[n, 1], faces[n, 2]
        ax, ay = points[a, 0], points[a, 1]
        bx, by = points[b, 0], points[b, 1]
        cx, cy = points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9 or min(depth[a], depth[b], depth[c]) <= 0:
            continue
        left, right = max(int(np.ceil(min(ax, bx, cx))), 0), min(int(np.floor(max(ax, bx, cx))), width - 1)
        top, bottom = max(int(np.ceil(min(ay, by, cy))), 0), min(int(np.floor(max(ay, by, cy))), height - 1)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
                wa = 1.0 - wb - wc
                if wa < -1e-6 or wb < -1e-6 or wc < -1e-6:
                    continue
                # In the picture the inverse of depth is linear, not depth.
                wa, wb, wc = wa / depth[a], wb / depth[b], wc / depth[c]
                z = 1.0 / (wa + wb + wc)
                if z >= nearest[y, x]:
                    continue
                if opacity.shape[0] > 0:
                    u = (wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]) * z
                    v = (wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]) * z
                    column = min(max(int(u * opacity.shape[1]), 0), opacity.shape[1] - 1)
                    row = min(max(int((1.0 - v) * opacity.shape[0]), 0), opacity.shape[0] - 1)
                    if opacity[row, column] < 128:
                        continue
                nearest[y, x] = z
                out[y, x] = first + n
