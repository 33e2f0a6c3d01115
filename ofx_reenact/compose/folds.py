"""Folds: where a smile squeezes the skin beside the mouth, the cheek rises and the skin gives way along a line.

The mesh has neither: it is too coarse for a fold, and its tracker finds cheeks flatter than they are. How far skin is
squeezed, it does say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ofx_reenact.ramps import smooth_step
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.warp.sheet import sheet

# The nasolabial folds, right and left, from the nose's wing to beside the mouth's corner, and how deep each of their
# points goes.
_LINES = ((129, 203, 206, 216, 212), (358, 423, 426, 436, 432))
_DEPTHS = (0.4, 0.8, 1.0, 0.9, 0.3)
# Pairs of mesh points on both sides of each, which come closer as it deepens; and the middle of the cheek above.
_PAIRS = (((165, 205), (92, 207), (186, 207), (57, 214)), ((391, 425), (322, 427), (410, 427), (287, 434)))
_CHEEKS = ((50, 36, 205, 101), (280, 266, 425, 330))
# Skin gives way without a fold as far as the first, in fractions of its length; the fold is whole at the second.
_TAKES, _WHOLE = 0.03, 0.2
# All lengths are in canonical units, about centimetres. Over how much of its ends a fold comes in.
_BEGINS, _ENDS = 0.8, 1.2
# Half a fold's width; how high the skin rises on its outer side, and how far from the line nothing is left, in widths.
_WIDTH, _RISE, _FAR = 0.6, 0.4, 3.0
# Half the width of its middle, in widths, and how much light is kept from there.
_NARROW, _KEPT = 0.55, 0.2
# How wide a cheek's bulge is, as a deviation, and how high.
_BULGE, _HIGH = 1.5, 0.4


@dataclass(frozen=True)
class Fold:
    """A line along which skin folds, with the n of the sheet's vertices that lie near it.

    Attributes:
        vertices: (n,) indices into the sheet's.
        pairs: (m, 2) mesh points on both sides of it.
        cheek: (468,) how far each point of the mesh rises with the cheek beside it, canonical units.
        along: (n,) how deep it is at each vertex when it is whole.
        apart: (n,) distance from the line in widths of the fold, above 0 on its outer side.
        outwards: (n, 3) direction in which that grows, frontal.
    """

    vertices: np.ndarray
    pairs: np.ndarray
    cheek: np.ndarray
    along: np.ndarray
    apart: np.ndarray
    outwards: np.ndarray

    def measure_depth(self, before: np.ndarray, after: np.ndarray) -> float:
        """Measure how deep it is in [0, 1], from frontal meshes (468, 3)."""
        old, new = (np.linalg.norm(mesh[self.pairs[:, 0]] - mesh[self.pairs[:, 1]], axis=1) for mesh in (before, after))
        return float(smooth_step((1 - (new / old).mean() - _TAKES) / (_WHOLE - _TAKES)))

    def tilt(self, normals: np.ndarray, depth: float) -> np.ndarray:
        """Return normals (n, 3), frontal, as the fold turns them."""
        # The outer side rises as exp(−(u − 1)²); the inner side of the line stays as it is but for the middle.
        u = self.apart
        slope = -2 * (u - 1) * np.exp(-((u - 1) ** 2)) * np.where(u < 0, self._middle(), 1)
        turned = normals - (_RISE * depth * self.along * slope)[:, None] * self.outwards
        return turned / np.linalg.norm(turned, axis=1, keepdims=True)

    def keep_light(self, depth: float) -> np.ndarray:
        """Return how much of the light from all sides reaches each vertex, (n,): least in the fold's middle."""
        return 1 - _KEPT * depth * self.along * self._middle()

    def _middle(self) -> np.ndarray:
        return np.exp(-((self.apart / _NARROW) ** 2))


@lru_cache(maxsize=1)
def nasolabial_folds() -> tuple[Fold, ...]:
    """Return the nasolabial folds, right and left (cached)."""
    return tuple(lay_fold(*of) for of in zip(_LINES, _PAIRS, _CHEEKS, strict=True))


def lay_fold(line: Sequence[int], pairs: Sequence[tuple[int, int]], cheek: Sequence[int]) -> Fold:
    """Lay a fold along a line of mesh points; its outer side is the one away from the face's middle.

    Args:
        line: points from the nose to the mouth's corner, as many as there are depths.
        pairs: points on both sides of it.
        cheek: points around the middle of the cheek beside it.
    """
    points = canonical().points
    corners, face = points[list(line)], sheet().parents @ points
    starts, steps = corners[:-1], np.diff(corners, axis=0)
    t = np.clip(((face[:, None] - starts) * steps).sum(-1) / (steps**2).sum(-1), 0, 1)
    away = face[:, None] - starts - t[..., None] * steps
    # Of all parts of the line, a vertex belongs to the nearest.
    rows, part = np.arange(len(face)), np.linalg.norm(away, axis=-1).argmin(1)
    t, away = t[rows, part], away[rows, part]
    across = np.column_stack([steps[:, 1], -steps[:, 0], np.zeros(len(steps))])
    across *= (np.sign(across[:, 0] * corners[0, 0]) / np.linalg.norm(across, axis=1))[:, None]
    outwards = across[part]
    apart = np.linalg.norm(away, axis=1) * np.sign((away * outwards).sum(1)) / _WIDTH
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(steps, axis=1))])
    at = lengths[part] + t * np.diff(lengths)[part]
    along = np.interp(at, lengths, _DEPTHS) * smooth_step(at / _BEGINS) * smooth_step((lengths[-1] - at) / _ENDS)
    rises = ((points - points[list(cheek)].mean(0)) ** 2).sum(1)
    near = np.nonzero((np.abs(apart) < _FAR) & (along > 0))[0]
    raised = _HIGH * np.exp(-rises / (2 * _BULGE**2))
    return Fold(near, np.array(pairs), raised, along[near], apart[near], outwards[near])
