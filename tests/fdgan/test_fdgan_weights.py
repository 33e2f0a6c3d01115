"""FD-GAN's weights: files of another network or another profile are refused."""

import pytest
import torch
from narrow import small

from ofx_reenact.errors import WeightsError
from ofx_reenact.fdgan.weights import load_portrait, load_repair, save_repair
from ofx_reenact.training.fdgan.critics import Classifier, Discriminator, load_critics, save_critics


def test_critics_go_on_and_a_classifier_of_others_begins_anew(tmp_path):
    critics = torch.nn.ModuleDict({"discriminator": Discriminator(), "classifier": Classifier(5)})
    save_critics(tmp_path / "c.safetensors", critics)
    again = torch.nn.ModuleDict({"discriminator": Discriminator(), "classifier": Classifier(7)})
    before = again["classifier"].state_dict()["4.weight"].clone()
    load_critics(tmp_path / "c.safetensors", again)
    first = critics["discriminator"].state_dict()["0.0.weight"]
    assert torch.equal(again["discriminator"].state_dict()["0.0.weight"], first.half().float())
    assert torch.equal(again["classifier"].state_dict()["4.weight"], before)
    with pytest.raises(WeightsError, match="another recipe"):
        load_critics(tmp_path / "c.safetensors", Discriminator(4))
    save_repair(tmp_path / "w.safetensors", small(), {})
    with pytest.raises(WeightsError, match="another kind"):
        load_critics(tmp_path / "w.safetensors", critics)


def test_weights_of_another_network_are_refused(tmp_path, weights):
    with pytest.raises(WeightsError, match="ld-net"):
        load_repair(weights.path)
    save_repair(tmp_path / "w.safetensors", small(), {})
    from ofx_reenact.ldnet.weights import load_ldnet

    with pytest.raises(WeightsError, match="not LD-Net"):
        load_ldnet(tmp_path / "w.safetensors")


def test_weights_of_another_profile_are_refused(tmp_path):
    save_repair(tmp_path / "w.safetensors", small(), {})
    with pytest.raises(WeightsError, match="as printed"):
        load_portrait(tmp_path / "w.safetensors")
