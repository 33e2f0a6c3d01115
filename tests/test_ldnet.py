"""LD-Net: sizes, normalisation, anchor, weights files."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ofx_reenact.cli.main import run
from ofx_reenact.errors import WeightsError
from ofx_reenact.ldnet.network import Classifier, Discriminator, LabelTable, LDNet, NormalisedPReLU
from ofx_reenact.ldnet.normalise import NORMS, RIGID, normalise
from ofx_reenact.ldnet.retarget import identity_code, transfer
from ofx_reenact.ldnet.weights import load_ldnet, save_ldnet


def linear_parameters(module: nn.Module) -> int:
    return sum(p.numel() for m in module.modules() if isinstance(m, nn.Linear) for p in m.parameters())


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
    again = LDNet.from_state_dict(network.state_dict())
    x = torch.randn(3, 68, 2)
    assert torch.equal(network(x, network.encode_identity(x)), again(x, again.encode_identity(x)))


@pytest.fixture
def face() -> torch.Tensor:
    return torch.randn(68, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize("norm", NORMS)
def test_normalise_and_back(face, norm):
    landmarks = face.repeat(4, 1, 1) * torch.tensor([1.0, 30, 200, 3]).view(4, 1, 1) + 50
    normalised, placement = normalise(landmarks, norm, face)
    assert torch.allclose(placement.place(normalised), landmarks, atol=1e-9)
    assert torch.allclose(normalised, normalised[:1].expand_as(normalised), atol=1e-9)


def test_bbox_spans_one(face):
    normalised, _ = normalise(face, "bbox")
    assert normalised.abs().max() == pytest.approx(1)


def test_rigid_takes_out_roll_and_ignores_the_mouth(face):
    turn = math.radians(25)
    matrix = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]], dtype=torch.float64)
    turned = face @ matrix.T * 7 + torch.tensor([3.0, 4.0])
    normalised, placement = normalise(turned, "rigid", face)
    assert torch.allclose(normalised, face, atol=1e-9)
    assert placement.roll.item() == pytest.approx(turn)
    mouth = turned.clone()
    moving = [i for i in range(68) if i not in RIGID]
    mouth[moving] += 5
    assert normalise(mouth, "rigid", face)[1].scale == pytest.approx(placement.scale.item())


def test_rigid_needs_its_template(face):
    with pytest.raises(ValueError, match="template"):
        normalise(face, "rigid")


@pytest.fixture(scope="module")
def shipped():
    return load_ldnet()


def random_landmarks(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 68, 2)) * 20 + 100


def test_anchor_moves_nothing_for_no_motion(shipped):
    target, still = random_landmarks(1)[0], random_landmarks(1, seed=1)
    driver = np.repeat(still, 5, axis=0)
    moved = transfer(shipped, identity_code(shipped, target), target, driver, reference=2)
    assert moved[2].any() == 0
    assert np.abs(moved).max() < 0.01, "rows of a batch round differently; far below what counts as motion"


def test_absolute_moves_nothing_when_the_driver_is_the_target(shipped):
    target = random_landmarks(1)[0]
    moved = transfer(shipped, identity_code(shipped, target), target, target[None] * 3 + 7, reference=None)
    assert np.abs(moved).max() < 1e-3 * np.abs(target).max()


def test_transfer_scales_with_the_target(shipped):
    target, driver = random_landmarks(1)[0], random_landmarks(4, seed=1)
    code = identity_code(shipped, target)
    once, twice = (transfer(shipped, code, target * k, driver, 0) for k in (1, 2))
    assert np.allclose(once * 2, twice, atol=1e-2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_devices_agree():
    target, driver = random_landmarks(1)[0], random_landmarks(4, seed=1)
    cpu, cuda = (
        transfer(w, identity_code(w, target), target, driver, 0) for w in (load_ldnet(), load_ldnet(None, "cuda"))
    )
    assert np.abs(cpu - cuda).max() < 0.02


def test_shipped_weights_are_full_size_and_documented(shipped):
    assert shipped.norm == "rigid"
    assert shipped.network.pose_encoder[0].out_features == 512
    assert shipped.template.shape == (68, 2)
    assert "ICT-FaceKit" in shipped.metadata["data"]


def test_weights_round_trip(tmp_path):
    network = LDNet(width=16, hidden=3)
    save_ldnet(tmp_path / "w.safetensors", network, torch.zeros(68, 2), "bbox", {"data": "none"})
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


def test_bench_gives_the_time_of_a_performance(capsys):
    assert run(["bench", "ldnet", "--frames", "200", "--runs", "3", "--device", "cpu", "--json"]) == 0
    (speed,) = json.loads(capsys.readouterr().out)
    assert speed["what"] == "LD-Net, 200 frames, float32" and speed["milliseconds"] > 0 and speed["ratio"] > 0
    weights = linear_parameters(LDNet().pose_encoder) + linear_parameters(LDNet().generator)
    assert speed["gflop"] == pytest.approx(2 * weights * 201 / 1e9, rel=0.01), "one row more: the target's own"
    assert run(["bench", "ldnet", "--frames", "200", "--runs", "3", "--device", "cpu"]) == 0
    assert "200 frames, float32" in capsys.readouterr().out
