"""The critics that FD-GAN trains against: a patch discriminator and a patch classifier (paper section 3.2)."""

from __future__ import annotations

import itertools
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import Module

from ofx_reenact.errors import WeightsError
from ofx_reenact.fdgan.network import FEATURES, Down, convolution
from ofx_reenact.fdgan.weights import save_half
from ofx_reenact.weights import read_safetensors, wrong_network


class PatchCritic(nn.Sequential):
    """Four Down blocks and a conv 1×1: a picture (B, C, H, W) → (B, outputs, H/16, W/16)."""

    def __init__(self, outputs: int, inputs: int = 3) -> None:
        widths = (inputs, *FEATURES)
        downs = [Down(a, b) for a, b in itertools.pairwise(widths)]
        super().__init__(*downs, convolution(FEATURES[-1], outputs, 1))


class Discriminator(PatchCritic):
    """D: how real each patch is, +1 real, -1 made; no activation at the end (least-squares GAN)."""

    def __init__(self, inputs: int = 3) -> None:
        super().__init__(1, inputs)


class Classifier(PatchCritic):
    """C: the log-probability of each person, for each patch."""

    def __init__(self, people: int) -> None:
        super().__init__(people)

    def forward(self, pictures: Tensor) -> Tensor:
        """Map pictures (B, 3, H, W) to log-probabilities in float32, (B, K, H/16, W/16)."""
        return torch.log_softmax(super().forward(pictures).float(), dim=1)


def log_likelihood(log_probability: Tensor, person: Tensor) -> Tensor:
    """Return ``log P(k)`` of each patch: (B, K, h, w) and k (B,) → (B, h, w)."""
    return log_probability[torch.arange(len(person), device=person.device), person]


def count_parameters(network: nn.Module) -> int:
    """Count a network's parameters."""
    return sum(p.numel() for p in network.parameters())


# The value of ``network`` in the metadata of a critics file.
NETWORK = "fd-gan critic"


def save_critics(path: Path, critics: Module) -> None:
    """Write the critics of a training in half precision, for trainings that go on from it.

    Raises:
        OutputError: the file cannot be written.
    """
    save_half(path, critics, {"network": NETWORK})


def load_critics(path: Path, critics: Module) -> None:
    """Load the critics that :func:`save_critics` wrote, in place.

    A classifier for another number of people is not loaded; the new one keeps its random weights.

    Raises:
        WeightsError: no such file, not safetensors, or other critics' weights.
    """
    tensors, metadata = read_safetensors(path)
    if metadata.get("network") != NETWORK:
        raise wrong_network(path, metadata, f"'{NETWORK}'")
    known = critics.state_dict()
    last = "classifier.4.weight"  # has a row for each person
    if last in known and (last not in tensors or tensors[last].shape != known[last].shape):
        new = {name: value for name, value in known.items() if name.startswith("classifier.")}
        tensors = {name: value for name, value in tensors.items() if name not in new} | new
    try:
        critics.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path}: critics of another recipe ({str(error).splitlines()[0]}); give others") from error
