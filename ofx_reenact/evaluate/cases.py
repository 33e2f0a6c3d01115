"""Test cases of whole faces: a target, and another picture of the same person that it is to be carried to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.regions import OPEN_EYE
from ofx_reenact.training.fdgan.data import crops as crop_set
from ofx_reenact.training.fdgan.data.crops import Crops
from ofx_reenact.training.fdgan.data.pair_set import REVERSE, TRUE
from ofx_reenact.training.fdgan.data.pairs import openness, pseudo_target
from ofx_reenact.training.npz import schema_of
from ofx_reenact.training.rendered_heads import file as rendered
from ofx_reenact.training.rendered_heads.file import RenderedHeads
from ofx_reenact.warp.openings import SHUT_MOUTH, lenses

# Kinds of cases that pairs do not have.
RENDERED, BACK = "rendered", "back"


@dataclass(frozen=True)
class Case:
    """A target and what should come out, (H, W, 3) float32 in [0, 1], display-encoded; meshes (478, 3), pixels."""

    target: np.ndarray
    target_mesh: np.ndarray
    truth: np.ndarray
    mesh: np.ndarray


# Makes a case when it is asked for; None where the target's face leaves its picture.
Maker = Callable[[], Case | None]


def read_cases(path: str | Path, seed: int = 1) -> dict[str, list[Maker]]:
    """List the cases of a file by kind; pictures stay encoded until a case is made.

    Of a set of crops only people kept for validation are used, of rendered heads all: who measures trains on others.
    The seed draws how open mouths are shut.

    Raises:
        ReenactError: no such file, another file, nobody kept for validation, or nobody in more than one picture.
    """
    schema = schema_of(path)
    if schema == crop_set.SCHEMA:
        return _of_crops(path, Crops.load(path), seed)
    if schema == rendered.SCHEMA:
        return _of_heads(path, RenderedHeads(path))
    raise ReenactError(
        f"{path}: nothing to measure on; give pairs, crops or rendered heads (`ofx-reenact data pairs`, `data crops`, "
        "`data render-heads`)"
    )


def _of_crops(path: str | Path, crops: Crops, seed: int) -> dict[str, list[Maker]]:
    rows = np.nonzero(crops.validation)[0].tolist()
    if not rows:
        raise ReenactError(f"{path}: nobody is kept for validation; make the set of more people or with --hold-out")
    return {
        TRUE: [
            partial(_photographs, crops, row, other)
            # One direction after the other: taken in turns, every second case would be of one direction only.
            for forth in (True, False)
            for row in rows
            for other in crops.of(int(crops.person[row])).tolist()
            if other != row and (row < other) == forth
        ],
        REVERSE: [partial(_reverse, crops, row, seed) for row in rows if openness(crops.mesh[row]) >= SHUT_MOUTH],
    }


def _of_heads(path: str | Path, heads: RenderedHeads) -> dict[str, list[Maker]]:
    there: list[Maker] = []
    back: list[Maker] = []
    for person in np.unique(heads.identity).tolist():
        first, *others = heads.of(person)
        # Where the neutral picture was not tracked, another comes first.
        if heads.expression[first].any():
            continue
        there += [partial(_heads, heads, first, other) for other in others]
        # Nobody gives a target with shut eyes and asks to see them.
        back += [partial(_heads, heads, other, first) for other in others if _eyes_open(heads.mesh[other])]
    if not there:
        raise ReenactError(f"{path}: nobody is in a neutral picture and another one; render more poses")
    return {RENDERED: there, BACK: back}


def _photographs(crops: Crops, target: int, truth: int) -> Case:
    meshes = crops.mesh[[target, truth]].astype(np.float64)
    return Case(crops.picture(target), meshes[0], crops.picture(truth), meshes[1])


def _reverse(crops: Crops, row: int, seed: int) -> Case | None:
    truth, mesh = crops.picture(row), crops.mesh[row].astype(np.float64)
    pseudo = pseudo_target(truth, mesh, np.random.default_rng([seed, row]))
    return None if pseudo is None else Case(*pseudo, truth, mesh)


def _heads(heads: RenderedHeads, target: int, truth: int) -> Case:
    one, other = (heads.picture(index).astype(np.float32) / 255 for index in (target, truth))
    meshes = heads.mesh[[target, truth]].astype(np.float64)
    return Case(one, meshes[0], other, meshes[1])


def _eyes_open(mesh: np.ndarray) -> bool:
    found = lenses(mesh)
    return min(found["eye_right"].gap, found["eye_left"].gap) >= OPEN_EYE
