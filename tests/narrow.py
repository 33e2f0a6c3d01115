"""Narrow networks for tests: the shape of the real ones, a thousandth of their size."""

import torch

from ofx_reenact.fdgan.network import Extractor, Translator
from ofx_reenact.fdgan.repair import DenseFDGAN


def small(seed: int = 0) -> DenseFDGAN:
    """The dense network, narrow."""
    torch.manual_seed(seed)
    return DenseFDGAN(Extractor(12, (8, 8, 8, 8), (4, 4, 4, 4)), Translator(15, 6, (8, 8, 8, 8), (4, 4, 4, 4)))
