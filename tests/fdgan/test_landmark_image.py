"""The landmark image: every line, its distance, what lies outside, batches, gradients."""

import itertools

import cv2
import numpy as np
import torch

from ofx_reenact.fdgan.landmark_image import POLYLINES, landmark_image


def landmarks(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(count, 68, 2, generator=torch.Generator().manual_seed(0)) * size


def test_landmark_image_draws_every_line_once_and_no_gaps():
    assert {i for line in POLYLINES for i in line} == set(range(68))
    drawn = landmark_image(landmarks(), 64, 64, "parts", line=3.0)
    assert drawn.shape == (2, 9, 64, 64) and drawn.min() >= 0 and drawn.max() == 1
    for points, part in zip(POLYLINES, drawn[0], strict=True):
        for a, b in itertools.pairwise(landmarks()[0, list(points)].tolist()):
            middle = [round((p + q) / 2) for p, q in zip(a, b, strict=True)]
            if max(middle) < 64:
                assert part[middle[1], middle[0]] > 0


def test_landmark_image_agrees_with_an_independent_line():
    points = torch.full((1, 68, 2), -100.0)
    points[0, 27:31] = torch.tensor([[10.0, 8.0], [10, 20], [10, 30], [10, 40]])
    drawn = landmark_image(points, 48, 32, "parts", line=3.0)[0, 3].numpy()
    away = np.full((48, 32), 255, np.uint8)
    cv2.line(away, (10, 8), (10, 40), 0, 1)
    distance = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    assert np.allclose(drawn, np.clip(2 - distance, 0, 1), atol=1e-5)


def test_points_outside_are_cut_off_not_dropped():
    points = torch.full((1, 68, 2), -100.0)
    points[0, 27:31] = torch.tensor([[-20.0, 10.0], [-5, 10], [5, 10], [80, 10]])
    row = landmark_image(points, 32, 32, "parts")[0, 3, 10]
    assert (row > 0).all()


def test_landmark_image_is_deterministic_in_batches_and_differentiable():
    points = landmarks(3)
    together = landmark_image(points, 64, 64)
    assert all(torch.equal(together[i], landmark_image(points[i : i + 1], 64, 64)[0]) for i in range(3))
    moving = points[:1].double().requires_grad_(True)
    landmark_image(moving, 24, 24, "parts").sum().backward()
    assert moving.grad is not None and moving.grad.abs().sum() > 0
