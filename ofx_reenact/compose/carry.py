"""Carry (warp) a target's pixels to its face in motion: the sheet moves the skin, eyes and mouth lie behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ofx_reenact.compose.composite import Composed, compose, copy_outside, measure_lip_colour
from ofx_reenact.compose.eyeball import Eyeball
from ofx_reenact.compose.lid import Lid, measure_shut
from ofx_reenact.ops.backend import Array, Ops
from ofx_reenact.ops.on_cpu import CPU
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, LIPS_OUTER
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify, openings
from ofx_reenact.warp.lashes import BROWS, keep_lashes
from ofx_reenact.warp.stmap import STMap, TargetSheet

_EYES = {"eye_right": [i for half in EYE_RIGHT for i in half], "eye_left": [i for half in EYE_LEFT for i in half]}
_LIPS = [i for half in LIPS_INNER for i in half]
Box = tuple[slice, slice]


@dataclass(frozen=True)
class Carried:
    """The result of warping a target's picture.

    Attributes:
        stmap: the skin's STMap.
        composed: the window of the picture that changed.
        mouth: the mouth's opening; None if it is shut or outside the picture, or if only the eyes move.
        lenses: shapes of the openings in the result, by name.
    """

    stmap: STMap
    composed: Composed
    mouth: openings.Opening | None
    lenses: Mapping[str, openings.Lens]

    def invented(self, box: Box) -> np.ndarray:
        """Return how much of each pixel was not carried, in a box (rows, columns) of the picture: (h, w) in [0, 1]."""
        return _cut_box(box, self.composed.invented, self.composed.slices, 0.0)

    def stretch(self, box: Box) -> np.ndarray:
        """Return the stretch in a box, length in the result over length in the target: (h, w), 1 if nothing moves."""
        return _cut_box(box, self.stmap.stretch, self.stmap.slices, 1.0)

    def opening(self, box: Box) -> np.ndarray:
        """Return the coverage of the mouth's opening in a box: (h, w) in [0, 1], 0 on the skin."""
        if self.mouth is None:
            return np.zeros([s.stop - s.start for s in box], np.float32)
        height, width = self.mouth.coverage.shape
        rows = slice(self.mouth.top, self.mouth.top + height)
        columns = slice(self.mouth.left, self.mouth.left + width)
        return _cut_box(box, self.mouth.coverage, (rows, columns), 0.0)


class Carrier:
    """One target picture with a triangle sheet laid over its face, ready to be warped to any pose."""

    def __init__(
        self,
        picture: np.ndarray,
        mesh: np.ndarray,
        frontal: np.ndarray,
        head: Similarity,
        neck: float,
        headroom: np.ndarray | None = None,
        ops: Ops = CPU,
    ) -> None:
        """Lay the sheet over the target.

        Args:
            picture: (H, W, 3 or 4) float32, scene-linear.
            mesh: of the face in it (478, 3), pixels.
            frontal: the mesh with the head's pose taken out (478, 3), canonical units.
            head: pose of the head, canonical units → pixels.
            neck: how far below the chin the head's motion reaches, in face heights.
            headroom: (W,) number of rows above the person in each column; None if unknown.
            ops: the device's functions that bend the sheet and sample the picture; small arrays and results stay on
                the host.
        """
        height, width = picture.shape[:2]
        self.picture, self.mesh, self.frontal, self.head = picture, mesh, frontal, head
        self.ops, self.sheet = ops, TargetSheet(frontal, head, (width, height), neck, headroom, ops)
        self.lenses: Mapping[str, openings.Lens] = openings.lenses(mesh)
        outer, inner = (
            np.concatenate([mesh[list(half), :2] for half in contour]) for contour in (LIPS_OUTER, LIPS_INNER)
        )
        self._balls: dict[str, Eyeball] = {}
        self._lids: dict[str, Lid] = {}
        self.lips = measure_lip_colour(picture, outer, inner)

    @cached_property
    def _on_device(self) -> Array:
        """The picture on the device that samples it."""
        return self.ops.put(self.picture)

    @stage("warp: sample")
    def carry(
        self, moved: np.ndarray, head: Similarity, gaze: np.ndarray, jaw: np.ndarray, gate: float = 1.0,
        shading: np.ndarray | None = None, out: np.ndarray | None = None,
    ) -> Carried | None:  # fmt: skip
        """Warp the picture to a pose.

        Args:
            moved: (468, 3) displacement of the mesh's points, pixels, already multiplied by ``gate``.
            head: pose of the moved head, canonical units → pixels.
            gaze: (2, 2) shift of the irises, right and left eye, in widths of the eye.
            jaw: (3,) frontal displacement of the jaw, canonical units.
            gate: weight of the head's motion, 0 to 1.
            shading: (V,) change of light at the sheet's vertices, as a fraction of the light there; None for none.
            out: (H, W, C) float32 that receives the whole frame; None for the changed window alone.

        Returns:
            The result; None, with ``out`` untouched, if nothing moves or everything has moved out of the picture.
        """
        stmap = self.sheet.bend(moved, head, gate, shading)
        if stmap is None and not gaze.any():
            return None
        feather = max(1.0, openings.FEATHER * self.sheet.face_height)
        after = openings.lenses(self.mesh[:FACE_POINTS, :2] + moved[:, :2])
        eyes = [
            self._turn_eye(name, after[name], shift, feather)
            for (name, contour), shift in zip(_EYES.items(), gaze, strict=True)
            # An eye that does not move stays the plate, like the skin around it.
            if moved[contour].any() or shift.any()
        ]
        if stmap is None:
            turned = [eye for eye in eyes if eye is not None]
            if moved.any() or not turned:
                return None
            stmap = _eyes_only_map(turned)
            composed = self._compose(stmap, turned, out)
            return Carried(composed.skin, composed, None, after)
        for name, contour in _EYES.items():
            if moved[contour].any():
                brow = self.mesh[BROWS[name], :2]
                keep_lashes(stmap.offset, stmap.left, stmap.top, self.lenses[name], after[name], brow, self.ops)
        size = self.sheet.size
        depth = float(self.frontal[_LIPS, 2].mean())
        skull, lower = (densify.plane_map(head, self.head, depth, shift) for shift in (np.zeros(3), jaw))
        mouth = openings.map_mouth(self.lenses["mouth"], after["mouth"], skull, lower, feather, size)
        shown = [opening for opening in (*eyes, mouth) if opening is not None]
        composed = self._compose(stmap, shown, out)
        for name in _EYES:
            self._draw_lid(name, composed, after[name], self.mesh[BROWS[name], :2] + moved[BROWS[name], :2])
        return Carried(composed.skin, composed, mouth, after)

    def _compose(self, stmap: STMap, shown: Sequence[openings.Opening], out: np.ndarray | None) -> Composed:
        """Sample the picture through a map and draw openings over it; ``out`` receives the whole frame."""
        if out is not None:
            copy_outside(self.picture, out, stmap.slices)
        return compose(self._on_device, stmap, shown, self.lips, out, self.ops)

    def _draw_lid(self, name: str, composed: Composed, after: openings.Lens, brow: np.ndarray) -> None:
        """Draw an upper lid over a composed frame, in place, if it comes down."""
        lid, lashes = measure_shut(self.lenses[name], after)
        if lid <= 0:
            return
        if name not in self._lids:
            outer = -1.0 if name == "eye_right" else 1.0
            self._lids[name] = Lid.of_picture(self.picture, self.lenses[name], self.mesh[BROWS[name], :2], outer)
        self._lids[name].draw(composed, after, brow, lid, lashes)

    def _turn_eye(self, name: str, after: openings.Lens, gaze: np.ndarray, feather: float) -> openings.Opening | None:
        """Turn one eye by its gaze, behind the lids of the result; None if its opening shows nothing."""
        iris = openings.fit_iris(name, self.mesh)
        eye = openings.map_eye(self.lenses[name], iris, after, gaze, feather, self.sheet.size)
        if eye is None:
            return None
        if name not in self._balls:
            self._balls[name] = Eyeball.of_picture(self.picture, self.lenses[name], iris)
        return self._balls[name].show(eye)


def _eyes_only_map(eyes: Sequence[openings.Opening]) -> STMap:
    """Make the STMap of a face that only turns its eyes: a window around them in which no skin moves."""
    left, top = min(eye.left for eye in eyes), min(eye.top for eye in eyes)
    right = max(eye.left + eye.coverage.shape[1] for eye in eyes)
    bottom = max(eye.top + eye.coverage.shape[0] for eye in eyes)
    reach = np.zeros((bottom - top, right - left), np.float32)
    for eye in eyes:
        height, width = eye.coverage.shape
        within = reach[eye.top - top :, eye.left - left :][:height, :width]
        np.maximum(within, eye.coverage, out=within)
    return STMap(left, top, np.zeros((*reach.shape, 2), np.float32), reach, np.ones_like(reach))


def _cut_box(box: Box, values: np.ndarray, place: Box, beyond: float) -> np.ndarray:
    """Cut a box of the picture out of values that cover another box, ``place``; ``beyond`` fills the rest."""
    result = np.full([s.stop - s.start for s in box], beyond, np.float32)
    into, out_of = [], []
    for b, p in zip(box, place, strict=True):
        start, stop = max(b.start, p.start), min(b.stop, p.stop)
        if stop <= start:
            return result
        into.append(slice(start - b.start, stop - b.start))
        out_of.append(slice(start - p.start, stop - p.start))
    result[tuple(into)] = values[tuple(out_of)]
    return result
