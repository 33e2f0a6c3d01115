"""LD-Net's networks: the paper's sizes, unit variance, sizes read from the weights."""

import pytest
import torch
from narrow import linear_parameters
from torch import nn

from ofx_reenact.ldnet.network import Classifier, Discriminator, LabelTable, LDNet, NormalisedPReLU


def test_parameter_counts_are_the_papers():
    network = LDNet()
    assert linear_parameters(network.pose_encoder) == 2_466_880
    assert linear_parameters(network.identity_encoder) == 2_499_712
    assert linear_parameters(network.generator) == 2_532_488
    assert linear_parameters(Classifier(1000)) == 2_947_048
    assert linear_parameters(Discriminator()) == 2_434_561
    assert LabelTable(1000).weight.numel() == 128_000


def test_hidden_layers_are_ten_wide_512():
    widths = [m.out_features for m in LDNet().pose_encoder.modules() if isinstance(m, nn.Linear)]
    assert widths == [512] * 10 + [64]


def test_activation_keeps_unit_variance():
    x = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0))
    y = NormalisedPReLU(1)(x)
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.02


@pytest.mark.parametrize(("width", "hidden"), [(16, 2), (32, 5), (512, 10)])
def test_size_is_read_from_the_state_dict(width, hidden):
    network = LDNet(width=width, hidden=hidden)
    again = LDNet.of_state(network.state_dict())
    again.load_state_dict(network.state_dict())
    x = torch.randn(3, 68, 2)
    assert torch.equal(network(x, network.encode_identity(x)), again(x, again.encode_identity(x)))
