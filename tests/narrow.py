"""Networks for tests: narrow ones, and the counting of weights."""

import torch
from torch import nn

from ofx_reenact.fdgan.network import Extractor, Translator
from ofx_reenact.fdgan.repair import RepairNetwork

NARROW = ((8, 8, 8, 8), (4, 4, 4, 4))


def narrow(inputs: int, first: int, outputs: int) -> tuple[Extractor, Translator]:
    """A narrow translator's inputs and outputs, and ``first`` inputs of the extractor beside it."""
    return Extractor(first, *NARROW), Translator(inputs, outputs, *NARROW)


def small(seed: int = 0) -> RepairNetwork:
    """The repair network, narrow."""
    torch.manual_seed(seed)
    return RepairNetwork(*narrow(15, 12, 6))


def linear_parameters(module: nn.Module) -> int:
    """Weights and biases of a network's linear layers."""
    return sum(p.numel() for m in module.modules() if isinstance(m, nn.Linear) for p in m.parameters())
