"""LD-Net's weights files: the shipped one, there and back, what is refused."""

import pytest
import torch
from safetensors.torch import save_file

from ofx_reenact.errors import WeightsError
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.weights import load_ldnet, save_ldnet


def test_shipped_weights_are_full_size_and_documented(weights):
    assert weights.norm == "rigid"
    assert weights.network.pose_encoder[0].out_features == 512
    assert weights.template.shape == (68, 2)
    assert "ICT-FaceKit" in weights.metadata["data"]


def test_weights_round_trip(tmp_path):
    network = LDNet(width=16, hidden=3)
    save_ldnet(tmp_path / "w.safetensors", network, torch.rand(68, 2), "bbox", {"data": "none"})
    loaded = load_ldnet(tmp_path / "w.safetensors")
    assert loaded.norm == "bbox"
    assert len(loaded.sha256) == 64
    for name, tensor in network.state_dict().items():
        assert torch.allclose(loaded.network.state_dict()[name], tensor, atol=1e-3)


def test_pickle_is_refused(tmp_path):
    torch.save(LDNet(width=16, hidden=3).state_dict(), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"w\.pt: not a safetensors file.*[Pp]ickle"):
        load_ldnet(tmp_path / "w.pt")


def test_another_networks_weights_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors", metadata={"network": "fd-gan"})
    with pytest.raises(WeightsError, match="not LD-Net weights"):
        load_ldnet(tmp_path / "other.safetensors")
    save_file({"a": torch.zeros(2)}, tmp_path / "w.safetensors", metadata={"network": "ld-net", "norm": "bbox"})
    with pytest.raises(WeightsError, match="not LD-Net's"):
        load_ldnet(tmp_path / "w.safetensors")


def test_missing_weights(tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        load_ldnet(tmp_path / "gone.safetensors")
