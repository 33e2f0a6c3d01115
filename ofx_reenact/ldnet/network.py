"""The networks of LD-Net: E_P, E_I, G and the critics, each an MLP of ten hidden layers (paper section 3.1, appendix).

Shapes: landmarks are (B, 68, 2), normalised by :mod:`ofx_reenact.ldnet.normalise`; the pose and expression code is
(B, 64), the identity code (B, 128).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

LANDMARKS = 68
POSE_CODE = 64
IDENTITY_CODE = 128
HIDDEN_LAYERS = 10
WIDTH = 512


class NormalisedPReLU(nn.Module):
    """PReLU with one slope for each feature, shifted and scaled to zero mean and unit variance for N(0, 1) input."""

    def __init__(self, features: int, slope: float = 0.25) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((features,), slope))
        mean = (1 - slope) / math.sqrt(2 * math.pi)
        self.mean, self.deviation = mean, math.sqrt((1 + slope**2) / 2 - mean**2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, features) to (B, features)."""
        return (nn.functional.prelu(x, self.slope) - self.mean) / self.deviation


class ResidualLayer(nn.Module):
    """``x·√(1-r) + √r·act(Linear(x))``; both factors are learned for each feature and begin with r = ``fraction``."""

    def __init__(self, features: int, fraction: float) -> None:
        super().__init__()
        self.linear = unit_rows(nn.Linear(features, features))
        self.act = NormalisedPReLU(features)
        self.keep = nn.Parameter(torch.full((features,), math.sqrt(1 - fraction)))
        self.gain = nn.Parameter(torch.full((features,), math.sqrt(fraction)))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, features) to (B, features)."""
        return x * self.keep + self.act(self.linear(x)) * self.gain


class MLP(nn.Sequential):
    """Linear and activation, nine residual layers, Linear: ten hidden layers of ``width`` features."""

    def __init__(self, inputs: int, outputs: int, width: int = WIDTH, hidden: int = HIDDEN_LAYERS) -> None:
        layers: list[nn.Module] = [unit_rows(nn.Linear(inputs, width)), NormalisedPReLU(width)]
        layers += [ResidualLayer(width, fraction=1 / (i + 2)) for i in range(hidden - 1)]
        super().__init__(*layers, unit_rows(nn.Linear(width, outputs)))


class LDNet(nn.Module):
    """The networks of inference: pose encoder E_P, identity encoder E_I, generator G (7.5 million weights)."""

    def __init__(self, width: int = WIDTH, hidden: int = HIDDEN_LAYERS) -> None:
        super().__init__()
        self.pose_encoder = MLP(LANDMARKS * 2, POSE_CODE, width, hidden)
        self.identity_encoder = MLP(LANDMARKS * 2, IDENTITY_CODE, width, hidden)
        self.generator = MLP(POSE_CODE + IDENTITY_CODE, LANDMARKS * 2, width, hidden)

    def encode_pose(self, landmarks: Tensor) -> Tensor:
        """E_P: (B, 68, 2) → pose and expression code (B, 64)."""
        return self.pose_encoder(landmarks.flatten(1))

    def encode_identity(self, landmarks: Tensor) -> Tensor:
        """E_I: (B, 68, 2) → identity code (B, 128)."""
        return self.identity_encoder(landmarks.flatten(1))

    def generate(self, pose: Tensor, identity: Tensor) -> Tensor:
        """G: codes (B, 64) and (B, 128) → landmarks (B, 68, 2)."""
        return self.generator(torch.cat([pose, identity], dim=1)).unflatten(1, (LANDMARKS, 2))

    def forward(self, driver: Tensor, identity: Tensor) -> Tensor:
        """Give the driver's pose and expression to identity codes (B, 128): ``G(E_P(l_S), z_T)``, equations 2 and 7."""
        return self.generate(self.encode_pose(driver), identity)

    @classmethod
    def of_state(cls, state: Mapping[str, Tensor]) -> LDNet:
        """Build a network with the width and depth of a state dict, which are read from its shapes.

        Raises:
            LookupError: the state dict is another network's.
        """
        width = state["pose_encoder.0.weight"].shape[0]
        hidden = 1 + sum(k.startswith("pose_encoder.") and k.endswith(".gain") for k in state)
        return cls(width=width, hidden=hidden)


class LabelTable(nn.Embedding):
    """N_I: an embedding, person (B,) → identity code (B, 128); in stage 1 of training only."""

    def __init__(self, people: int) -> None:
        super().__init__(people, IDENTITY_CODE)


class Classifier(nn.Module):
    """C: landmarks (B, 68, 2) → log-probabilities of the people (B, K)."""

    def __init__(self, people: int, width: int = WIDTH, hidden: int = HIDDEN_LAYERS) -> None:
        super().__init__()
        self.layers = MLP(LANDMARKS * 2, people, width, hidden)

    def forward(self, landmarks: Tensor) -> Tensor:
        """Map landmarks to log-probabilities, which are computed in float32 in any precision of the layers."""
        return nn.functional.log_softmax(self.layers(landmarks.flatten(1)).float(), dim=1)


class Discriminator(nn.Module):
    """D: landmarks (B, 68, 2) → how real they are (B, 1); +1 real, -1 made."""

    def __init__(self, width: int = WIDTH, hidden: int = HIDDEN_LAYERS) -> None:
        super().__init__()
        self.layers = MLP(LANDMARKS * 2, 1, width, hidden)

    def forward(self, landmarks: Tensor) -> Tensor:
        """Map landmarks to verdicts; no activation at the end (least-squares GAN)."""
        return self.layers(landmarks.flatten(1)).float()


def unit_rows(linear: nn.Linear) -> nn.Linear:
    """Initialise a linear layer with rows of unit L2 norm and a bias of zero."""
    if linear.weight.is_meta:
        # A network on the meta device has shapes only, and a norm there would make torch load its compiler.
        return linear
    with torch.no_grad():
        nn.init.normal_(linear.weight)
        linear.weight /= linear.weight.norm(dim=1, keepdim=True)
        linear.bias.zero_()
    return linear
