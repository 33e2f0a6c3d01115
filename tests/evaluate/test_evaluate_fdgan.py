"""SSIM, means with intervals, `evaluate fdgan` on mouths."""

import json

import numpy as np
import pytest
import torch
from narrow import small

from ofx_reenact.cli.main import run
from ofx_reenact.evaluate.metrics.scores import Mean
from ofx_reenact.evaluate.metrics.ssim import luma, ssim
from ofx_reenact.fdgan.weights import save_repair

pytestmark = pytest.mark.usefixtures("backbone")


def ssim_map(a, b):
    """SSIM of luma (H, W) float64 by its formula, at each place where the whole window lies inside the picture."""
    x = np.arange(-5, 6)
    bell = np.exp(-(x**2) / (2 * 1.5**2))
    window = np.outer(bell, bell) / bell.sum() ** 2

    def smooth(values):
        return np.einsum("hwij,ij->hw", np.lib.stride_tricks.sliding_window_view(values, (11, 11)), window)

    mean_a, mean_b = smooth(a), smooth(b)
    covariance = smooth(a * b) - mean_a * mean_b
    variances = smooth(a * a) - mean_a**2 + smooth(b * b) - mean_b**2
    alike = (2 * mean_a * mean_b + 0.01**2) * (2 * covariance + 0.03**2)
    return alike / ((mean_a**2 + mean_b**2 + 0.01**2) * (variances + 0.03**2))


def test_ssim_is_that_of_the_formula_and_a_region_weights_it():
    a, b = (torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(n)) * 2 - 1 for n in (0, 1))
    b = 0.7 * a + 0.3 * b
    grey = [luma(x)[:, 0].double().numpy() for x in (a, b)]
    expected = np.stack([ssim_map(*pair) for pair in zip(*grey, strict=True)])
    assert ssim(a, b).numpy() == pytest.approx(expected.mean((1, 2)), abs=1e-9)
    assert ssim(a, a).numpy() == pytest.approx([1, 1], abs=1e-6)
    region = torch.zeros(1, 1, 40, 50)
    # The region reaches into the border of 5 pixels, which is left out.
    region[..., :20, 10:25] = 1
    region[..., 5:9, 10:25] = 3
    weights = region[0, 0, 5:-5, 5:-5].double().numpy()
    weighted = (expected * weights).sum((1, 2)) / weights.sum()
    assert ssim(a, b, region).numpy() == pytest.approx(weighted, abs=1e-9)


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
