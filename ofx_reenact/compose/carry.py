"""Carry a target's pixels to its face in motion: the sheet for the skin, eyes and mouth behind it, one picture out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ofx_reenact.compose.picture import Composed, compose, lip_colour
from ofx_reenact.tracking.landmarks import LIPS_INNER, LIPS_OUTER
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify, openings
from ofx_reenact.warp.stmap import STMap, TargetSheet

_LIPS = [i for half in LIPS_INNER for i in half]


@dataclass(frozen=True)
class Carried:
    """A target's picture in motion.

    Attributes:
        stmap: the skin's map.
        composed: the changed window of the picture.
        mouth: the mouth's opening; None while it is shut.
    """

    stmap: STMap
    composed: Composed
    mouth: openings.Opening | None


class Carrier:
    """One target picture with a sheet laid over its face."""

    def __init__(
        self, picture: np.ndarray, mesh: np.ndarray, frontal: np.ndarray, head: Similarity, neck: float
    ) -> None:
        """Lay the sheet over the target.

        Args:
            picture: (H, W, 3 or 4) float32.
            mesh: of the face in it (478, 3), pixels.
            frontal: the mesh with the head's pose taken out (478, 3), canonical units.
            head: pose of the head.
            neck: how far below the chin the head's motion reaches, in face heights.
        """
        height, width = picture.shape[:2]
        self.picture, self.mesh, self.frontal, self.head = picture, mesh, frontal, head
        self.sheet = TargetSheet(frontal, head, (width, height), neck)
        self.lenses: Mapping[str, openings.Lens] = openings.lenses(mesh)
        outer, inner = (
            np.concatenate([mesh[list(half), :2] for half in contour]) for contour in (LIPS_OUTER, LIPS_INNER)
        )
        self.lips = lip_colour(picture, outer, inner)

    def carry(
        self, moved: np.ndarray, head: Similarity, gaze: np.ndarray, jaw: np.ndarray, gate: float = 1.0
    ) -> Carried | None:
        """Move the face.

        Args:
            moved: displacement of the mesh's points (468, 3), pixels.
            head: pose of the moved head.
            gaze: (2, 2) shift of the irises, right and left eye, in widths of the eye.
            jaw: (3,) frontal displacement of the jaw, canonical units.
            gate: share of the head's motion that counts; ``moved`` has it in already.

        Returns:
            The result, or None when nothing moves or everything has moved out of the picture.
        """
        stmap = self.sheet.bend(moved, head, gate)
        if stmap is None:
            return None
        feather = max(1.0, openings.FEATHER * self.sheet.face_height)
        after = openings.lenses(self.mesh[:FACE_POINTS, :2] + moved[:, :2])
        size = self.sheet.size
        eyes = [
            openings.eye(self.lenses[name], after[name], shift, feather, size)
            for name, shift in zip(("eye_right", "eye_left"), gaze, strict=True)
        ]
        depth = float(self.frontal[_LIPS, 2].mean())
        skull, lower = (densify.plane_map(head, self.head, depth, shift) for shift in (np.zeros(3), jaw))
        mouth = openings.mouth(self.lenses["mouth"], after["mouth"], skull, lower, feather, size)
        shown = [opening for opening in (*eyes, mouth) if opening is not None]
        return Carried(stmap, compose(self.picture, stmap, shown, self.lips), mouth)
