"""Structural similarity of pictures, and pictures as tensors."""

from __future__ import annotations

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

# Half the side of SSIM's window of 11 pixels.
_HALF_WINDOW = 5


def ssim(made: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Compute the SSIM (Wang et al. 2004) of luma with a Gaussian window of 11 pixels and a deviation of 1.5.

    Args:
        made: pictures (B, 3, H, W) in [-1, 1].
        truth: pictures of the same shape, or one picture (1, 3, H, W) for all.
        region: weights (B or 1, 1, H, W) of the mean over pixels; without it all pixels count equally.

    Returns (B,) float64. A border of half a window is left out.
    """
    inside = (slice(_HALF_WINDOW, -_HALF_WINDOW),) * 2
    maps = [
        structural_similarity(
            *pair, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, full=True
        )[1][inside]
        for pair in zip(*(luma(x)[:, 0].double().numpy() for x in (made, truth.expand_as(made))), strict=True)
    ]
    values = torch.from_numpy(np.stack(maps))
    weights = torch.ones_like(values) if region is None else region[(slice(None), 0, *inside)]
    return (values * weights).sum((1, 2)) / weights.sum((1, 2)).clamp(min=1e-6)


def luma(pictures: Tensor) -> Tensor:
    """Return the luma (B, 1, H, W) in [0, 1] of pictures (B, 3, H, W) in [-1, 1]."""
    weights = pictures.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    return ((pictures / 2 + 0.5) * weights).sum(1, keepdim=True)


def to_tensor(pictures: np.ndarray) -> Tensor:
    """Convert pictures (N, H, W, 3) uint8 to (N, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)) / 127.5 - 1
