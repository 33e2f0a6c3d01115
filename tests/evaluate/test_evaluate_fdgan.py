"""Pictures measured: SSIM, means with intervals, `evaluate fdgan`."""

import json

import numpy as np
import pytest
import torch
from narrow import small

from ofx_reenact.cli.main import run
from ofx_reenact.evaluate.pictures import Mean, grey, ssim
from ofx_reenact.fdgan.weights import save_repair

pytestmark = pytest.mark.usefixtures("backbone")


def test_ssim_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    a, b = (torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(n)) * 2 - 1 for n in (0, 1))
    b = 0.7 * a + 0.3 * b
    expected = metrics.structural_similarity(
        grey(a)[0, 0].numpy().astype(np.float64), grey(b)[0, 0].numpy().astype(np.float64),
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, win_size=11,
    )  # fmt: skip
    assert ssim(a, b).item() == pytest.approx(expected, abs=1e-3)
    assert ssim(a, a).item() == pytest.approx(1, abs=1e-6)


def test_a_mean_knows_its_interval_and_leaves_nan_out():
    mean = Mean.of(torch.tensor([1.0, 2.0, 3.0, float("nan")]))
    assert (mean.mean, mean.count) == (2.0, 3) and mean.interval == pytest.approx(1.96 / 3**0.5)


def test_evaluation_measures_warp_and_networks_alike(pairs_file, tmp_path, capsys):
    save_repair(tmp_path / "w.safetensors", small(), {})
    out = tmp_path / "numbers.json"
    arguments = ["evaluate", "fdgan", "--data", str(pairs_file), "--weights", str(tmp_path / "w.safetensors")]
    assert run([*arguments, "--json", str(out), "--report", str(tmp_path / "report")]) == 0
    found = json.loads(out.read_text())
    rows = found["errors"]["reverse-warp pairs"]
    assert set(rows) == {"warp only", "w"} and rows["w"]["PSNR mouth"]["count"] >= 1
    assert found["features"] == "MobileNetV2 (ImageNet)" and (tmp_path / "report" / "reverse.png").exists()
