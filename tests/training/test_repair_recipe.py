"""Training of the repair network: it learns, resumes to the same numbers, and refuses what it cannot use."""

import hashlib

import cv2
import numpy as np
import pytest
import torch
from narrow import small

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan.repair import RepairNetwork
from ofx_reenact.fdgan.weights import load_repair
from ofx_reenact.training.fdgan import features
from ofx_reenact.training.fdgan.data.pair_set import PairSet
from ofx_reenact.training.fdgan.features import feature_distance
from ofx_reenact.training.fdgan.repair import RepairRecipe, RepairSettings
from ofx_reenact.training.loop import run as train

pytestmark = pytest.mark.usefixtures("backbone")


def test_settings_without_effect_are_not_in_a_checkpoint(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.repair.FEWEST", 4)
    about = RepairRecipe(RepairSettings(), PairSet(pairs_file), tmp_path, small()).about()
    assert not {"rendered_fraction", "start", "critics"} & about.keys()
    further = RepairRecipe(RepairSettings(start="abc"), PairSet(pairs_file), tmp_path, small()).about()
    assert further["start"] == "abc"


def test_training_resumes_to_the_same_numbers(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.repair.FEWEST", 4)
    pair_set, settings = PairSet(pairs_file), RepairSettings(batch=2, bf16=False)

    def recipe(out):
        return RepairRecipe(settings, pair_set, out, small())

    whole = recipe(tmp_path / "a")
    train(whole, tmp_path / "a", 4, save_every=2)
    broken = recipe(tmp_path / "b")
    with pytest.raises(KeyboardInterrupt):
        train(broken, tmp_path / "b", 4, save_every=2, observe=interrupt)
    again = recipe(tmp_path / "b")
    train(again, tmp_path / "b", 4, save_every=2, resume=True)
    for a, b in zip(whole.average.parameters(), again.average.parameters(), strict=True):
        assert torch.equal(a, b)
    assert (tmp_path / "a" / "samples.png").exists()


def interrupt(point):
    raise KeyboardInterrupt


def test_training_gets_nearer_to_the_truth(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.repair.FEWEST", 4)
    settings = RepairSettings(batch=2, bf16=False, learning_rate=6e-3, critic_from=1.0)
    recipe = RepairRecipe(settings, PairSet(pairs_file), tmp_path, small())
    losses = [recipe.step(n, 60)["colour"] for n in range(24)]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])


def test_too_few_pairs_are_refused(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.repair.FEWEST", 1000)
    with pytest.raises(ReenactError, match="give more pictures"):
        RepairRecipe(RepairSettings(), PairSet(pairs_file), tmp_path)


def test_feature_distance_grows_with_blur():
    pytest.importorskip(features.PACKAGE, reason="MobileNetV2's weights are not installed")
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    soft = torch.nn.functional.avg_pool2d(picture, 3, 1, 1)
    softer = torch.nn.functional.avg_pool2d(soft, 5, 1, 2)
    distances = [feature_distance(x, picture).item() for x in (picture, soft, softer)]
    assert distances[0] == 0 < distances[1] < distances[2]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_training_runs_on_a_gpu(pairs_file, tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.training.fdgan.repair.FEWEST", 4)
    recipe = RepairRecipe(RepairSettings(batch=4, device="cuda", critic_from=0.0), PairSet(pairs_file), tmp_path)
    assert all(np.isfinite(float(value)) for value in recipe.step(0, 10).values())
    assert recipe.measure()


def test_out_of_memory_suggests_a_smaller_batch(pairs_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ofx_reenact.training.fdgan.repair.FEWEST", 4)

    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(RepairRecipe, "step", full)
    arguments = ["train", "fdgan", "--data", str(pairs_file), "--out", str(tmp_path / "r"), "--device", "cpu"]
    assert run(arguments) == 2
    assert "--batch 8" in capsys.readouterr().err


def test_command_line_trains_from_folders_to_weights(crops_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ofx_reenact.training.fdgan.repair.FEWEST", 4)
    monkeypatch.setattr("ofx_reenact.training.loop.draw_curves", lambda out: None)
    monkeypatch.setattr(RepairNetwork, "ablation", lambda name: small())
    pairs_file, out = tmp_path / "pairs.npz", tmp_path / "run"
    look = tmp_path / "look.png"
    made = ["data", "pairs", "--crops", str(crops_file), "--out", str(pairs_file), "--variants", "1"]
    assert run([*made, "--sheet", str(look)]) == 0
    assert cv2.imread(str(look)).shape[1] == 2 * 4 * 128
    arguments = ["train", "fdgan", "--data", str(pairs_file), "--out", str(out), "--steps", "1", "--batch", "1"]
    assert run([*arguments, "--device", "cpu"]) == 0
    made = load_repair(out / "fdgan_repair.safetensors")
    assert "1 steps" in made.metadata["recipe"] and "reverse PSNR repaired" in made.metadata["errors"]
    names = sorted(PairSet(tmp_path / "pairs.npz").names())
    assert "eve" not in names and hashlib.sha256("\n".join(names).encode()).hexdigest() in made.metadata["people"]
    assert "not known" in made.metadata["data"], "no index says the terms"
    assert run([*arguments, "--device", "cpu"]) != 0
    assert "--resume" in capsys.readouterr().err
