"""The STMap: for each pixel of the result, where in the target its colour is.

Convention: an offset (dx, dy) in pixels is added to a pixel's own position, x to the right, y down; zero means
"this pixel stays".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from ofx_reenact.ops.backend import Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.ramps import smooth_step
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import FACE_OVAL
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp.headroom import cut_off, yielding
from ofx_reenact.warp.lens import pixel_places
from ofx_reenact.warp.seams import Seam, find_seams
from ofx_reenact.warp.sheet import RIGID_FROM, RINGS, Sheet, sheet

# Hair above the brow belongs to the head further out than cheeks and ears do: as far as the picture shows it, within
# these multiples of the face oval.
HAIR_FROM, HAIR_TO = 1.6, 2.0
# Pixels: what moves less is rounding, and stays the plate bit for bit.
QUIET = 0.01
# The picture's edge stays where it is: motion fades out within this share of the face's height. The upper edge is
# kept by :mod:`ofx_reenact.warp.headroom`, since a crown may be as near to it.
BORDER = 0.12
# Neighbouring spokes of the rings over which the length of hair is averaged.
LEVELLED = 9


@dataclass(frozen=True)
class STMap:
    """One frame's map over a window of the picture; outside the window nothing moves.

    Its arrays lie where the operations that made it keep theirs, until it is fetched.
    """

    left: int  # column of the window's first pixel
    top: int  # its row
    offset: np.ndarray  # (h, w, 2) float32, pixels
    reach: np.ndarray  # (h, w) float32; how much a pixel goes with the head, 1 on the face, 0 where nothing moves
    stretch: np.ndarray  # (h, w) float32; length of the result for a length of 1 in the target; 1 where nothing moves
    seams: tuple[Seam, ...] = ()  # finer maps where lids or lips meet
    shading: np.ndarray | None = None  # (h, w) float32; factor on the light of what is carried; None: 1 everywhere

    @property
    def slices(self) -> tuple[slice, slice]:
        """The window as (rows, columns) of the picture."""
        height, width = self.reach.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def fetched(self, ops: Ops) -> STMap:
        """Return the map with its arrays on the host."""
        offset, reach, stretch = (ops.fetch(values) for values in (self.offset, self.reach, self.stretch))
        shading = None if self.shading is None else ops.fetch(self.shading)
        return replace(self, offset=offset, reach=reach, stretch=stretch, shading=shading)

    def places(self, part: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        """Pixel positions (x, y) of a part (rows, columns) of the window, (h, w) float64 each."""
        height, width = self.reach.shape
        rows, columns = range(height)[part[0]], range(width)[part[1]]
        return pixel_places(self.left + columns.start, self.top + rows.start, len(columns), len(rows))


class TargetSheet:
    """The sheet laid over one target picture; bends with each frame's mesh."""

    def __init__(
        self,
        frontal: np.ndarray,
        head: Similarity,
        size: tuple[int, int],
        neck: float,
        headroom: np.ndarray | None = None,
        ops: Ops = CPU,
    ) -> None:
        """Lay the sheet over a picture of a size (width, height), on the target's frontal mesh (478, 3) in a pose.

        The head's motion reaches ``neck`` face heights below the chin. ``headroom`` has the rows above the person in
        each column (W,); None if nobody knows. ``ops`` rasterise.
        """
        self._ops = ops
        self._sheet: Sheet = sheet()
        self.size = size
        face = self._sheet.parents @ frontal[:FACE_POINTS]
        rings, up, down = _rings(face[self._sheet.oval], frontal, neck)
        self._frontal = np.concatenate([face, rings])
        self.rest = head.apply(self._frontal)
        height = _face_height(frontal) * head.scale
        hair = _hair(self.rest[len(face) :, :2].reshape(len(RINGS), -1, 2), headroom)
        begins = RIGID_FROM + up * (hair - RIGID_FROM) + down * (1.0 - RIGID_FROM)
        fades = [1 - smooth_step((ring - begins) / (RINGS[-1] - begins)) for ring in RINGS]
        self.share = np.concatenate([np.ones(len(face)), *fades])
        x, y = self.rest[len(face) :, :2].T
        beside = np.minimum(np.minimum(x, size[0] - 1 - x), size[1] - 1 - y)
        self.share[len(face) :] *= smooth_step(beside / (BORDER * height))
        self.face_height = height
        self._yielding = yielding(headroom, size[0], height)
        self.cut = self._cut(head, headroom)

    @stage("warp: STMap")
    def bend(
        self, mesh: np.ndarray, head: Similarity, gate: float = 1.0, shading: np.ndarray | None = None
    ) -> STMap | None:
        """Rasterise the map that takes the target to a mesh displaced by (468, 3) pixels, and to its head's pose.

        None when nothing moves or everything has moved out of the picture. ``gate`` is the share of the head's motion
        that counts; ``mesh`` has it in already. ``shading`` (V,) is what is added to the light of the sheet's vertices,
        in fractions of it; where nothing moves, nothing is. The map lies where ``ops`` keep their arrays.
        """
        shape, rest = self._sheet, self.rest
        moved = self._displace(mesh, head, gate)
        if not moved.any():
            return None
        positions = rest + moved
        if (window := self._window(np.concatenate([rest[:, :2], positions[:, :2]]))) is None:
            return None
        left, top, right, bottom = window
        values = [self.share, measure_stretch(rest, positions, shape.triangles)]
        if shading is not None:
            values.append(1 + np.where(moved[:, :2].any(1), shading, 0))
        layers = (shape.lids, shape.triangles)
        places, size = positions[:, :2] - (left, top), (right - left, bottom - top)
        offset, planes = self._ops.rasterise(
            places, positions[:, 2], layers, -moved[:, :2], np.column_stack(values), size, (0, 1, 1)
        )
        seams = find_seams(positions, moved, layers, offset, left, top, self._ops)
        if top == 0:
            self._ops.keep_edge(offset, planes[1], left, self._yielding)
        return STMap(left, top, offset, planes[0], planes[1], seams, None if shading is None else planes[2])

    def flow(
        self, mesh: np.ndarray, head: Similarity, later: np.ndarray, later_head: Similarity
    ) -> tuple[tuple[slice, slice], np.ndarray] | None:
        """Rasterise how far each pixel of a face moves from one frame to another.

        Args:
            mesh: displacement of the mesh's points in the frame (468, 3), pixels.
            head: its head's pose.
            later: displacement in the other frame.
            later_head: the head's pose there.

        Returns:
            A window (rows, columns) of the picture and motion in it (h, w, 2) float32, pixels, y down; None where
            nothing of the face is in the picture.
        """
        shape, here = self._sheet, self.rest + self._displace(mesh, head, 1.0)
        if (window := self._window(here[:, :2])) is None:
            return None
        left, top, right, bottom = window
        moves = (self.rest + self._displace(later, later_head, 1.0) - here)[:, :2]
        layers, size = (shape.lids, shape.triangles), (right - left, bottom - top)
        places, nothing = here[:, :2] - (left, top), np.empty((len(here), 0))
        flow, _ = self._ops.rasterise(places, here[:, 2], layers, moves, nothing, size)
        return (slice(top, bottom), slice(left, right)), self._ops.fetch(flow)

    def _displace(self, mesh: np.ndarray, head: Similarity, gate: float) -> np.ndarray:
        """Continue a mesh's displacement, with that of its head, over the sheet: (V, 3) pixels."""
        rings = np.nonzero(self._sheet.ring_of >= RIGID_FROM)[0]
        rigid = (head.apply(self._frontal[rings]) - self.rest[rings]) * (gate * self.share[rings, None])
        moved = self._sheet.displace(mesh, rigid)
        moved[(np.abs(moved) < QUIET).all(1)] = 0
        return moved

    def _cut(self, head: Similarity, headroom: np.ndarray | None) -> np.ndarray:
        """Where the upper edge cuts the head off: frontal points (n, 3), none where it does not.

        A raised arm may reach the edge as well; it does not go with the head.
        """
        if headroom is None:
            return np.empty((0, 3))
        columns = np.nonzero(cut_off(headroom, self.face_height))[0]
        columns = columns[:: max(1, len(columns) // 32)]
        edge = np.column_stack([columns, np.zeros_like(columns)])
        nearest = ((edge[:, None] - self.rest[None, :, :2]) ** 2).sum(-1).argmin(1)
        points = head.invert(np.column_stack([edge, self.rest[nearest, 2]]))
        return points[self.share[nearest] > 0.5]

    def _window(self, points: np.ndarray) -> tuple[int, int, int, int] | None:
        width, height = self.size
        left, top = np.maximum(np.floor(points.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(points.max(0)).astype(int) + 1, (width, height))
        return (left, top, right, bottom) if right > left and bottom > top else None


def _rings(oval: np.ndarray, frontal: np.ndarray, neck: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place the rings around an oval (S, 3): (R·S, 3) frontal positions, and how far each spoke points up and down."""
    centre = oval.mean(0)
    spoke = oval - centre
    down = smooth_step(spoke[:, 1] / np.linalg.norm(spoke[:, :2], axis=1) * 1.25)
    up = smooth_step(-spoke[:, 1] / np.linalg.norm(spoke[:, :2], axis=1) * 1.25)
    # Below the chin the last ring lies `neck` face heights away instead of its own distance.
    chin = np.linalg.norm(spoke[:, :2], axis=1) * (RINGS[-1] - 1)
    shrink = 1 + down * (neck * _face_height(frontal) / chin - 1)
    places = []
    for ring in RINGS:
        place = centre + spoke * (1 + (ring - 1) * shrink)[:, None]
        place[:, 2] = oval[:, 2] + (ring - 1) * 0.35 * np.abs(spoke[:, :2]).max()
        places.append(place)
    return np.concatenate(places), up, down


def _hair(rings: np.ndarray, headroom: np.ndarray | None) -> np.ndarray:
    """How far out the hair ends on each spoke of rings (R, S, 2) in pixels: (S,), in multiples of the face oval."""
    if headroom is None:
        return np.full(rings.shape[1], HAIR_FROM)
    person = rings[..., 1] > np.interp(rings[..., 0], np.arange(len(headroom)), headroom)
    # The first ring that does not lie on the person, nor do those within it.
    beyond = np.array([*RINGS, RINGS[-1]])[np.cumprod(person, axis=0).sum(0)]
    return uniform_filter1d(np.clip(beyond, HAIR_FROM, HAIR_TO), LEVELLED, mode="wrap")


def _face_height(frontal: np.ndarray) -> float:
    """Height of the face oval of a frontal mesh, canonical units."""
    oval = frontal[list(FACE_OVAL), 1]
    return float(oval.max() - oval.min())


def measure_stretch(before: np.ndarray, after: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the square root of the area each vertex's triangles (N, 3) gained, (V,); 0 where they turned over.

    The vertices lie at (V, 2 or more) before and after.
    """
    old, new, count = _areas(before, triangles), _areas(after, triangles), len(before)
    sums = np.zeros((count, 2))
    for corner in triangles.T:
        sums[:, 0] += np.bincount(corner, np.abs(old), count)
        sums[:, 1] += np.bincount(corner, np.maximum(new * np.sign(old), 0), count)
    return np.sqrt(sums[:, 1] / np.maximum(sums[:, 0], 1e-9))


def _areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[corner, :2] for corner in triangles.T)
    return (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
