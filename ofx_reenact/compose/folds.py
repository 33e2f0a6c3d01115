"""Nasolabial folds: where a smile squeezes the skin beside the mouth, the cheek rises and the skin folds along a line.

The mesh shows neither, because it is too coarse for a fold and tracked cheeks are flatter than real ones. But it shows
how far the skin is squeezed, and the fold's depth follows from that. Lengths are in canonical units, about centimetres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ofx_reenact.ramps import smooth_step
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.warp.sheet import sheet

# Mesh points along the folds, right and left, from the nose's wing to beside the mouth's corner, and the depth at each
# point as a fraction of the deepest.
_LINES = ((129, 203, 206, 216, 212), (358, 423, 426, 436, 432))
_DEPTHS = (0.4, 0.8, 1.0, 0.9, 0.3)
# Pairs of mesh points on both sides of each fold, which come closer as it deepens; and points around the cheek's
# middle.
_PAIRS = (((165, 205), (92, 207), (186, 207), (57, 214)), ((391, 425), (322, 427), (410, 427), (287, 434)))
_CHEEKS = ((50, 36, 205, 101), (280, 266, 425, 330))
# Squeeze of the skin, as a fraction of its length, at which a fold begins, and at which it has its full depth.
_BEGIN_SQUEEZE, _FULL_SQUEEZE = 0.03, 0.2
# Length of the fade at the fold's upper and at its lower end.
_UPPER_FADE, _LOWER_FADE = 0.8, 1.2
# Half a fold's width; and in multiples of it, the height of the skin on the outer side and the distance from the line
# at which the fold ends.
_HALF_WIDTH, _RISE, _REACH = 0.6, 0.4, 3.0
# Half the width of the fold's dark middle, in multiples of half the fold's width, and the fraction of light lost there.
_DARK, _LOST = 0.55, 0.2
# Standard deviation and height of a cheek's bulge.
_BULGE, _BULGE_HEIGHT = 1.5, 0.4


@dataclass(frozen=True)
class Fold:
    """A line along which skin folds, and the n vertices of the sheet near it.

    Attributes:
        vertices: (n,) indices of the sheet's vertices.
        pairs: (m, 2) indices of mesh points on both sides of the line.
        cheek: (468,) how far the cheek's bulge raises each mesh point when the fold is deepest, canonical units.
        along: (n,) depth at each vertex relative to the fold's deepest point, 0 to 1.
        apart: (n,) distance from the line in multiples of the fold's half width, positive on the outer side.
        outwards: (n, 3) frontal direction in which ``apart`` grows.
    """

    vertices: np.ndarray
    pairs: np.ndarray
    cheek: np.ndarray
    along: np.ndarray
    apart: np.ndarray
    outwards: np.ndarray

    def measure_depth(self, before: np.ndarray, after: np.ndarray) -> float:
        """Measure the fold's depth, 0 to 1, from frontal meshes (468, 3) before and after an expression."""
        old, new = (np.linalg.norm(mesh[self.pairs[:, 0]] - mesh[self.pairs[:, 1]], axis=1) for mesh in (before, after))
        return float(smooth_step((1 - (new / old).mean() - _BEGIN_SQUEEZE) / (_FULL_SQUEEZE - _BEGIN_SQUEEZE)))

    def tilt(self, normals: np.ndarray, depth: float) -> np.ndarray:
        """Return frontal normals (n, 3), tilted by the fold."""
        # The outer side rises as exp(−(u − 1)²); the inner side is flat except for the dark middle.
        u = self.apart
        slope = -2 * (u - 1) * np.exp(-((u - 1) ** 2)) * np.where(u < 0, self._middle(), 1)
        turned = normals - (_RISE * depth * self.along * slope)[:, None] * self.outwards
        return turned / np.linalg.norm(turned, axis=1, keepdims=True)

    def keep_light(self, depth: float) -> np.ndarray:
        """Return the fraction of light that reaches each vertex, (n,); lowest in the fold's middle."""
        return 1 - _LOST * depth * self.along * self._middle()

    def _middle(self) -> np.ndarray:
        return np.exp(-((self.apart / _DARK) ** 2))


@lru_cache(maxsize=1)
def nasolabial_folds() -> tuple[Fold, ...]:
    """Return the nasolabial folds, right and left (cached)."""
    return tuple(make_fold(*of) for of in zip(_LINES, _PAIRS, _CHEEKS, strict=True))


def make_fold(line: Sequence[int], pairs: Sequence[tuple[int, int]], cheek: Sequence[int]) -> Fold:
    """Make the fold along a line of mesh points; its outer side is the one away from the face's middle.

    Args:
        line: five points from the nose to the mouth's corner.
        pairs: pairs of points on both sides of the line.
        cheek: points around the middle of the cheek beside it.
    """
    points = canonical().points
    corners, face = points[list(line)], sheet().parents @ points
    starts, steps = corners[:-1], np.diff(corners, axis=0)
    t = np.clip(((face[:, None] - starts) * steps).sum(-1) / (steps**2).sum(-1), 0, 1)
    away = face[:, None] - starts - t[..., None] * steps
    # Each vertex belongs to the nearest segment of the line.
    rows, part = np.arange(len(face)), np.linalg.norm(away, axis=-1).argmin(1)
    t, away = t[rows, part], away[rows, part]
    across = np.column_stack([steps[:, 1], -steps[:, 0], np.zeros(len(steps))])
    across *= (np.sign(across[:, 0] * corners[0, 0]) / np.linalg.norm(across, axis=1))[:, None]
    outwards = across[part]
    apart = np.linalg.norm(away, axis=1) * np.sign((away * outwards).sum(1)) / _HALF_WIDTH
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(steps, axis=1))])
    at = lengths[part] + t * np.diff(lengths)[part]
    along = np.interp(at, lengths, _DEPTHS) * smooth_step(at / _UPPER_FADE)
    along = along * smooth_step((lengths[-1] - at) / _LOWER_FADE)
    from_cheek = ((points - points[list(cheek)].mean(0)) ** 2).sum(1)
    near = np.nonzero((np.abs(apart) < _REACH) & (along > 0))[0]
    raised = _BULGE_HEIGHT * np.exp(-from_cheek / (2 * _BULGE**2))
    return Fold(near, np.array(pairs), raised, along[near], apart[near], outwards[near])
