"""Pairs of rendered heads: two pictures of one person, the truth known, where photographs have only one.

The warp sees what it sees of a photograph, the tracked mesh; exact classes say only whether that mesh is to be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.training.fdgan.data.pairs import Pair, between_lips, openness, pairs_of
from ofx_reenact.training.rendered_heads.file import RenderedHeads
from ofx_reenact.training.rendered_heads.parts import PixelClass
from ofx_reenact.warp.openings import SHUT_MOUTH

# What lies between the lips.
_INSIDE = (PixelClass.TEETH, PixelClass.TONGUE, PixelClass.MOUTH)
# Intersection over union of the tracked opening and the true one; below, the lips lie elsewhere than the mesh says.
AGREEMENT = 0.5
# How far the head turns between target and truth at most, degrees: beyond, the warp fails at more than the mouth.
FURTHEST = 20.0


def pairs_of_heads(heads: RenderedHeads, person: int, rng: np.random.Generator, *, second: bool) -> Iterator[Pair]:
    """Make pairs of one person: each open mouth is a truth to which another picture, the neutral first one, is carried.

    With ``second`` a further picture, drawn by ``rng``, is carried to each truth, whatever its mouth does.
    """
    everyone = heads.of(person)
    for truth in everyone:
        if not trusted(heads, truth):
            continue
        others = [index for index in everyone if index != truth]
        further = rng.choice(others[1:], 1).tolist() if second and len(others) > 1 else []
        for target in others[:1] + further:
            if turn_between(heads, target, truth) > FURTHEST:
                continue
            yield from pairs_of(_shown(heads, target), _mesh(heads, target), _shown(heads, truth), _mesh(heads, truth))


def trusted(heads: RenderedHeads, index: int) -> bool:
    """Tell whether a picture shows an open mouth, by its track and by its classes, and in the same place."""
    mesh = _mesh(heads, index)
    return openness(mesh) >= SHUT_MOUTH and agreement(heads, index) >= AGREEMENT


def agreement(heads: RenderedHeads, index: int) -> float:
    """Intersection over union, in [0, 1], of the opening between tracked lips and what truly lies between lips."""
    inside = np.isin(heads.classes(index), _INSIDE)
    tracked = between_lips(_mesh(heads, index), inside.shape) > 0
    return float((inside & tracked).sum() / max((inside | tracked).sum(), 1))


def turn_between(heads: RenderedHeads, a: int, b: int) -> float:
    """Angle in degrees by which the head turns from one picture to another, as tracked."""
    one, other = (head_pose(_mesh(heads, index)).rotation for index in (a, b))
    return float(np.degrees(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1, 1))))


def _shown(heads: RenderedHeads, index: int) -> np.ndarray:
    return heads.picture(index).astype(np.float32) / 255


def _mesh(heads: RenderedHeads, index: int) -> np.ndarray:
    return heads.mesh[index].astype(np.float64)
