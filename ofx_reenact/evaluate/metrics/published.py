"""Weights files of the published evaluators: theirs to give, ours only to read where the user has put them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import torch
from torch import Tensor, nn

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import sha256_of
from ofx_reenact.tracking.fan import weights_folder

Pair = tuple[int, int]


@dataclass(frozen=True)
class Published:
    """A weights file: its name, where to get it, what it is for, and how its digest begins if its name says so."""

    file: str
    source: str
    what: str
    sha256: str = ""

    @property
    def path(self) -> Path:
        """Where it is looked for: ``$TORCH_HOME/hub/checkpoints``."""
        return weights_folder() / self.file

    @property
    def installed(self) -> bool:
        """Whether it is there."""
        return self.path.is_file()

    def load(self, network: nn.Module, unused: str) -> nn.Module:
        """Load it into a network; entries whose names begin with ``unused`` stay out.

        Raises:
            SettingsError: it is not there, damaged, or of another network.
        """
        path = self.path
        if not self.installed:
            raise SettingsError(f"{self.what}: {path.name} is missing; get it from {self.source} and put it at {path}")
        if self.sha256 and not sha256_of(path, whole=True).startswith(self.sha256):
            raise SettingsError(
                f"{path}: damaged, its sha256 does not begin with {self.sha256}; get it again from {self.source}"
            )
        try:
            state: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
            network.load_state_dict({name: value for name, value in state.items() if not name.startswith(unused)})
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise SettingsError(
                f"{path}: not the weights of {self.what} ({reason}); get it again from {self.source}"
            ) from error
        return network.eval().requires_grad_(False)


class Layer(nn.Module):
    """Convolution without bias, batch normalisation, ReLU: what both networks are built of."""

    def __init__(self, inputs: int, outputs: int, size: int | Pair, stride: int = 1, padding: int | Pair = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W)."""
        return nn.functional.relu(self.bn(self.conv(x)))


class Paths(nn.Module):
    """Paths of layers, as :func:`path` names them, side by side; their results are laid one after another."""

    def __init__(self, *paths: dict[str, nn.Module]) -> None:
        super().__init__()
        self._paths = [tuple(layers) for layers in paths]
        for name, layer in ((name, layer) for layers in paths for name, layer in layers.items()):
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W)."""
        return torch.cat([reduce(lambda y, name: self.get_submodule(name)(y), names, x) for names in self._paths], 1)


def path(name: str, *layers: nn.Module) -> dict[str, nn.Module]:
    """Name the layers of a path as weights files do: a single one by the path, several by their numbers from 1 on."""
    return {name: layers[0]} if len(layers) == 1 else {f"{name}_{n}": layer for n, layer in enumerate(layers, 1)}


def across(inputs: int, outputs: int, length: int) -> Layer:
    """Build a layer one row high and ``length`` wide that keeps the size."""
    return Layer(inputs, outputs, (1, length), padding=(0, length // 2))


def down(inputs: int, outputs: int, length: int) -> Layer:
    """Build a layer one column wide and ``length`` high that keeps the size."""
    return Layer(inputs, outputs, (length, 1), padding=(length // 2, 0))
