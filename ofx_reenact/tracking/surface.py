"""The face mesh as a surface that is cut at lids and lips, and thin-plate splines on it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import (
    EYE_LEFT,
    EYE_RIGHT,
    IRIS_LEFT,
    IRIS_RIGHT,
    LIPS_INNER,
    MESH68,
    Contour,
)

# Points of the canonical face. The tracked mesh has 478: its last ten are the irises.
FACE_POINTS = 468


class Spline:
    """A discrete thin-plate spline: the displacement that bends least and has given values at some vertices.

    Minimises ``‖L d‖²``, where L is the mesh's uniform Laplacian, with ``d`` fixed at the prescribed vertices. The
    matrix is factorised once; each frame costs one back substitution. Prescribed zeros give exact zeros.
    """

    def __init__(self, triangles: np.ndarray, vertices: int, prescribed: np.ndarray) -> None:
        self.prescribed = prescribed
        self.free = np.setdiff1d(np.arange(vertices), prescribed)
        laplacian = _laplacian(triangles, vertices)
        bending = (laplacian.T @ laplacian).tocsr()
        self._coupling = bending[self.free][:, prescribed].tocsr()
        # The matrix is symmetric positive definite; this ordering gives less fill-in.
        self._factors = splu(
            bending[self.free][:, self.free].tocsc(),
            permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True},
        )  # fmt: skip

    def solve(self, values: np.ndarray) -> np.ndarray:
        """Extend values (P, k) at the prescribed vertices, in their order, to all vertices (V, k)."""
        result = np.empty((len(self.prescribed) + len(self.free), values.shape[1]))
        result[self.prescribed] = values
        result[self.free] = self._factors.solve(-(self._coupling @ values))
        return result


@lru_cache(maxsize=8)
def spread(points: tuple[int, ...]) -> np.ndarray:
    """Return the matrix (468, P) that extends values at P points of the mesh to all its points, by a spline; cached."""
    triangles = canonical().triangles
    spline = Spline(triangles[~openings(triangles)], FACE_POINTS, np.unique(points))
    return spline.solve(np.eye(len(spline.prescribed)))[:, np.searchsorted(spline.prescribed, points)]


def landmark_spread() -> np.ndarray:
    """Return the matrix (468, 68) that extends values at the 68 landmarks to all points of the mesh."""
    return spread(MESH68)


def measure_gap(mesh: np.ndarray, contour: Contour) -> np.ndarray:
    """Return the mean vertical gap between the halves of an opening in meshes (T, 468 or more, 2 or 3): (T,).

    It is in the meshes' unit and leaves out the corners, where the halves meet. Below 0, the halves overlap.
    """
    upper, lower = (np.array(half[1:-1]) for half in contour)
    return np.asarray((mesh[:, lower, 1] - mesh[:, upper, 1]).mean(axis=1))


def iris_places(mesh: np.ndarray) -> np.ndarray:
    """Return each iris's offset from the midpoint of its eye's corners, in eye widths, in meshes (..., 478, 3).

    The result is (..., 2, 2): right and left eye; x and y.
    """
    places = []
    for contour, iris in ((EYE_RIGHT, IRIS_RIGHT), (EYE_LEFT, IRIS_LEFT)):
        first, last = mesh[..., contour[0][0], :2], mesh[..., contour[0][-1], :2]
        width = np.linalg.norm(last - first, axis=-1, keepdims=True)
        places.append((mesh[..., iris[0], :2] - (first + last) / 2) / width)
    return np.stack(places, axis=-2)


def openings(triangles: np.ndarray) -> np.ndarray:
    """Return which triangles (N, 3) close an eye or the mouth, with all corners on its contour: (N,) bool."""
    closed = np.zeros(len(triangles), bool)
    for contour in (EYE_RIGHT, EYE_LEFT, LIPS_INNER):
        closed |= np.isin(triangles, [i for half in contour for i in half]).all(axis=1)
    return closed


def _laplacian(triangles: np.ndarray, vertices: int) -> sparse.csr_matrix:
    """Return the uniform graph Laplacian (V, V): each row is a vertex minus the mean of its neighbours."""
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    both = np.concatenate([edges, edges[:, ::-1]])
    adjacency = sparse.coo_matrix((np.ones(len(both)), both.T), shape=(vertices, vertices)).tocsr()
    adjacency.data[:] = 1.0
    degree = np.asarray(adjacency.sum(1)).ravel()
    return (sparse.identity(vertices) - sparse.diags(1 / np.maximum(degree, 1)) @ adjacency).tocsr()
