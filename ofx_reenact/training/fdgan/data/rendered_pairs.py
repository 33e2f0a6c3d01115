"""Make pairs of rendered heads: one picture of a person carried to another, which is the truth.

The warp uses the tracked mesh, as it does for photographs. The exact class maps are only used to check that mesh.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ofx_reenact.tracking.rigid import head_pose
from ofx_reenact.training.fdgan.data.warped_pairs import Pair, make_pairs, mouth_mask, openness
from ofx_reenact.training.rendered_heads.file import RenderedHeads
from ofx_reenact.training.rendered_heads.parts import PixelClass
from ofx_reenact.warp.openings import SHUT_MOUTH

# Classes of what lies between the lips.
_INSIDE = (PixelClass.TEETH, PixelClass.TONGUE, PixelClass.MOUTH)
# Least intersection over union of the tracked opening and the true one; below, the mesh has the lips in a wrong place.
AGREEMENT = 0.5
# Largest turn of the head between target and truth, degrees; beyond, the warp fails at more than the mouth.
LARGEST_TURN = 20.0


def make_rendered_pairs(heads: RenderedHeads, person: int, rng: np.random.Generator, *, second: bool) -> Iterator[Pair]:
    """Make pairs of one person: the first picture, which is neutral, is carried to every picture with an open mouth.

    With ``second``, another picture, drawn with ``rng``, is carried there too, whether its mouth is open or shut.
    """
    pictures = heads.of(person)
    for truth in pictures:
        if not is_usable_truth(heads, truth):
            continue
        others = [index for index in pictures if index != truth]
        further = rng.choice(others[1:], 1).tolist() if second and len(others) > 1 else []
        for target in others[:1] + further:
            if turn_between(heads, target, truth) > LARGEST_TURN:
                continue
            carried = _picture(heads, target), _mesh(heads, target)
            yield from make_pairs(*carried, _picture(heads, truth), _mesh(heads, truth))


def is_usable_truth(heads: RenderedHeads, index: int) -> bool:
    """Return whether a picture's tracked mesh has an open mouth where its class map has one."""
    mesh = _mesh(heads, index)
    return openness(mesh) >= SHUT_MOUTH and agreement(heads, index) >= AGREEMENT


def agreement(heads: RenderedHeads, index: int) -> float:
    """Return the intersection over union, in [0, 1], of the opening between the tracked lips and the true one."""
    inside = np.isin(heads.classes(index), _INSIDE)
    tracked = mouth_mask(_mesh(heads, index), inside.shape) > 0
    return float((inside & tracked).sum() / max((inside | tracked).sum(), 1))


def turn_between(heads: RenderedHeads, a: int, b: int) -> float:
    """Return the angle in degrees between the tracked rotations of the head in two pictures."""
    one, other = (head_pose(_mesh(heads, index)).rotation for index in (a, b))
    return float(np.degrees(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1, 1))))


def _picture(heads: RenderedHeads, index: int) -> np.ndarray:
    return heads.picture(index).astype(np.float32) / 255


def _mesh(heads: RenderedHeads, index: int) -> np.ndarray:
    return heads.mesh[index].astype(np.float64)
