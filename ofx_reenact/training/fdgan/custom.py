"""Train a custom identity: fit the repair network to one person with their own frames.

The network's weights stay unchanged. Only the 65,536 numbers of the person's dictionary and low-rank adapters of the
translator are trained; both go into the identity file.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan import adapters
from ofx_reenact.fdgan.repair import RepairNetwork
from ofx_reenact.training.fdgan.data.pair_set import Batch
from ofx_reenact.training.fdgan.data.warped_pairs import Pair
from ofx_reenact.training.fdgan.repair import losses
from ofx_reenact.training.fdgan.score import measure_mouth
from ofx_reenact.training.loop import autocast
from ofx_reenact.training.recipe import descend, set_rate

# From fewer frames the network learns less than it knows already; more take time and show nothing new.
FEWEST, MOST = 30, 500
# One frame in this many is kept for validation.
VALIDATION = 8


@dataclass(frozen=True)
class CustomSettings:
    """How to train: Adam, ``batch`` frames a step, adapters of ``rank``; ``features`` is the feature loss's weight."""

    steps: int = 400
    batch: int = 4
    learning_rate: float = 2e-3
    rank: int = adapters.RANK
    features: float = 2.0
    seed: int = 1
    device: str = "cpu"
    bf16: bool = True


@dataclass(frozen=True)
class CustomResult:
    """Dictionary tables (n_i, C_i), adapters by name; the mouth's PSNR in validation frames before and after, dB."""

    dictionary: tuple[np.ndarray, ...]
    adapters: dict[str, np.ndarray]
    before: float
    after: float


def train_custom(
    network: RepairNetwork,
    dictionary: Sequence[np.ndarray],
    pairs: Sequence[Pair],
    settings: CustomSettings,
    observe: Callable[[int, float], None] = lambda step, loss: None,
) -> CustomResult:
    """Fit a dictionary and adapters to a person's frames; the network itself is not changed.

    Args:
        network: the repair network.
        dictionary: its tables for the person, (n_i, C_i), finest first, to start from.
        pairs: the target carried to each frame, and the frame.
        settings: how to train.
        observe: called after each step with its number and loss.

    Raises:
        ReenactError: there are too few pairs.
    """
    if len(pairs) < FEWEST:
        raise ReenactError(
            f"{len(pairs)} usable frames, at least {FEWEST} are needed: give more frames in which the mouth moves"
        )
    torch.manual_seed(settings.seed)
    trained = copy.deepcopy(network).to(settings.device).requires_grad_(False)
    tables = [torch.nn.Parameter(torch.from_numpy(v.copy())[None].to(settings.device)) for v in dictionary]
    low_rank = adapters.add_adapters(trained.translator, settings.rank)
    optimiser = torch.optim.Adam([*tables, *low_rank], settings.learning_rate)
    held_out = list(range(VALIDATION // 2, len(pairs), VALIDATION))
    used = np.setdiff1d(np.arange(len(pairs)), held_out)
    validation = stack_pairs([pairs[i] for i in held_out]).to(settings.device)
    before = _measure(trained, tables, validation)
    rng = np.random.default_rng(settings.seed)
    for step in range(settings.steps):
        rows = rng.choice(used, settings.batch)
        batch = stack_pairs([pairs[i] for i in rows]).to(settings.device)
        with autocast(settings.device, settings.bf16):
            made = trained(batch.warped, batch.maps, batch.landmarks, _repeat(tables, len(rows)))
            loss = torch.stack(list(losses(made, batch, settings.features).values())).sum()
        set_rate(optimiser, settings.learning_rate * min(1.0, 2 * (1 - step / settings.steps)))
        descend(loss, optimiser)
        observe(step + 1, loss.item())
    learned = {name: tensor.cpu().numpy() for name, tensor in adapters.read_adapters(trained.translator).items()}
    values = tuple(table.detach()[0].cpu().numpy() for table in tables)
    return CustomResult(values, learned, before, _measure(trained, tables, validation))


def stack_pairs(pairs: Sequence[Pair]) -> Batch:
    """Stack pairs into a batch; ``person``, of whom there is only one, is 0."""

    def pictures(name: str) -> Tensor:
        stacked = np.stack([getattr(pair, name) for pair in pairs]).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(stacked, np.float32))

    def points(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(pair, name) for pair in pairs]).astype(np.float32))

    target, warped, truth = (pictures(name) * 2 - 1 for name in ("target", "warped", "truth"))
    person = torch.zeros(len(pairs), dtype=torch.long)
    return Batch(target, warped, truth, pictures("maps"), points("target_landmarks"), points("landmarks"), person)


def _repeat(tables: Sequence[Tensor], count: int) -> tuple[Tensor, ...]:
    return tuple(table.expand(count, -1, -1) for table in tables)


@torch.no_grad()
def _measure(network: RepairNetwork, tables: Sequence[Tensor], batch: Batch) -> float:
    """Return the mean PSNR in the mouth, in dB."""
    made = network(batch.warped, batch.maps, batch.landmarks, _repeat(tables, len(batch.truth))).picture
    return measure_mouth(batch, made)["PSNR repaired"].nanmean().item()
