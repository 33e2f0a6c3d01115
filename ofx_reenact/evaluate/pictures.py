"""How near a picture is to the truth: SSIM, and means with their 95 % intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

# Wang et al. 2004: a Gaussian window of 11 pixels and deviation 1.5, and the two constants for a range of 1.
_SIZE, _DEVIATION, _C1, _C2 = 11, 1.5, 0.01**2, 0.03**2


@dataclass(frozen=True)
class Mean:
    """A mean of ``count`` values and half its 95 % interval."""

    mean: float
    interval: float
    count: int

    @classmethod
    def of(cls, values: Tensor) -> Mean:
        """Over the values that are not NaN."""
        known = values[~values.isnan()].double()
        if len(known) == 0:
            return cls(math.nan, math.nan, 0)
        spread = known.std().item() if len(known) > 1 else math.nan
        return cls(known.mean().item(), 1.96 * spread / math.sqrt(len(known)), len(known))


def ssim(made: Tensor, truth: Tensor, region: Tensor | None = None) -> Tensor:
    """Structural similarity of grey pictures (B, 3, H, W) in [-1, 1], mean over a region, (B,).

    The region (B, 1, H, W) are weights; all of the picture if not given. The border of half a window is left out.
    """
    a, b = (grey(x) for x in (made, truth))
    window = _window().to(a)

    def smooth(x: Tensor) -> Tensor:
        return nn.functional.conv2d(nn.functional.conv2d(x, window[None, None, :, None]), window[None, None, None, :])

    mean_a, mean_b = smooth(a), smooth(b)
    both = smooth(a * b) - mean_a * mean_b
    own = smooth(a * a) - mean_a**2 + smooth(b * b) - mean_b**2
    values = (2 * mean_a * mean_b + _C1) * (2 * both + _C2) / ((mean_a**2 + mean_b**2 + _C1) * (own + _C2))
    edge = _SIZE // 2
    weight = torch.ones_like(values) if region is None else region[..., edge:-edge, edge:-edge]
    return (values * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp(min=1e-6)


def grey(pictures: Tensor) -> Tensor:
    """Luma (B, 1, H, W) in [0, 1] of pictures (B, 3, H, W) in [-1, 1]."""
    weights = pictures.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    return ((pictures / 2 + 0.5) * weights).sum(1, keepdim=True)


def _window() -> Tensor:
    x = torch.arange(_SIZE, dtype=torch.float64) - _SIZE // 2
    bell = torch.exp(-(x**2) / (2 * _DEVIATION**2))
    return bell / bell.sum()


def tensor_of(pictures: np.ndarray) -> Tensor:
    """Bring pictures (N, H, W, 3) uint8 to (N, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)) / 127.5 - 1
