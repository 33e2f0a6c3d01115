"""Face embeddings for ISIM as published: Inception-ResNet-v1 trained on VGGFace2, 512 numbers per face.

The network (Szegedy et al. 2016) is written out here because facenet-pytorch needs torchvision, which cannot be
imported beside a CPU build of torch, and torch < 2.3. Names of layers are those of its weights file, which the user has
to get.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.evaluate.metrics.published_networks import Branches, Layer, WeightsFile, branch, tall, wide
from ofx_reenact.fdgan.window import Window
from ofx_reenact.tracking.surface import FACE_POINTS

FILE = WeightsFile(
    "20180402-114759-vggface2.pt",
    "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
    "identity by VGGFace2",
)
# Side of the network's input in pixels; side of the square around the face over the mesh's larger side.
_SIDE, _MARGIN = 160, 1.15


class ResidualBlock(Branches):
    """A residual block: x + scale · conv(branches)."""

    def __init__(self, width: int, joined: int, scale: float, *branches: nn.Module, last: bool = False) -> None:
        super().__init__(*_name_branches(*branches))
        self.scale, self.last = scale, last
        self.conv2d = nn.Conv2d(joined, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W)."""
        x = x + self.scale * self.conv2d(super().forward(x))
        return x if self.last else nn.functional.relu(x)


class InceptionResnet(nn.Module):
    """Inception-ResNet-v1 without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a = Layer(3, 32, 3, 2)
        self.conv2d_2a = Layer(32, 32, 3)
        self.conv2d_2b = Layer(32, 64, 3, padding=1)
        self.conv2d_3b = Layer(64, 80, 1)
        self.conv2d_4a = Layer(80, 192, 3)
        self.conv2d_4b = Layer(192, 256, 3, 2)
        self.repeat_1 = nn.Sequential(*(_block35() for _ in range(5)))
        self.mixed_6a = _reduction(
            Layer(256, 384, 3, 2),
            nn.Sequential(Layer(256, 192, 1), Layer(192, 192, 3, padding=1), Layer(192, 256, 3, 2)),
        )
        self.repeat_2 = nn.Sequential(*(_block17() for _ in range(10)))
        self.mixed_7a = _reduction(
            nn.Sequential(Layer(896, 256, 1), Layer(256, 384, 3, 2)),
            nn.Sequential(Layer(896, 256, 1), Layer(256, 256, 3, 2)),
            nn.Sequential(Layer(896, 256, 1), Layer(256, 256, 3, padding=1), Layer(256, 256, 3, 2)),
        )
        self.repeat_3 = nn.Sequential(*(_block8(0.2) for _ in range(5)))
        self.block8 = _block8(1.0, last=True)
        self.last_linear = nn.Linear(1792, 512, bias=False)
        self.last_bn = nn.BatchNorm1d(512, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Embed faces (B, 3, 160, 160) in [-1, 1): (B, 512) of length 1."""
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.conv2d_4a(self.conv2d_3b(nn.functional.max_pool2d(x, 3, 2)))
        x = self.mixed_6a(self.repeat_1(self.conv2d_4b(x)))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.block8(self.repeat_3(x)).mean((2, 3))
        return nn.functional.normalize(self.last_bn(self.last_linear(x)))


class VGGFace2:
    """Embeds faces as the published ISIM does."""

    backend, length = "VGGFace2 InceptionResnet (20180402-114759)", 512

    def __init__(self) -> None:
        self._network = _loaded()

    def embed(self, picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        """Embed the face of a mesh (478, 3), pixels, in a picture (H, W, 3) in [0, 1]: (512,) of length 1."""
        low, high = mesh[:FACE_POINTS, :2].min(0), mesh[:FACE_POINTS, :2].max(0)
        step = np.array([_MARGIN * (high - low).max() / _SIDE, 0.0])
        face = np.clip(Window.around((low + high) / 2, step, (_SIDE, _SIDE)).look(picture), 0, 1)
        x = torch.from_numpy(np.ascontiguousarray(face.transpose(2, 0, 1), np.float32))[None] * 255
        with torch.no_grad():
            return np.asarray(self._network((x - 127.5) / 128)[0].double().numpy())


@lru_cache(maxsize=1)
def _loaded() -> nn.Module:
    return FILE.load(InceptionResnet(), "logits")


def _name_branches(*branches: nn.Module) -> list[dict[str, nn.Module]]:
    return [branch(f"branch{index}", layer) for index, layer in enumerate(branches)]


def _reduction(*branches: nn.Module) -> Branches:
    """Build branches of stride 2, which halve the size; the last one takes the maximum."""
    return Branches(*_name_branches(*branches, nn.MaxPool2d(3, 2)))


def _block35() -> ResidualBlock:
    short = nn.Sequential(Layer(256, 32, 1), Layer(32, 32, 3, padding=1))
    long = nn.Sequential(Layer(256, 32, 1), Layer(32, 32, 3, padding=1), Layer(32, 32, 3, padding=1))
    return ResidualBlock(256, 96, 0.17, Layer(256, 32, 1), short, long)


def _block17() -> ResidualBlock:
    long = nn.Sequential(Layer(896, 128, 1), wide(128, 128, 7), tall(128, 128, 7))
    return ResidualBlock(896, 256, 0.1, Layer(896, 128, 1), long)


def _block8(scale: float, *, last: bool = False) -> ResidualBlock:
    long = nn.Sequential(Layer(1792, 192, 1), wide(192, 192, 3), tall(192, 192, 3))
    return ResidualBlock(1792, 384, scale, Layer(1792, 192, 1), long, last=last)
