"""Features for FID and KID as published: Inception-v3 of 2015-12-05, 2,048 pooled features.

The network (Szegedy et al. 2015) is written out here because pytorch-fid needs torchvision, which cannot be imported
beside a CPU build of torch. Names of layers are those of pytorch-fid's weights file, and so is the pooling: averages
leave the border out, and the last block takes the maximum. The user has to get the weights file.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.evaluate.metrics.published_networks import Branches, Layer, WeightsFile, branch, tall, wide
from ofx_reenact.evaluate.metrics.scores import Metric
from ofx_reenact.evaluate.metrics.ssim import to_tensor

FILE = WeightsFile(
    "pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    "FID and KID",
    sha256="6726825d",
)
_SIDE = 299


def _a(inputs: int, pooled: int) -> Branches:
    """Build a block on 35 × 35 pixels."""
    return Branches(
        branch("branch1x1", Layer(inputs, 64, 1)),
        branch("branch5x5", Layer(inputs, 48, 1), Layer(48, 64, 5, padding=2)),
        branch("branch3x3dbl", Layer(inputs, 64, 1), Layer(64, 96, 3, padding=1), Layer(96, 96, 3, padding=1)),
        {"average": _average(), "branch_pool": Layer(inputs, pooled, 1)},
    )


def _b(inputs: int) -> Branches:
    """Build the block from 35 to 17 pixels."""
    return Branches(
        branch("branch3x3", Layer(inputs, 384, 3, 2)),
        branch("branch3x3dbl", Layer(inputs, 64, 1), Layer(64, 96, 3, padding=1), Layer(96, 96, 3, 2)),
        branch("maximum", nn.MaxPool2d(3, 2)),
    )


def _c(n: int) -> Branches:
    """Build a block on 17 × 17 pixels."""
    return Branches(
        branch("branch1x1", Layer(768, 192, 1)),
        branch("branch7x7", Layer(768, n, 1), wide(n, n, 7), tall(n, 192, 7)),
        branch("branch7x7dbl", Layer(768, n, 1), tall(n, n, 7), wide(n, n, 7), tall(n, n, 7), wide(n, 192, 7)),
        {"average": _average(), "branch_pool": Layer(768, 192, 1)},
    )


def _d() -> Branches:
    """Build the block from 17 to 8 pixels."""
    return Branches(
        branch("branch3x3", Layer(768, 192, 1), Layer(192, 320, 3, 2)),
        branch("branch7x7x3", Layer(768, 192, 1), wide(192, 192, 7), tall(192, 192, 7), Layer(192, 192, 3, 2)),
        branch("maximum", nn.MaxPool2d(3, 2)),
    )


def _e(inputs: int, pool: nn.Module) -> Branches:
    """Build a block on 8 × 8 pixels; two of its branches split at their ends."""
    once = {"branch3x3_1": Layer(inputs, 384, 1)}
    double = branch("branch3x3dbl", Layer(inputs, 448, 1), Layer(448, 384, 3, padding=1))
    return Branches(
        branch("branch1x1", Layer(inputs, 320, 1)),
        {**once, "branch3x3_2a": wide(384, 384, 3)},
        {**once, "branch3x3_2b": tall(384, 384, 3)},
        {**double, "branch3x3dbl_3a": wide(384, 384, 3)},
        {**double, "branch3x3dbl_3b": tall(384, 384, 3)},
        {"pool": pool, "branch_pool": Layer(inputs, 192, 1)},
    )


class Inception(nn.Module):
    """Inception-v3 up to its pooled features."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Layer(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Layer(32, 32, 3)
        self.Conv2d_2b_3x3 = Layer(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Layer(64, 80, 1)
        self.Conv2d_4a_3x3 = Layer(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _a(192, 32), _a(256, 64), _a(288, 64)
        self.Mixed_6a = _b(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = _c(128), _c(160), _c(160), _c(192)
        self.Mixed_7a = _d()
        self.Mixed_7b, self.Mixed_7c = _e(1280, _average()), _e(2048, nn.MaxPool2d(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Compute features (B, 2048) of pictures (B, 3, H, W) in [-1, 1], which are resized to 299 × 299."""
        x = nn.functional.interpolate(x, (_SIDE, _SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(nn.functional.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(nn.functional.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))


class InceptionFeatures:
    """Computes the features of FID and KID."""

    backend = "Inception-v3 (2015-12-05), 2,048 features"
    frechet = Metric("FID", "", "low", "Fréchet distance of the Inception features of rendered and real pictures")
    kernel = Metric("KID", "", "low", "unbiased kernel distance of Inception features")

    def __init__(self) -> None:
        self._network = _loaded()

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Compute features (N, 2048) of pictures (N, H, W, 3) uint8."""
        with torch.no_grad():
            return np.concatenate([self._network(one[None]).numpy() for one in to_tensor(pictures)])


@lru_cache(maxsize=1)
def _loaded() -> nn.Module:
    return FILE.load(Inception(), "fc.")


def _average() -> nn.Module:
    return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
