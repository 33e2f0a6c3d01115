"""Landmarks normalised, and placed again."""

import math

import pytest
import torch

from ofx_reenact.ldnet.normalise import NORMS, RIGID, normalise


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
