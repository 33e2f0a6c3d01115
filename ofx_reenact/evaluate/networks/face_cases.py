"""Test cases of whole faces: a target, and another picture of the same person as the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.networks.face_regions import OPEN_EYE
from ofx_reenact.training.fdgan.data import crop_set
from ofx_reenact.training.fdgan.data.crop_set import Crops
from ofx_reenact.training.fdgan.data.pair_set import REVERSE, TRUE
from ofx_reenact.training.fdgan.data.warped_pairs import make_pseudo_target, openness
from ofx_reenact.training.npz import schema_of
from ofx_reenact.training.rendered_heads import file as rendered
from ofx_reenact.training.rendered_heads.file import RenderedHeads
from ofx_reenact.warp.openings import SHUT_MOUTH, lenses

# Kinds of cases that sets of pairs do not have: from a rendered head's neutral picture to another, and back.
RENDERED, BACK = "rendered", "back"


@dataclass(frozen=True)
class Case:
    """Target and truth, (H, W, 3) float32 in [0, 1], display-encoded, with their meshes (478, 3), pixels."""

    target: np.ndarray
    target_mesh: np.ndarray
    truth: np.ndarray
    mesh: np.ndarray


# Makes a case when it is called; None where the target's face leaves its picture.
CaseMaker = Callable[[], Case | None]


def read_cases(path: str | Path, seed: int = 1) -> dict[str, list[CaseMaker]]:
    """List the cases of a file by kind; pictures stay encoded until a case is made.

    Of crops, only people held out for validation are used; of rendered heads, all, so train on other heads. The seed
    chooses how the warp shuts open mouths.

    Raises:
        ReenactError: the file is missing or of another kind, nobody in it is held out for validation, or nobody is in
            more than one picture.
    """
    schema = schema_of(path)
    if schema == crop_set.SCHEMA:
        return _cases_of_crops(path, Crops.load(path), seed)
    if schema == rendered.SCHEMA:
        return _cases_of_heads(path, RenderedHeads(path))
    raise ReenactError(
        f"{path}: nothing to measure on; give pairs, crops or rendered heads (`ofx-reenact data pairs`, `data crops`, "
        "`data render-heads`)"
    )


def _cases_of_crops(path: str | Path, crops: Crops, seed: int) -> dict[str, list[CaseMaker]]:
    rows = np.nonzero(crops.validation)[0].tolist()
    if not rows:
        raise ReenactError(f"{path}: nobody is held out for validation; make the set of more people or with --hold-out")
    return {
        TRUE: [
            partial(_photograph_case, crops, row, other)
            # All cases of one direction first: if directions alternated, choosing every second case would drop one.
            for forward in (True, False)
            for row in rows
            for other in crops.of(int(crops.person[row])).tolist()
            if other != row and (row < other) == forward
        ],
        REVERSE: [partial(_reverse_case, crops, row, seed) for row in rows if openness(crops.mesh[row]) >= SHUT_MOUTH],
    }


def _cases_of_heads(path: str | Path, heads: RenderedHeads) -> dict[str, list[CaseMaker]]:
    from_neutral: list[CaseMaker] = []
    to_neutral: list[CaseMaker] = []
    for person in np.unique(heads.identity).tolist():
        first, *others = heads.of(person)
        # The first picture has an expression if the neutral one could not be tracked.
        if heads.expression[first].any():
            continue
        from_neutral += [partial(_head_case, heads, first, other) for other in others]
        # A target with shut eyes is no realistic case: its eyes were never seen.
        to_neutral += [partial(_head_case, heads, other, first) for other in others if _eyes_open(heads.mesh[other])]
    if not from_neutral:
        raise ReenactError(f"{path}: nobody is in a neutral and in another picture; render more poses")
    return {RENDERED: from_neutral, BACK: to_neutral}


def _photograph_case(crops: Crops, target: int, truth: int) -> Case:
    meshes = crops.mesh[[target, truth]].astype(np.float64)
    return Case(crops.picture(target), meshes[0], crops.picture(truth), meshes[1])


def _reverse_case(crops: Crops, row: int, seed: int) -> Case | None:
    truth, mesh = crops.picture(row), crops.mesh[row].astype(np.float64)
    pseudo = make_pseudo_target(truth, mesh, np.random.default_rng([seed, row]))
    return None if pseudo is None else Case(*pseudo, truth, mesh)


def _head_case(heads: RenderedHeads, target: int, truth: int) -> Case:
    one, other = (heads.picture(index).astype(np.float32) / 255 for index in (target, truth))
    meshes = heads.mesh[[target, truth]].astype(np.float64)
    return Case(one, meshes[0], other, meshes[1])


def _eyes_open(mesh: np.ndarray) -> bool:
    found = lenses(mesh)
    return min(found["eye_right"].gap, found["eye_left"].gap) >= OPEN_EYE
