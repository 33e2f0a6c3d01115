"""A custom identity: what FD-GAN learns of one person from their own frames, for the plate profile.

The networks stay as they are. What is trained are the 65,536 numbers of the person's dictionary and the translator's
low-rank adapters; both end in the person's identity file.
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
from ofx_reenact.training.fdgan.data.pairs import Pair
from ofx_reenact.training.fdgan.repair import losses
from ofx_reenact.training.fdgan.score import errors
from ofx_reenact.training.loop import autocast
from ofx_reenact.training.recipe import descend, set_rate

# Fewer frames say less about a person than the networks know already; more take time and say nothing new.
FEWEST, MOST = 30, 500
# One frame in so many is kept from training, to measure on.
KEPT = 8


@dataclass(frozen=True)
class CustomSettings:
    """How a custom identity is trained: Adam on ``batch`` frames a step; ``features`` weighs the feature distance."""

    steps: int = 400
    batch: int = 4
    learning_rate: float = 2e-3
    rank: int = adapters.RANK
    features: float = 2.0
    seed: int = 1
    device: str = "cpu"
    bf16: bool = True


@dataclass(frozen=True)
class Custom:
    """What was learned: dictionary values (n_i, C_i), adapters by name, and mouth PSNR on kept frames in dB."""

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
) -> Custom:
    """Fit a dictionary, (n_i, C_i) finest first, and adapters to a person's frames; the network stays untouched.

    A pair is the target carried to a frame, and the frame. ``observe`` is called after each step.

    Raises:
        ReenactError: too few frames in which the mouth differs from the target's.
    """
    if len(pairs) < FEWEST:
        raise ReenactError(
            f"{len(pairs)} usable frames, at least {FEWEST} are needed: give more frames in which the mouth moves"
        )
    torch.manual_seed(settings.seed)
    work = copy.deepcopy(network).to(settings.device).requires_grad_(False)
    values = [torch.nn.Parameter(torch.from_numpy(v.copy())[None].to(settings.device)) for v in dictionary]
    optimiser = torch.optim.Adam([*values, *adapters.adapt(work.translator, settings.rank)], settings.learning_rate)
    kept = list(range(KEPT // 2, len(pairs), KEPT))
    used = np.setdiff1d(np.arange(len(pairs)), kept)
    held = batch_of([pairs[i] for i in kept]).to(settings.device)
    before = _measure(work, values, held)
    chance = np.random.default_rng(settings.seed)
    for step in range(settings.steps):
        rows = chance.choice(used, settings.batch)
        batch = batch_of([pairs[i] for i in rows]).to(settings.device)
        with autocast(settings.device, settings.bf16):
            made = work(batch.warped, batch.maps, batch.landmarks, _repeated(values, len(rows)))
            loss = torch.stack(list(losses(made, batch, settings.features).values())).sum()
        set_rate(optimiser, settings.learning_rate * min(1.0, 2 * (1 - step / settings.steps)))
        descend(loss, optimiser)
        observe(step + 1, loss.item())
    learned = {name: tensor.cpu().numpy() for name, tensor in adapters.take(work.translator).items()}
    tables = tuple(v.detach()[0].cpu().numpy() for v in values)
    return Custom(tables, learned, before, _measure(work, values, held))


def batch_of(pairs: Sequence[Pair]) -> Batch:
    """Stack pairs as the networks take them."""

    def pictures(name: str) -> Tensor:
        stacked = np.stack([getattr(pair, name) for pair in pairs]).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(stacked, np.float32))

    def points(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(pair, name) for pair in pairs]).astype(np.float32))

    target, warped, truth = (pictures(name) * 2 - 1 for name in ("target", "warped", "truth"))
    nobody = torch.zeros(len(pairs), dtype=torch.long)
    return Batch(target, warped, truth, pictures("maps"), points("target_landmarks"), points("landmarks"), nobody)


def _repeated(values: Sequence[Tensor], count: int) -> tuple[Tensor, ...]:
    return tuple(v.expand(count, -1, -1) for v in values)


@torch.no_grad()
def _measure(network: RepairNetwork, values: Sequence[Tensor], held: Batch) -> float:
    made = network(held.warped, held.maps, held.landmarks, _repeated(values, len(held.truth))).picture
    return errors(held, made)["PSNR repaired"].nanmean().item()
