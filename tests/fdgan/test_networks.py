"""FD-GAN's networks: the paper's sizes, sizes from the weights, ablations, critics."""

from pathlib import Path

import pytest
import torch

from ofx_reenact.fdgan.dictionary import ABLATIONS
from ofx_reenact.fdgan.network import Extractor, Translator, extractor_of, table_shapes, translator_of
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.repair import RepairNetwork
from ofx_reenact.fdgan.weights import load_portrait, load_repair, save_portrait, save_repair
from ofx_reenact.training.fdgan.critics import Classifier, Discriminator, count_parameters, log_likelihood
from ofx_reenact.weights import build_network


def test_parameter_counts_are_the_papers():
    assert (count_parameters(Extractor()), count_parameters(Translator())) == (3_073_824, 2_995_587)
    assert (count_parameters(Discriminator()), count_parameters(Classifier(1000))) == (1_475_201, 1_731_944)


@pytest.mark.parametrize("features", [(4, 6), (3, 5, 7), (4, 4, 4, 4)])
@pytest.mark.parametrize("inputs", [6, 12])
def test_sizes_are_read_from_the_weights(features, inputs):
    rows = tuple(range(3, 3 + len(features)))
    extractor, translator = Extractor(inputs, features, rows, 7), Translator(inputs, 6, features, rows, 7)
    x = torch.randn(1, 2, inputs, 32, 32)
    dictionary = extractor(x)
    state = extractor.state_dict()
    assert all(map(torch.equal, dictionary, build_network(Path("w"), lambda: extractor_of(state), state, "FD-GAN")(x)))
    assert table_shapes(extractor) == table_shapes(translator) == tuple(zip(rows, features, strict=True))
    state = translator.state_dict()
    again = build_network(Path("w"), lambda: translator_of(state), state, "FD-GAN")
    assert torch.equal(translator(x[:, 0], dictionary), again(x[:, 0], dictionary))


@pytest.mark.parametrize("name", ABLATIONS)
def test_ablations_share_one_interface_and_their_weights_tell_them_apart(name, tmp_path):
    network = RepairNetwork.ablation(name)
    save_repair(tmp_path / "w.safetensors", network, {})
    loaded = load_repair(tmp_path / "w.safetensors").network
    assert loaded.translator.read == network.translator.read
    assert sum(p.numel() for p in loaded.parameters()) == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("name", ABLATIONS)
def test_printed_ablations_see_the_target_and_their_weights_tell_them_apart(name, tmp_path):
    torch.manual_seed(0)
    network = PortraitNetwork.ablation(name)
    save_portrait(tmp_path / "w.safetensors", network, 32, {})
    loaded = load_portrait(tmp_path / "w.safetensors").network
    network.load_state_dict(loaded.state_dict())  # rounded to half precision, as the file is
    pictures, landmarks = torch.rand(2, 1, 3, 32, 32), torch.rand(2, 68, 2) * 32
    one, other = (net(landmarks, net.write(pictures, landmarks[:, None]), 32) for net in (network, loaded))
    assert one.shape == (2, 3, 32, 32) and torch.allclose(one, other, atol=1e-5)
    elsewhere = network(landmarks, network.write(-pictures, landmarks[:, None]), 32)
    assert (one - elsewhere).abs().max() > 1e-4  # whose face it is comes from the picture alone


def test_printed_translator_gives_the_dense_one_all_but_its_ends():
    portrait, repair = Translator().state_dict(), Translator(15, 6).state_dict()
    other = {name for name in portrait if portrait[name].shape != repair[name].shape}
    assert portrait.keys() == repair.keys()
    assert other == {"down.0.0.weight", "up.0.2.weight", "up.0.2.bias"}


def test_classifier_picks_its_person():
    log = Classifier(5)(torch.randn(2, 3, 32, 32))
    assert torch.allclose(log.exp().sum(1), torch.ones(2, 2, 2), atol=1e-5)
    assert torch.equal(log_likelihood(log, torch.tensor([3, 1]))[0], log[0, 3])
