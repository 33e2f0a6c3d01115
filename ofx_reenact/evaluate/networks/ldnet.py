"""How good LD-Net is: Table 1 of the paper, point errors of swaps whose truth is known, and errors on real people.

*LMTest* is a grid of 100 people whom training did not see × 2,000 poses with expressions, the same for everybody, as
``data heads`` draws it; a small one has 200 poses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.ldnet.normalise import normalise
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.temporary import user_cache
from ofx_reenact.tracking.landmarks import REGIONS
from ofx_reenact.training.ldnet.data import anny_head_model
from ofx_reenact.training.ldnet.data.head_model import Grid, draw_grid, save_heads
from ofx_reenact.training.ldnet.data.swaps import Swaps
from ofx_reenact.training.ldnet.score import guesses, point_error
from ofx_reenact.training.npz import read_npz

# Table 1: mean distances of codes. Only their ratios to "both different" can be compared with ours.
PAPER = {
    "E_I": {"same identity": 2.0431, "same pose": 3.1793, "both different": 3.8274},
    "E_P": {"same identity": 3.5171, "same pose": 1.2730, "both different": 3.6744},
}
# Pairs of Table 1, principal components that distances are measured in, swaps of the point errors.
PAIRS, COMPONENTS, SWAPS = 1_000_000, 8, 20_000
# A small LMTest: people and poses; the seed of its people.
SMALL, SEED = (100, 200), 100
_CHUNK = 20_000


@dataclass(frozen=True)
class Codes:
    """Codes of a grid of I people and P poses: identity (I, P, 128) and pose (I, P, 64)."""

    identity: Tensor
    pose: Tensor


def small_lmtest(notify: Callable[[str], object]) -> Path:
    """Return a small LMTest of anny's heads from the user's cache; draw it first if it is not there.

    ``notify`` gets a message before it is drawn.

    Raises:
        SettingsError: anny is not installed.
    """
    path = user_cache() / "ofx-reenact" / "lmtest-anny-{}x{}.npz".format(*SMALL)
    if path.exists():
        return path
    if not anny_head_model.installed():
        raise SettingsError(
            "without --data a small LMTest is drawn from anny's heads, but anny is not installed: pip install "
            "'ofx-reenact[train]', or give --data a heads file from `ofx-reenact data heads --source ict`"
        )
    notify(f"no --data: a small LMTest is drawn from anny's heads, once, which takes some minutes: {path}")
    model = anny_head_model.anny_model()
    save_heads(path, model, draw_grid(model, *SMALL, SEED))
    return path


@torch.no_grad()
def encode(weights: LDNetWeights, grid: Grid) -> Codes:
    """Encode every landmark set of a grid."""
    flat = grid.landmarks.flatten(0, 1)
    identity, pose = [], []
    for part in flat.split(_CHUNK):
        normalised, _ = normalise(part, weights.norm, weights.template)
        identity.append(weights.network.encode_identity(normalised))
        pose.append(weights.network.encode_pose(normalised))
    shape = grid.landmarks.shape[:2]
    return Codes(torch.cat(identity).unflatten(0, shape), torch.cat(pose).unflatten(0, shape))


def principal_components(codes: Tensor, components: int = COMPONENTS) -> Tensor:
    """Project codes (I, P, n) onto their principal components, not whitened: (I, P, components)."""
    flat = codes.flatten(0, 1).double()
    centred = flat - flat.mean(0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    return (centred @ vectors[:, -components:].flip(-1)).unflatten(0, codes.shape[:2])


def table1(codes: Codes, pairs: int = PAIRS, seed: int = 1) -> dict[str, dict[str, float]]:
    """Compute the mean distance of codes of pairs with one person, with one pose, and with neither (paper, Table 1)."""
    people, poses = codes.identity.shape[:2]
    generator = torch.Generator().manual_seed(seed)

    def draw_other(of: Tensor, count: int) -> Tensor:
        drawn = torch.randint(count - 1, of.shape, generator=generator)
        return drawn + (drawn >= of)

    person = torch.randint(people, (pairs,), generator=generator)
    pose = torch.randint(poses, (pairs,), generator=generator)
    other_person, other_pose = draw_other(person, people), draw_other(pose, poses)
    cases = {
        "same identity": (person, other_pose),
        "same pose": (other_person, pose),
        "both different": (other_person, other_pose),
    }
    table: dict[str, dict[str, float]] = {}
    for name, encoded in (("E_I", codes.identity), ("E_P", codes.pose)):
        reduced = principal_components(encoded)
        first = reduced[person, pose]
        table[name] = {case: (first - reduced[at]).norm(dim=-1).mean().item() for case, at in cases.items()}
    return table


def ratios(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Divide Table 1's distances by those of pairs in which both are different."""
    return {
        name: {case: value / row["both different"] for case, value in row.items() if case != "both different"}
        for name, row in table.items()
    }


def draw_swaps(weights: LDNetWeights, grid: Grid, count: int = SWAPS, seed: int = 2) -> tuple[Swaps, Tensor]:
    """Draw swaps from a grid; return them and the driver's yaw (count,) in radians."""
    people, poses = grid.landmarks.shape[:2]
    generator = torch.Generator().manual_seed(seed)
    driver, target = (torch.randint(people, (count,), generator=generator) for _ in range(2))
    target = torch.where(target == driver, (target + 1) % people, target)
    acting_pose, rest_pose, own_pose = (torch.randint(1, poses, (count,), generator=generator) for _ in range(3))
    neutral_pose = torch.zeros_like(acting_pose)
    cells = (
        (driver, acting_pose), (driver, rest_pose), (target, own_pose), (target, acting_pose),
        (driver, neutral_pose), (target, neutral_pose),
    )  # fmt: skip
    faces = [normalise(grid.landmarks[cell], weights.norm, weights.template)[0] for cell in cells]
    same_rest = torch.zeros(count, 1, 1, dtype=torch.bool)
    performing, resting, own_face, truth, *neutral = faces
    swaps = Swaps(performing, resting, own_face, truth, same_rest, torch.stack(neutral))
    return swaps, grid.poses.angles[acting_pose, 1]


@torch.no_grad()
def point_errors(weights: LDNetWeights, swaps: Swaps) -> dict[str, Tensor]:
    """Compute the error (B, 68) of each guess, and of faces that should not move (driver and target are the same)."""
    errors = {name: point_error(guess, swaps.truth) for name, guess in guesses(weights.network, swaps).items()}
    unmoved = guesses(weights.network, replace(swaps, driver=swaps.target))
    return errors | {f"unmoved {name}": point_error(unmoved[name], swaps.target) for name in ("direct", "anchored")}


def mean_by_region(errors: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
    """Average each guess's errors over all points and over each region's."""
    return {
        name: {"all": error.mean().item()}
        | {region: error[:, list(index)].mean().item() for region, index in REGIONS.items()}
        for name, error in errors.items()
    }


@torch.no_grad()
def real_pairs(weights: LDNetWeights, path: Path, before: str = "neutral", after: str = "smiling") -> dict[str, float]:
    """Move each person of a set of tracks by the next person's change between two takes; compare with their own change.

    Returns:
        Mean errors, as :func:`point_error` measures them: ``still`` (nothing moves), ``copied change`` (the driver's
        change unchanged), ``LD-Net`` (relative motion); and ``people``, their number.

    Raises:
        ReenactError: the file is not a set of tracks, or fewer than two people have both takes.
    """
    shapes = {"landmarks": "number N 68 2", "identity": "whole N", "take": "text N"}
    data = read_npz(path, "set of tracks; `ofx-reenact data tracks` makes one", shapes=shapes)
    landmarks, identity, take = (data[name] for name in shapes)
    rows_before, rows_after = (
        {int(person): row for row, (person, name) in enumerate(zip(identity, take, strict=True)) if name == wanted}
        for wanted in (before, after)
    )
    people = sorted(rows_before.keys() & rows_after.keys())
    if len(people) < 2:
        raise ReenactError(f"{path}: {len(people)} people have both takes {before} and {after}; two or more are needed")
    both = torch.from_numpy(np.stack([[landmarks[rows_before[p]], landmarks[rows_after[p]]] for p in people])).float()
    target, _ = normalise(both, weights.norm, weights.template)
    driver = target.roll(1, 0)
    rest, truth = target.unbind(1)
    network = weights.network
    identity_code = network.encode_identity(rest)
    moved = network(driver[:, 1], identity_code) - network(driver[:, 0], identity_code)
    made = {"still": rest, "copied change": rest + driver[:, 1] - driver[:, 0], "LD-Net": rest + moved}
    scores = {name: point_error(guess, truth).mean().item() for name, guess in made.items()}
    return {**scores, "people": float(len(people))}
