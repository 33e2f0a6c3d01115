"""The STMap: for each pixel of the result, the offset of its colour's position in the target; 0 where nothing moves."""

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
from ofx_reenact.warp.headroom import find_cut_columns, stretchable_rows
from ofx_reenact.warp.lens import pixel_places
from ofx_reenact.warp.seams import Seam, find_seams
from ofx_reenact.warp.sheet import RIGID_FROM, RINGS, Sheet, sheet

# Above the brow, the head's motion fades from where the hair ends: as far out as the picture shows a person, within
# these limits, in multiples of the face oval. Beside the face it fades from RIGID_FROM, below the chin
# from the face oval.
HAIR_FROM, HAIR_TO = 1.6, 2.0
# Motion in pixels below which it is rounding error and is set to 0, so that the plate is copied bit for bit.
ROUNDING = 0.01
# Distance from the picture's edge, in face heights, over which motion fades out, so that the edge does not move. The
# upper edge, to which the crown may be near, is kept in place by :mod:`ofx_reenact.warp.headroom`.
BORDER = 0.12
# Number of neighbouring spokes of the rings over which the length of hair is averaged.
SMOOTHED_SPOKES = 9


@dataclass(frozen=True)
class STMap:
    """One frame's map over a window of the picture; outside the window nothing moves.

    Its arrays are on the device of the operations that made it, until it is fetched.
    """

    left: int  # column of the window's first pixel
    top: int  # its row
    offset: np.ndarray  # (h, w, 2) float32, pixels
    reach: np.ndarray  # (h, w) float32; weight of the head's motion, 1 on the face, 0 where nothing moves
    stretch: np.ndarray  # (h, w) float32; length in the result over length in the target; 1 where nothing moves
    seams: tuple[Seam, ...] = ()  # finer maps where lids or lips meet
    shading: np.ndarray | None = None  # (h, w) float32; factor on the colour of warped pixels; None: 1 everywhere

    @property
    def slices(self) -> tuple[slice, slice]:
        """The window as (rows, columns) of the picture."""
        height, width = self.reach.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def fetch(self, ops: Ops) -> STMap:
        """Copy the map, with its arrays on the host."""
        offset, reach, stretch = (ops.fetch(values) for values in (self.offset, self.reach, self.stretch))
        shading = None if self.shading is None else ops.fetch(self.shading)
        return replace(self, offset=offset, reach=reach, stretch=stretch, shading=shading)

    def places(self, part: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels' positions (x, y) in a part (rows, columns) of the window, (h, w) float64 each."""
        height, width = self.reach.shape
        rows, columns = range(height)[part[0]], range(width)[part[1]]
        return pixel_places(self.left + columns.start, self.top + rows.start, len(columns), len(rows))


class TargetSheet:
    """The sheet fitted to one target picture, to be bent with each frame's mesh."""

    def __init__(
        self,
        frontal: np.ndarray,
        head: Similarity,
        size: tuple[int, int],
        neck: float,
        headroom: np.ndarray | None = None,
        ops: Ops = CPU,
    ) -> None:
        """Fit the sheet to a picture.

        Args:
            frontal: the target's frontal mesh (478, 3).
            head: its pose.
            size: width and height of the picture.
            neck: distance below the chin, in face heights, at which the head's motion ends.
            headroom: (W,) rows above the person in each column; None if unknown.
            ops: the operations that rasterise.
        """
        self._ops = ops
        self._sheet: Sheet = sheet()
        self.size = size
        face = self._sheet.parents @ frontal[:FACE_POINTS]
        rings, up, down = _place_rings(face[self._sheet.oval], frontal, neck)
        self._frontal = np.concatenate([face, rings])
        self.rest = head.apply(self._frontal)
        height = _face_height(frontal) * head.scale
        hair = _find_hair_ends(self.rest[len(face) :, :2].reshape(len(RINGS), -1, 2), headroom)
        begins = RIGID_FROM + up * (hair - RIGID_FROM) + down * (1.0 - RIGID_FROM)
        fades = [1 - smooth_step((ring - begins) / (RINGS[-1] - begins)) for ring in RINGS]
        self.weight = np.concatenate([np.ones(len(face)), *fades])
        x, y = self.rest[len(face) :, :2].T
        to_edge = np.minimum(np.minimum(x, size[0] - 1 - x), size[1] - 1 - y)
        self.weight[len(face) :] *= smooth_step(to_edge / (BORDER * height))
        self.face_height = height
        self._stretchable = stretchable_rows(headroom, size[0], height)
        self.cut = self._find_cut(head, headroom)

    @stage("warp: STMap")
    def bend(
        self, moved_mesh: np.ndarray, head: Similarity, gate: float = 1.0, shading: np.ndarray | None = None
    ) -> STMap | None:
        """Rasterise the map that warps the target to a displaced mesh and a head pose.

        Args:
            moved_mesh: displacements of the mesh's points (468, 3) in pixels.
            head: the head's pose.
            gate: fraction of the head's motion that is applied outside the face; ``moved_mesh`` includes it already.
            shading: (V,) relative change of brightness at the sheet's vertices; ignored where nothing moves.

        Returns:
            The map, on the device of ``ops``; None if nothing moves or everything has left the picture.
        """
        shape, rest = self._sheet, self.rest
        moved = self._displace(moved_mesh, head, gate)
        if not moved.any():
            return None
        positions = rest + moved
        if (window := self._window(np.concatenate([rest[:, :2], positions[:, :2]]))) is None:
            return None
        left, top, right, bottom = window
        values = [self.weight, measure_stretch(rest, positions, shape.triangles)]
        if shading is not None:
            values.append(1 + np.where(moved[:, :2].any(1), shading, 0))
        layers = (shape.lids, shape.triangles)
        places, size = positions[:, :2] - (left, top), (right - left, bottom - top)
        offset, planes = self._ops.rasterise(
            places, positions[:, 2], layers, -moved[:, :2], np.column_stack(values), size, (0, 1, 1)
        )
        seams = find_seams(positions, moved, layers, offset, left, top, self._ops)
        if top == 0:
            self._ops.keep_edge(offset, planes[1], left, self._stretchable)
        return STMap(left, top, offset, planes[0], planes[1], seams, None if shading is None else planes[2])

    def flow(
        self, moved_mesh: np.ndarray, head: Similarity, later: np.ndarray, later_head: Similarity
    ) -> tuple[tuple[slice, slice], np.ndarray] | None:
        """Rasterise the motion of each pixel of a face from one frame to another.

        Args:
            moved_mesh: displacements of the mesh's points in the frame (468, 3), in pixels.
            head: the head's pose in the frame.
            later: displacements in the other frame.
            later_head: the head's pose in the other frame.

        Returns:
            A window (rows, columns) of the picture, and the motion in it (h, w, 2) float32, pixels; None if the face is
            outside the picture.
        """
        shape, here = self._sheet, self.rest + self._displace(moved_mesh, head, 1.0)
        if (window := self._window(here[:, :2])) is None:
            return None
        left, top, right, bottom = window
        moves = (self.rest + self._displace(later, later_head, 1.0) - here)[:, :2]
        layers, size = (shape.lids, shape.triangles), (right - left, bottom - top)
        places, nothing = here[:, :2] - (left, top), np.empty((len(here), 0))
        flow, _ = self._ops.rasterise(places, here[:, 2], layers, moves, nothing, size)
        return (slice(top, bottom), slice(left, right)), self._ops.fetch(flow)

    def _displace(self, moved_mesh: np.ndarray, head: Similarity, gate: float) -> np.ndarray:
        """Extend a mesh's displacements and the head's motion over the sheet: (V, 3) pixels."""
        rings = np.nonzero(self._sheet.ring_of >= RIGID_FROM)[0]
        rigid = (head.apply(self._frontal[rings]) - self.rest[rings]) * (gate * self.weight[rings, None])
        moved = self._sheet.displace(moved_mesh, rigid)
        moved[(np.abs(moved) < ROUNDING).all(1)] = 0
        return moved

    def _find_cut(self, head: Similarity, headroom: np.ndarray | None) -> np.ndarray:
        """Return frontal points (n, 3) where the upper edge cuts the head off; none if it does not.

        A raised arm at the edge does not count, as it does not move with the head.
        """
        if headroom is None:
            return np.empty((0, 3))
        columns = np.nonzero(find_cut_columns(headroom, self.face_height))[0]
        columns = columns[:: max(1, len(columns) // 32)]
        edge = np.column_stack([columns, np.zeros_like(columns)])
        nearest = ((edge[:, None] - self.rest[None, :, :2]) ** 2).sum(-1).argmin(1)
        points = head.invert(np.column_stack([edge, self.rest[nearest, 2]]))
        return points[self.weight[nearest] > 0.5]

    def _window(self, points: np.ndarray) -> tuple[int, int, int, int] | None:
        width, height = self.size
        left, top = np.maximum(np.floor(points.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(points.max(0)).astype(int) + 1, (width, height))
        return (left, top, right, bottom) if right > left and bottom > top else None


def _place_rings(oval: np.ndarray, frontal: np.ndarray, neck: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place R rings around an oval (S, 3): frontal positions (R·S, 3), and how far spokes point up and down (S,)."""
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


def _find_hair_ends(rings: np.ndarray, headroom: np.ndarray | None) -> np.ndarray:
    """Return where the hair ends on each spoke of rings (R, S, 2) in pixels: (S,), in multiples of the face oval."""
    if headroom is None:
        return np.full(rings.shape[1], HAIR_FROM)
    person = rings[..., 1] > np.interp(rings[..., 0], np.arange(len(headroom)), headroom)
    # The first ring that is outside the person, counted from the face.
    beyond = np.array([*RINGS, RINGS[-1]])[np.cumprod(person, axis=0).sum(0)]
    return uniform_filter1d(np.clip(beyond, HAIR_FROM, HAIR_TO), SMOOTHED_SPOKES, mode="wrap")


def _face_height(frontal: np.ndarray) -> float:
    """Return the height of the face oval of a frontal mesh, in canonical units."""
    oval = frontal[list(FACE_OVAL), 1]
    return float(oval.max() - oval.min())


def measure_stretch(before: np.ndarray, after: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the square root of the ratio of areas, after to before, of each vertex's triangles: (V,).

    0 where the triangles turned over. Vertices are at (V, 2 or more) before and after, triangles are (N, 3).
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
