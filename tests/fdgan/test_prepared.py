"""Networks prepared for inference: the same pictures as the networks themselves."""

import numpy as np
import pytest
import torch

from ofx_reenact.fdgan.inference import PreparedPortrait, PreparedRepair
from ofx_reenact.fdgan.landmark_image import landmark_image
from ofx_reenact.fdgan.landmark_image_cpu import quick_landmark_image
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.repair import RepairNetwork


@pytest.mark.parametrize("raster", ["parts", "rgb"])
@pytest.mark.parametrize(("height", "width", "line"), [(96, 128, 1.5), (64, 48, 0.0), (40, 40, 7.0)])
def test_quick_lines_are_those_of_torch(raster, height, width, line):
    # Some lie outside, some segments have no length.
    points = torch.rand(3, 68, 2, generator=torch.Generator().manual_seed(0)) * 1.6 * width - 0.3 * width
    points[1, 40:44] = points[1, 40]
    drawn = quick_landmark_image(points, height, width, raster, line)
    assert drawn.shape == (3, 9 if raster == "parts" else 3, height, width)
    assert (drawn - landmark_image(points, height, width, raster, line)).abs().max() < 1e-6


def test_points_that_are_no_numbers_draw_nothing():
    points = torch.full((1, 68, 2), float("nan"))
    points[0, 27:31] = torch.tensor([[4.0, 4.0], [4, 8], [4, 12], [1e30, -1e30]])
    drawn = quick_landmark_image(points, 16, 16, "parts", 2.0)[0]
    assert drawn[3].max() == 1 and drawn.isfinite().all() and not drawn[[0, 1, 2, 4, 5, 6, 7, 8]].any()


@pytest.mark.parametrize("name", ["fdgan", "fdgan-1", "adain", "pix2pixhd"])
@pytest.mark.parametrize("finer", [1, 2])
def test_a_window_is_painted_as_by_the_network(name, finer):
    torch.manual_seed(0)
    network = RepairNetwork.ablation(name).eval().requires_grad_(False)
    # Outputs as large as a trained network's: the flow moves, the mask is half open.
    network.translator.up[0][2].weight *= 10
    network.translator.up[0][2].bias[3] = 3.0
    rng = np.random.default_rng(0)
    picture, maps = (rng.random((96 * finer, 128 * finer, 3), np.float32) for _ in range(2))
    maps[..., 0] = maps[..., 0] > 0.005
    landmarks = rng.random((68, 2)) * 96 * finer
    prepared = PreparedRepair(network, "cpu")
    dictionary = prepared.write(picture[None], landmarks[None])
    tensors = [torch.from_numpy(np.float32(x.transpose(2, 0, 1)))[None] for x in (picture * 2 - 1, maps)]
    points = torch.from_numpy(np.float32(landmarks))[None]
    written = network.write(tensors[0][None], points[None])
    assert all(np.allclose(a, b[0], atol=1e-4) for a, b in zip(dictionary, written, strict=True))
    made = network(*tensors, points, tuple(torch.from_numpy(values)[None] for values in dictionary))
    assert made.flow.abs().max() > 0.5 and 0.1 < made.mask.mean() < 0.95
    painted = prepared.paint(picture, maps, landmarks, dictionary)
    assert np.abs(painted - (made.picture[0].numpy().transpose(1, 2, 0) / 2 + 0.5)).max() < 2e-4


@pytest.mark.parametrize("name", ["fdgan", "pix2pixhd"])
def test_a_portrait_is_drawn_as_by_the_network(name):
    torch.manual_seed(0)
    network = PortraitNetwork.ablation(name).eval().requires_grad_(False)
    rng = np.random.default_rng(0)
    pictures, landmarks = rng.random((2, 64, 64, 3), np.float32), rng.random((2, 68, 2)) * 64
    prepared = PreparedPortrait(network, "cpu")
    dictionary = prepared.write(pictures, landmarks)
    drawn = prepared.paint(landmarks[1], dictionary, 64)
    points = torch.from_numpy(np.float32(landmarks))
    shown = torch.from_numpy(pictures.transpose(0, 3, 1, 2) * 2 - 1)
    made = network(points[1:], network.write(shown[None], points[None]), 64)[0].numpy().transpose(1, 2, 0)
    assert np.abs(drawn - (made / 2 + 0.5)).max() < 1e-4


def test_the_network_stays_as_it_is():
    network = RepairNetwork().eval()
    prepared = PreparedRepair(network, "cpu")
    assert network.draw is landmark_image and prepared.network.draw is quick_landmark_image
    assert prepared.network.translator is network.translator
