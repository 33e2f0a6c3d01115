"""What all trainings share: state, gradient steps, the moving average, the learning rate schedule."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Network = TypeVar("Network", bound=nn.Module)


class Average(AveragedModel, Generic[Network]):
    """Exponential moving average of a network's parameters; ``module`` is the averaged network.

    It begins as a copy of the network. The decay of update ``n``, counted from ``first``, is
    ``min(decay, (1 + n) / (10 + n))``: at first the average follows the network faster.
    """

    module: Network

    def __init__(self, network: Network, decay: float, first: int = 0) -> None:
        super().__init__(network, multi_avg_fn=self._update)
        self._decay, self._first = decay, first
        # The copy counts as the first network averaged; AveragedModel would copy once more at its first update.
        self.n_averaged += 1

    @torch.no_grad()
    def _update(self, averages: Any, values: Any, _: Tensor | int) -> None:
        # The count lies on the CPU; the one that is passed would have to be fetched from the GPU.
        n = int(self.n_averaged) - 1 + self._first
        torch._foreach_lerp_(averages, values, 1 - min(self._decay, (1 + n) / (10 + n)))


class Recipe(ABC):
    """Settings, data, networks and losses of a training.

    ``parts`` names the attributes that a checkpoint holds: modules and optimisers, or dictionaries of them. ``rng``
    draws the batches; a checkpoint holds its state as ``generator``.
    """

    parts: ClassVar[tuple[str, ...]]
    rng: np.random.Generator | torch.Generator

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """Return the settings of the run as plain values; a checkpoint with other settings is refused."""

    @abstractmethod
    def step(self, number: int, steps: int) -> Mapping[str, Any]:
        """Do step ``number`` (from 0) of ``steps``; returns the losses to plot, numbers or tensors with one value."""

    @abstractmethod
    def measure(self) -> Mapping[str, float]:
        """Measure errors on people kept for validation."""

    def state(self) -> dict[str, Any]:
        """Return all that a resumed run needs, as tensors and plain values."""
        rng = self.rng
        rng_state = rng.get_state() if isinstance(rng, torch.Generator) else rng.bit_generator.state
        return {name: _state(getattr(self, name)) for name in self.parts} | {"generator": rng_state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state` returned."""
        for name in self.parts:
            _restore(getattr(self, name), state[name])
        if isinstance(self.rng, torch.Generator):
            self.rng.set_state(state["generator"])
        else:
            self.rng.bit_generator.state = state["generator"]


def _state(part: Any) -> dict[str, Any]:
    return {name: _state(inner) for name, inner in part.items()} if isinstance(part, dict) else part.state_dict()


def _restore(part: Any, state: Mapping[str, Any]) -> None:
    if isinstance(part, dict):
        for name, inner in part.items():
            _restore(inner, state[name])
    else:
        part.load_state_dict(state)


def descend(loss: Tensor, optimiser: torch.optim.Optimizer, max_norm: float | None = None) -> None:
    """Take one gradient step on a loss; the norm of all gradients together is clipped to ``max_norm``."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if max_norm is not None:
        nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], max_norm)
    optimiser.step()


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of an optimiser; a tensor is changed in place, so that a recorded CUDA graph reads it."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            # After a resume it is the checkpoint's tensor, on the CPU.
            group["lr"] = group["lr"].to(group["params"][0].device)
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def cosine_rate(number: int, steps: int, warm_up: int) -> float:
    """Return a step's learning rate as a fraction of the highest: a linear warm-up times a cosine down to 0."""
    return min(1.0, (number + 1) / warm_up) * (0.5 + 0.5 * math.cos(math.pi * number / steps))
