"""What the two published networks share: weights files that the user has to get, and layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import torch
from torch import Tensor, nn

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import sha256_of
from ofx_reenact.tracking.fan import weights_folder


@dataclass(frozen=True)
class WeightsFile:
    """A weights file: its name, where to get it, what it is for, and the start of its SHA-256 if the name has one."""

    file: str
    source: str
    purpose: str
    sha256: str = ""

    @property
    def path(self) -> Path:
        """Where the file belongs: ``$TORCH_HOME/hub/checkpoints``."""
        return weights_folder() / self.file

    @property
    def installed(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    def load(self, network: nn.Module, unused: str) -> nn.Module:
        """Load the weights into a network, without the entries whose names begin with ``unused``.

        Raises:
            SettingsError: the file is missing, damaged, or of another network.
        """
        path = self.path
        if not self.installed:
            raise SettingsError(
                f"{self.purpose}: {path.name} is missing; get it from {self.source} and put it at {path}"
            )
        if self.sha256 and not sha256_of(path, whole=True).startswith(self.sha256):
            raise SettingsError(
                f"{path}: damaged, its SHA-256 does not begin with {self.sha256}; get it again from {self.source}"
            )
        try:
            state: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
            network.load_state_dict({name: value for name, value in state.items() if not name.startswith(unused)})
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise SettingsError(
                f"{path}: not the weights for {self.purpose} ({reason}); get it again from {self.source}"
            ) from error
        return network.eval().requires_grad_(False)


class Layer(nn.Module):
    """A convolution without bias, batch normalisation and ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H', W')."""
        return nn.functional.relu(self.bn(self.conv(x)))


class Branches(nn.Module):
    """Branches, as :func:`branch` names them, that all take the same input; their results are concatenated."""

    def __init__(self, *branches: dict[str, nn.Module]) -> None:
        super().__init__()
        self._branches = [tuple(layers) for layers in branches]
        for name, layer in ((name, layer) for layers in branches for name, layer in layers.items()):
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H', W'), C' the sum of the branches' channels."""
        return torch.cat([reduce(lambda y, name: self.get_submodule(name)(y), names, x) for names in self._branches], 1)


def branch(name: str, *layers: nn.Module) -> dict[str, nn.Module]:
    """Name the layers of a branch as weights files do: one layer by the branch, several by numbers from 1 on."""
    return {name: layers[0]} if len(layers) == 1 else {f"{name}_{n}": layer for n, layer in enumerate(layers, 1)}


def wide(inputs: int, outputs: int, length: int) -> Layer:
    """Build a layer with a kernel of 1 row × ``length`` columns that keeps the size."""
    return Layer(inputs, outputs, (1, length), padding=(0, length // 2))


def tall(inputs: int, outputs: int, length: int) -> Layer:
    """Build a layer with a kernel of ``length`` rows × 1 column that keeps the size."""
    return Layer(inputs, outputs, (length, 1), padding=(length // 2, 0))
