"""FID and KID as published: Inception-v3 of 2015-12-05, 2,048 pooled features.

The network is written out after its description (Szegedy et al. 2015) with the names that its weights file uses, and
with that file's pooling: averages leave the border out, and the last block takes the maximum. The file is the user's to
bring.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.evaluate.metrics.published import Layer, Published, across, down
from ofx_reenact.evaluate.metrics.scores import Metric
from ofx_reenact.evaluate.pictures import tensor_of

FILE = Published(
    "pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    "FID and KID",
    sha256="6726825d",
)
_SIDE = 299


class A(nn.Module):
    """35 × 35 blocks."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Layer(inputs, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = Layer(inputs, 48, 1), Layer(48, 64, 5, padding=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Layer(inputs, 64, 1), Layer(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Layer(96, 96, 3, padding=1)
        self.branch_pool = Layer(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W)."""
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_average(x))], 1)


class B(nn.Module):
    """From 35 to 17."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = Layer(inputs, 384, 3, 2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Layer(inputs, 64, 1), Layer(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Layer(96, 96, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to half the size."""
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, nn.functional.max_pool2d(x, 3, 2)], 1)


class C(nn.Module):
    """17 × 17 blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch1x1 = Layer(768, 192, 1)
        self.branch7x7_1, self.branch7x7_2, self.branch7x7_3 = (
            Layer(768, width, 1), across(width, width, 7), down(width, 192, 7),
        )  # fmt: skip
        self.branch7x7dbl_1, self.branch7x7dbl_2 = Layer(768, width, 1), down(width, width, 7)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = across(width, width, 7), down(width, width, 7)
        self.branch7x7dbl_5 = across(width, 192, 7)
        self.branch_pool = Layer(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 768, H, W)."""
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_average(x))], 1)


class D(nn.Module):
    """From 17 to 8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = Layer(768, 192, 1), Layer(192, 320, 3, 2)
        self.branch7x7x3_1, self.branch7x7x3_2 = Layer(768, 192, 1), across(192, 192, 7)
        self.branch7x7x3_3, self.branch7x7x3_4 = down(192, 192, 7), Layer(192, 192, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 768, H, W) to half the size."""
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, nn.functional.max_pool2d(x, 3, 2)], 1)


class E(nn.Module):
    """8 × 8 blocks; the last one pools the maximum."""

    def __init__(self, inputs: int, *, last: bool) -> None:
        super().__init__()
        self.last = last
        self.branch1x1 = Layer(inputs, 320, 1)
        self.branch3x3_1 = Layer(inputs, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = across(384, 384, 3), down(384, 384, 3)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Layer(inputs, 448, 1), Layer(448, 384, 3, padding=1)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = across(384, 384, 3), down(384, 384, 3)
        self.branch_pool = Layer(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W)."""
        three, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = nn.functional.max_pool2d(x, 3, 1, 1) if self.last else _average(x)
        return torch.cat(
            [
                self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three),
                self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled),
            ], 1,
        )  # fmt: skip


class Inception(nn.Module):
    """Inception-v3 up to its pooled features."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Layer(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Layer(32, 32, 3)
        self.Conv2d_2b_3x3 = Layer(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Layer(64, 80, 1)
        self.Conv2d_4a_3x3 = Layer(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = A(192, 32), A(256, 64), A(288, 64)
        self.Mixed_6a = B(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = C(128), C(160), C(160), C(192)
        self.Mixed_7a = D()
        self.Mixed_7b, self.Mixed_7c = E(1280, last=False), E(2048, last=True)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, 2048) of pictures (B, 3, H, W) in [-1, 1], brought to 299 × 299."""
        x = nn.functional.interpolate(x, (_SIDE, _SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(nn.functional.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(nn.functional.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))


class InceptionFeatures:
    """Takes the features of FID and KID."""

    backend = "Inception-v3 (2015-12-05), 2,048 features"
    frechet = Metric("FID", "", "low", "Fréchet distance of Inception features of what was made and real pictures")
    kernel = Metric("KID", "", "low", "unbiased kernel distance of Inception features")

    def __init__(self) -> None:
        self._network = _loaded()

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Take features (N, 2048) of pictures (N, H, W, 3) uint8."""
        with torch.no_grad():
            return np.concatenate([self._network(one[None]).numpy() for one in tensor_of(pictures)])


@lru_cache(maxsize=1)
def _loaded() -> nn.Module:
    return FILE.load(Inception(), "fc.")


def _average(x: Tensor) -> Tensor:
    return nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
