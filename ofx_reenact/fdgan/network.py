"""FD-GAN's two networks: the extractor writes a target's dictionary, the translator reads a picture from it.

Both are U-nets of four levels, counted from the picture inward (paper section 3.2). Convention: pictures are
(B, 3, H, W) in [-1, 1], display-encoded; H and W are multiples of 16.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from ofx_reenact.fdgan.dictionary import READERS, TAG, WRITERS, Dictionary, unit_rows

Network = TypeVar("Network", bound=nn.Module)
FEATURES = (32, 64, 128, 256)
ROWS = (512, 256, 128, 64)
# Outputs of the repair network's translator: R, G, B, the mask, and residual flow in x and y.
REPAIR_OUTPUTS = 6
SLOPE = 0.25
# Norm of kernel rows that keeps the variance through a convolution and a PReLU of this slope (He et al. 2015).
GAIN = math.sqrt(2 / (1 + SLOPE**2))


class Down(nn.Sequential):
    """Halve the size: conv 4×4 of stride 2, conv 3×3."""

    def __init__(self, inputs: int, features: int) -> None:
        super().__init__(
            convolution(inputs, features, 4, stride=2), nn.PReLU(features, SLOPE),
            convolution(features, features, 3), nn.PReLU(features, SLOPE),
        )  # fmt: skip


class Up(nn.Sequential):
    """Double the size: conv 3×3, transposed conv 4×4; the last one of a network has no activation at its end."""

    def __init__(self, features: int, outputs: int, *, last: bool = False) -> None:
        # The raw output of a network begins small, so that random weights hardly decide colours and mask at first.
        enlarge = transposed_convolution(features, outputs, 0.1 if last else 2 * GAIN)
        layers = [convolution(features, features, 3), nn.PReLU(features, SLOPE), enlarge]
        super().__init__(*layers, *([] if last else [nn.PReLU(outputs, SLOPE)]))


class Extractor(nn.Module):
    """Target picture ⊕ its landmark image → dictionary."""

    def __init__(
        self,
        inputs: int = 6,
        features: Sequence[int] = FEATURES,
        rows: Sequence[int] = ROWS,
        tag: int = TAG,
        write: str = "dictionary",
    ) -> None:
        super().__init__()
        self.inputs = inputs
        widths = (inputs, *features)
        self.down = nn.ModuleList(Down(a, b) for a, b in itertools.pairwise(widths))
        self.writer = nn.ModuleList(WRITERS[write](f, n, tag) for f, n in zip(features, rows, strict=True))
        # The finest level has no block: its map goes to the writer, and nothing is enlarged after it.
        self.up = nn.ModuleList(Up(b, a) for a, b in itertools.pairwise(features))

    def forward(self, pictures: Tensor) -> Dictionary:
        """Write a dictionary: values (B, n_i, C_i) of each level, finest first.

        ``pictures`` are (B, R, inputs, H, W), R of each target; each row attends to the locations of all of them.
        """
        count = pictures.shape[1]
        skips, x = [], pictures.flatten(0, 1)
        for down in self.down:
            x = down(x)
            skips.append(x)
        values: list[Tensor] = []
        h = skips[-1]
        for level in reversed(range(len(skips))):
            values.insert(0, self.writer[level](h, count))
            if level:
                h = self.up[level - 1](h) + skips[level - 1]
        return tuple(values)


class PassThrough(nn.Module):
    """Ablation Pix2PixHD as in the paper: nothing is extracted, the translator gets the target's picture itself.

    A buffer marks this in the state dict.
    """

    nothing: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("nothing", torch.zeros(1))

    def forward(self, pictures: Tensor) -> Dictionary:
        """Return the first of pictures (B, R, inputs, H, W) in place of a dictionary: (B, inputs, H, W)."""
        return (pictures[:, 0],)


class Translator(nn.Module):
    """Driving landmark image (and, in the repair network, the warped picture and its maps) ⊕ dictionary → picture."""

    def __init__(
        self,
        inputs: int = 3,
        outputs: int = 3,
        features: Sequence[int] = FEATURES,
        rows: Sequence[int] = ROWS,
        tag: int = TAG,
        read: str = "dictionary",
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.read = inputs, outputs, read
        widths = (inputs, *features)
        self.down = nn.ModuleList(Down(a, b) for a, b in itertools.pairwise(widths))
        self.reader = nn.ModuleList(READERS[read](f, n, tag) for f, n in zip(features, rows, strict=True))
        uppers = (outputs, *features)
        self.up = nn.ModuleList(Up(b, a, last=level == 0) for level, (a, b) in enumerate(itertools.pairwise(uppers)))

    def forward(self, x: Tensor, dictionary: Dictionary) -> Tensor:
        """Read a picture from ``x`` (B, inputs, H, W) and values (B, n_i, C_i) of each level, finest first.

        Returns (B, outputs, H, W) before the last activation.
        """
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        h = skips[-1]
        for level in reversed(range(len(skips))):
            h = self.up[level](self.reader[level](h, dictionary[level]))
            if level:
                h = h + skips[level - 1]
        return h


def picture(raw: Tensor) -> Tensor:
    """Return the portrait network's picture in [-1, 1] from the raw output (B, 3, H, W) of its translator."""
    return torch.tanh(raw.float())


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    """Make a convolution; its kernel rows of equal norm and zero bias keep the variance through a PReLU at first."""
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=(size - 1) // 2)
    with torch.no_grad():
        layer.weight.copy_(unit_rows(torch.randn(layer.weight.shape), GAIN))
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def transposed_convolution(inputs: int, outputs: int, norm: float) -> nn.ConvTranspose2d:
    """Make a transposed convolution 4×4 of stride 2, rows of norm ``norm``; an output pixel sees a quarter of them."""
    layer = nn.ConvTranspose2d(inputs, outputs, 4, 2, padding=1)
    with torch.no_grad():
        rows = unit_rows(torch.randn(outputs, inputs, 4, 4), norm)
        layer.weight.copy_(rows.transpose(0, 1))
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def channels_last(network: Network) -> Network:
    """Lay a network's kernels out channels last, which convolutions are fastest with, in place."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def table_shapes(network: Extractor | Translator) -> tuple[tuple[int, int], ...]:
    """Return (rows, features) of each level of the dictionary that a network writes or reads, finest first."""
    ends = network.writer if isinstance(network, Extractor) else network.reader
    widths = [down[0].out_channels for down in network.down]  # type: ignore[index]
    return tuple((len(getattr(end, "tags", (0,))), width) for end, width in zip(ends, widths, strict=True))


def extractor_of(state: Mapping[str, Tensor]) -> Extractor | PassThrough:
    """Build an extractor with the sizes of a state dict, which are read from its shapes.

    Raises:
        LookupError: the state dict is of another network.
    """
    if "nothing" in state:
        return PassThrough()
    write = "dictionary" if "writer.0.tags" in state else "mean"
    return Extractor(state["down.0.0.weight"].shape[1], *_sizes(state, "writer"), write)


def translator_of(state: Mapping[str, Tensor]) -> Translator:
    """Build a translator with the sizes of a state dict, which are read from its shapes.

    Raises:
        LookupError: the state dict is of another network.
    """
    marks = {"dictionary": "tags", "adain": "to_style.weight", "none": "nothing"}
    read = next((name for name, mark in marks.items() if f"reader.0.{mark}" in state), "mean")
    inputs, outputs = state["down.0.0.weight"].shape[1], state["up.0.2.weight"].shape[1]
    return Translator(inputs, outputs, *_sizes(state, "reader"), read)


def _sizes(state: Mapping[str, Tensor], part: str) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return the features and the rows of each level, and the length of a tag."""
    levels = range(sum(key.startswith("down.") and key.endswith(".0.weight") for key in state))
    features = tuple(state[f"down.{level}.0.weight"].shape[0] for level in levels)
    if f"{part}.0.tags" not in state:
        return features, (1,) * len(levels), TAG
    tables = [state[f"{part}.{level}.tags"] for level in levels]
    return features, tuple(table.shape[0] for table in tables), tables[0].shape[1]
