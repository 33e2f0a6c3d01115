"""The sheet: a fine triangle mesh over face, hair and neck that warps the picture, and its thin-plate spline.

It consists of the face mesh's triangles, subdivided, without those of eye openings and mouth; and of rings around the
face oval, over hair, ears and neck. The sheet is cut along lids and lips, so lips that touch in the picture are
not neighbours on it. A thin-plate spline *on the sheet* can separate them; one in the picture plane would smear the
pixels between them.

All of it depends on the canonical face only, and is built once in a process (in less than a second).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import FACE_OVAL
from ofx_reenact.tracking.surface import FACE_POINTS, Spline, openings

SUBDIVISIONS = 2
# Sizes of the rings around the face oval, as multiples of it. Below RIGID_FROM the spline interpolates between the
# face's motion and the head's rigid motion. From there on the latter is prescribed, and fades to 0 at the last ring.
RINGS = (1.06, 1.12, 1.19, 1.26, 1.34, 1.43, 1.52, 1.62, 1.73, 1.85, 1.97, 2.1, 2.24, 2.4)
RIGID_FROM = 1.34


@dataclass(frozen=True)
class Sheet:
    """The constant data of the sheet. Its V vertices are the F fine face vertices, then ring by ring."""

    parents: sparse.csr_matrix  # (F, 468) weights of the mesh's points in each fine face vertex
    triangles: np.ndarray  # (N, 3) vertex indices of the sheet
    lids: np.ndarray  # (M, 3) vertex indices of triangles that close the eye openings and the mouth from behind
    oval: np.ndarray  # (S,) fine vertices along the face oval, in the order that the rings have too
    ring_of: np.ndarray  # (V,) size of each vertex's ring, as in RINGS; 1 on the face
    behind: np.ndarray  # fine face vertices that only ``lids`` use
    spline: Spline  # extends displacements from the prescribed vertices to the others

    def displace(self, moved_mesh: np.ndarray, moved_rings: np.ndarray) -> np.ndarray:
        """Extend displacements of the mesh's points (468, k) and of rings ≥ RIGID_FROM to all vertices (V, k).

        Vertices behind the openings interpolate the contours linearly.
        """
        moved = self.spline.solve(np.concatenate([moved_mesh, moved_rings]))
        moved[self.behind] = self.parents[self.behind] @ moved_mesh
        return moved

    @property
    def vertices(self) -> int:
        """Number of vertices V."""
        return len(self.ring_of)


@lru_cache(maxsize=1)
def sheet() -> Sheet:
    """Build the sheet (cached)."""
    face = canonical()
    closed = openings(face.triangles)
    parents, skin, lids = subdivide(face.triangles[~closed], face.triangles[closed], FACE_POINTS)
    oval = walk_boundary(skin, start=FACE_OVAL[0], then=FACE_OVAL[1])
    count, spokes = parents.shape[0], len(oval)
    strips, inner = [], oval
    for ring in range(len(RINGS)):
        outer = count + ring * spokes + np.arange(spokes)
        strips.append(connect_loops(inner, outer))
        inner = outer
    triangles = np.concatenate([skin, *strips])
    ring_of = np.concatenate([np.ones(count), np.repeat(RINGS, spokes)])
    prescribed = np.concatenate([np.arange(FACE_POINTS), np.nonzero(ring_of >= RIGID_FROM)[0]])
    spline = Spline(triangles, len(ring_of), prescribed)
    behind = np.setdiff1d(np.arange(count), skin)
    return Sheet(parents, triangles, lids, oval, ring_of, behind, spline)


def subdivide(skin: np.ndarray, lids: np.ndarray, points: int) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """Split each triangle into 4, SUBDIVISIONS times; return parents (F, points) and the triangles of skin and lids."""
    parents = sparse.identity(points, format="csr")
    for _ in range(SUBDIVISIONS):
        both = np.concatenate([skin, lids])
        edges = np.sort(both[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        unique, inverse = np.unique(edges, axis=0, return_inverse=True)
        count = parents.shape[0]
        middle = inverse.reshape(-1, 3) + count
        halves = sparse.coo_matrix(
            (np.full(2 * len(unique), 0.5), (np.repeat(np.arange(len(unique)), 2), unique.ravel())),
            shape=(len(unique), count),
        )
        parents = sparse.vstack([parents, halves @ parents], format="csr")
        (a, b, c), (ab, bc, ca) = both.T, middle.T
        quarters = np.stack([(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]).transpose(2, 0, 1)
        skin, lids = quarters[: len(skin)].reshape(-1, 3), quarters[len(skin) :].reshape(-1, 3)
    return parents, skin, lids


def walk_boundary(triangles: np.ndarray, start: int, then: int) -> np.ndarray:
    """Return the vertices of the boundary loop through ``start``, in order, in the direction of ``then``."""
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    unique, counts = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    neighbours: dict[int, list[int]] = {}
    for a, b in unique[counts == 1].tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)

    def walk(first: int) -> list[int]:
        path = [start, first]
        while path[-1] != start:
            path.append(next(v for v in neighbours[path[-1]] if v != path[-2]))
        return path[:-1]

    forward, backward = (walk(first) for first in neighbours[start][:2])
    return np.array(forward if forward.index(then) < backward.index(then) else backward)


def connect_loops(inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Return the triangles (2S, 3) between two closed loops of S vertices each."""
    inner_next, outer_next = np.roll(inner, -1), np.roll(outer, -1)
    return np.concatenate([np.stack([inner, outer, outer_next], 1), np.stack([inner, outer_next, inner_next], 1)])
