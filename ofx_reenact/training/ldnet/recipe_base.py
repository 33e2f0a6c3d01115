"""What both trainings of LD-Net share: checks, losses, and the weights file with its metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from ofx_reenact.errors import SettingsError
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.normalise import Norm
from ofx_reenact.ldnet.weights import save_ldnet
from ofx_reenact.training.ldnet.data.head_model import HeadModel
from ofx_reenact.training.ldnet.data.swaps import SwapSettings
from ofx_reenact.training.ldnet.score import score

WEIGHTS = "ldnet.safetensors"
# Swaps of each head model that the finished weights are measured on.
_MEASURED = 8192


def check_data(data: Sequence[str]) -> None:
    """Refuse to train on nothing.

    Raises:
        SettingsError: no files.
    """
    if not data:
        raise SettingsError("--data is needed: a heads file; `ofx-reenact data heads` makes one")


def models_by_name(models: Sequence[HeadModel]) -> dict[str, HeadModel]:
    """Return head models by name, the first word of their source."""
    return {model.source.partition(" ")[0]: model for model in models}


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared Euclidean distance of points (B, 68, 2), mean over points and batch (equations 2 and 6)."""
    return ((a - b) ** 2).sum(-1).mean()


def save_trained(
    weights: Path, network: LDNet, template: Tensor, norm: Norm, recipe: str, data: Sequence[str],
    models: Sequence[HeadModel],
) -> None:  # fmt: skip
    """Measure a trained network on unseen people of the head models, and write its weights.

    Raises:
        OutputError: the file cannot be written.
    """
    scores = score(network, models_by_name(models), SwapSettings(norm, template), count=_MEASURED)
    note = {
        "recipe": recipe,
        "data": "; ".join(f"synthetic heads from {model.source}" for model in models) or ", ".join(data),
        "errors": json.dumps({name: round(value, 5) for name, value in scores.items()}),
    }
    save_ldnet(weights, network.cpu(), template, norm, note)
