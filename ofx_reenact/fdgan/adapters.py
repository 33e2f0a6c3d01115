"""Low-rank adapters: what a translator learned of one person, small enough for an identity file.

The kernel ``W`` of each 3×3 convolution becomes ``W + B·A``, with A (rank, C·9) and B (C', rank) for C input and C'
output channels. B begins at zero, so an untrained adapter changes nothing.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ofx_reenact.fdgan.network import Translator

RANK = 4
Adapters = Mapping[str, Tensor]


class LowRank(nn.Module):
    """The change of one kernel."""

    def __init__(self, kernel: Tensor, rank: int = RANK) -> None:
        super().__init__()
        outputs, inputs = kernel.shape[0], kernel[0].numel()
        self.a = nn.Parameter(torch.randn(rank, inputs, device=kernel.device) / math.sqrt(inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank, device=kernel.device))

    def forward(self, kernel: Tensor) -> Tensor:
        """Return the changed kernel."""
        return kernel + (self.b @ self.a).view_as(kernel)


def add_adapters(translator: Translator, rank: int = RANK) -> list[nn.Parameter]:
    """Add adapters to a frozen translator, in place; returns their parameters."""
    found: list[nn.Parameter] = []
    for _, layer in _layers(translator):
        change = LowRank(layer.weight, rank)
        parametrize.register_parametrization(layer, "weight", change)
        found += [change.a, change.b]
    return found


def read_adapters(translator: Translator) -> dict[str, Tensor]:
    """Return the adapters of an adapted translator by name, ``LAYER.a`` and ``LAYER.b``."""
    found: dict[str, Tensor] = {}
    for name, layer in _layers(translator):
        state = layer.parametrizations.weight[0].state_dict()  # type: ignore[union-attr, index]
        found |= {f"{name}.{matrix}": state[matrix].detach().clone() for matrix in ("a", "b")}
    return found


def merge_adapters(translator: Translator, adapters: Adapters) -> Translator:
    """Return a copy of a translator with adapters added to its kernels; the copy is as fast as the original.

    Raises:
        KeyError, RuntimeError: the adapters are of another network.
    """
    result = copy.deepcopy(translator)
    with torch.no_grad():
        for name, layer in _layers(result):
            change = adapters[f"{name}.b"].float() @ adapters[f"{name}.a"].float()
            layer.weight += change.view_as(layer.weight).to(layer.weight)
    return result


def fits(translator: Translator, adapters: Mapping[str, np.ndarray]) -> bool:
    """Return whether adapters, arrays by name, have the names and sizes of this translator's."""
    layers = dict(_layers(translator))
    if adapters.keys() != {f"{name}.{matrix}" for name in layers for matrix in ("a", "b")}:
        return False
    pairs = ((layer.weight, adapters[f"{name}.a"].shape, adapters[f"{name}.b"].shape) for name, layer in layers.items())
    return all(a == (b[-1], kernel[0].numel()) and b == (len(kernel), a[0]) for kernel, a, b in pairs)


def _layers(translator: Translator) -> Iterator[tuple[str, nn.Conv2d]]:
    """Yield the 3×3 convolutions with their names."""
    for name, layer in translator.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            yield name, layer
