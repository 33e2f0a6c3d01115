"""Adapters of one person: merged they are what was trained."""

import copy

import torch
from narrow import small

from ofx_reenact.fdgan import adapters


def test_untrained_adapters_change_nothing_and_merged_ones_are_the_trained():
    torch.manual_seed(0)
    network, x, = small(), torch.randn(1, 15, 32, 48)  # fmt: skip
    values = network.extractor(torch.randn(1, 1, 12, 32, 48))
    adapted = copy.deepcopy(network.translator)
    parameters = adapters.add_adapters(adapted, rank=2)
    assert torch.allclose(adapted(x, values), network.translator(x, values), atol=1e-6)
    with torch.no_grad():
        torch._foreach_add_(parameters, 0.05)
    again = adapters.merge_adapters(network.translator, adapters.read_adapters(adapted))
    assert torch.allclose(again(x, values), adapted(x, values), atol=1e-5)
    assert not torch.allclose(again(x, values), network.translator(x, values), atol=1e-3)
