"""What both recipes of FD-GAN share: the network and its moving average, two optimisers, a process's generator."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.fdgan.network import channels_last
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.repair import RepairNetwork
from ofx_reenact.training.distributed import Group
from ofx_reenact.training.recipe import Recipe, follow, set_rate

Network = TypeVar("Network", RepairNetwork, PortraitNetwork)


@dataclass(frozen=True)
class FDGANSettings:
    """What both recipes can be told.

    Attributes:
        variant: ``fdgan``, or the ablation to train in its place.
        batch: pairs a step, of each process.
        learning_rate: of the optimisers at its highest.
        ema: decay of the moving average that is kept (the paper ships its last step).
        device: ``cpu`` or ``cuda``.
        bf16: convolutions in bfloat16, where the device has it.
        start, critics: SHA-256 of the weights and critics that the run goes on with; empty for none.
    """

    variant: str = "fdgan"
    batch: int = 8
    learning_rate: float = 4e-4
    ema: float = 0.998
    seed: int = 1
    device: str = "cpu"
    bf16: bool = True
    start: str = ""
    critics: str = ""


class FDGANRecipe(Recipe, Generic[Network]):
    """A network against critics; recipes add these, both optimisers and the losses."""

    _settings: FDGANSettings
    generator: np.random.Generator
    network: Network
    average: Network
    optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer

    def __init__(
        self, settings: FDGANSettings, out: Path, kind: type[Network], start: Network | None, group: Group
    ) -> None:
        """Begin from random weights, or from a trained network."""
        torch.manual_seed(settings.seed)
        self._out, self._group = out, group
        network = start or kind.ablation(settings.variant)
        self.network = channels_last(network.to(settings.device)).requires_grad_(True)
        self.average = copy.deepcopy(self.network)
        self.generator = group.chance(settings.seed)

    def step(self, number: int, steps: int) -> Mapping[str, Tensor]:
        """Let networks and critics learn from one batch."""
        for optimiser in (self.optimiser, self.critic_optimiser):
            set_rate(optimiser, self._settings.learning_rate * self._rate(number, steps))
        losses = self._learn(number, steps)
        follow(self.average, self.network, self._settings.ema, number)
        return losses

    @abstractmethod
    def _rate(self, number: int, steps: int) -> float:
        """Return the fraction of the highest learning rate."""

    @abstractmethod
    def _learn(self, number: int, steps: int) -> Mapping[str, Tensor]:
        """Draw a batch and take a step; returns the losses."""
