"""What the loop needs of a training, and what recipes share: state, one step down a loss, the moving average."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.training.distributed import ALONE, Group


class Recipe(ABC):
    """Networks, losses and data of a training. ``parts`` names the attributes that a checkpoint holds."""

    parts: ClassVar[tuple[str, ...]]
    generator: np.random.Generator | torch.Generator

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """Say what the run is made of, as plain values; a checkpoint of another is refused."""

    @abstractmethod
    def step(self, number: int, steps: int) -> Mapping[str, Any]:
        """Do step ``number`` (from 0) of ``steps``; returns the losses to plot, numbers or tensors of one."""

    @abstractmethod
    def measure(self) -> Mapping[str, float]:
        """Measure errors on people whom training does not see."""

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on, as tensors and plain values; ``chance`` is the random generator's."""
        chance = self.generator
        drawn = chance.get_state() if isinstance(chance, torch.Generator) else chance.bit_generator.state
        return {name: _state(getattr(self, name)) for name in self.parts} | {"chance": drawn}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a state back."""
        for name in self.parts:
            _restore(getattr(self, name), state[name])
        if isinstance(self.generator, torch.Generator):
            self.generator.set_state(state["chance"])
        else:
            self.generator.bit_generator.state = state["chance"]


def _state(part: Any) -> dict[str, Any]:
    return {name: _state(inner) for name, inner in part.items()} if isinstance(part, dict) else part.state_dict()


def _restore(part: Any, state: Mapping[str, Any]) -> None:
    if isinstance(part, dict):
        for name, inner in part.items():
            _restore(inner, state[name])
    else:
        part.load_state_dict(state)


def descend(loss: Tensor, optimiser: torch.optim.Optimizer, group: Group = ALONE, longest: float | None = None) -> None:
    """Take one step down a loss; gradients are averaged over the group and cut to a length of ``longest``."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    group.average(optimiser)
    if longest is not None:
        nn.utils.clip_grad_norm_([p for part in optimiser.param_groups for p in part["params"]], longest)
    optimiser.step()


def follow(average: nn.Module, network: nn.Module, decay: float, number: int) -> None:
    """Bring an exponential moving average nearer to its network after step ``number``; early steps weigh more."""
    decay = min(decay, (1 + number) / (10 + number))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set a learning rate; where it is a tensor, in place, so that a recorded step sees it."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            # A checkpoint's lies on the CPU.
            group["lr"] = group["lr"].to(group["params"][0].device)
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def cosine(number: int, steps: int, rise: int) -> float:
    """Return the fraction of the highest learning rate: it rises over some steps and falls as a cosine to 0."""
    return min(1.0, (number + 1) / rise) * (0.5 + 0.5 * math.cos(math.pi * number / steps))
