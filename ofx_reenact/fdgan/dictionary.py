"""The dictionary: its writer (the paper's eq. 8) and reader (eq. 9), and what ablations have in their place.

A *dictionary* is one table of values for each level, finest first: ``(B, n_i, C_i)``. It does not depend on the order
of the locations in the maps that it is written from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

TAG = 32

Dictionary = tuple[Tensor, ...]


class Writer(nn.Module):
    """Eq. (8): ``v_i = Σ_n softmax_n(t_i·p_n) x_n``, n over all locations of all appearance pictures."""

    def __init__(self, features: int, rows: int, tag: int = TAG) -> None:
        super().__init__()
        self.tags = nn.Parameter(unit_rows(torch.randn(rows, tag)))
        self.to_tag = nn.Conv2d(features, tag, 1)
        self.to_value = nn.Conv2d(features, features, 1)

    def forward(self, maps: Tensor, pictures: int = 1) -> Tensor:
        """Write maps (B·R, C, H, W) of R pictures of each target, one target after the other, into rows (B, n, C)."""
        tags, values = (_locations(layer(maps), pictures) for layer in (self.to_tag, self.to_value))
        return attend(self.tags.to(tags.dtype).expand(len(tags), -1, -1), tags, values)


class Reader(nn.Module):
    """Eq. (9): ``y_j = Σ_k softmax_k(u_k·q_j) v_k``, k over the rows; the output is ``h + y``."""

    def __init__(self, features: int, rows: int, tag: int = TAG) -> None:
        super().__init__()
        self.tags = nn.Parameter(unit_rows(torch.randn(rows, tag)))
        self.to_query = nn.Conv2d(features, tag, 1)

    def forward(self, h: Tensor, values: Tensor) -> Tensor:
        """Read the rows ``values`` (B, n, C) and add the result to maps ``h`` (B, C, H, W)."""
        height, width = h.shape[-2:]
        query = _locations(self.to_query(h), 1)
        read = attend(query, self.tags.to(query.dtype).expand(len(query), -1, -1), values.to(query.dtype))
        return h + read.transpose(1, 2).unflatten(2, (height, width)).to(h.dtype)


class MeanWriter(nn.Module):
    """Ablation FD-GAN-1: one row, the mean of the values of all locations."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.to_value = nn.Conv2d(features, features, 1)

    def forward(self, maps: Tensor, pictures: int = 1) -> Tensor:
        """Write maps (B·R, C, H, W) into one row (B, 1, C)."""
        return _locations(self.to_value(maps), pictures).mean(1, keepdim=True)


class MeanReader(nn.Module):
    """Ablation FD-GAN-1: the one row is added everywhere."""

    def forward(self, h: Tensor, values: Tensor) -> Tensor:
        """Add the row (B, 1, C) to every location of ``h`` (B, C, H, W)."""
        return h + values.transpose(1, 2)[..., None].to(h.dtype)


class AdaINReader(nn.Module):
    """Ablation AdaIN: the one row gives scale and offset of an instance normalisation."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.to_style = nn.Linear(features, 2 * features)

    def forward(self, h: Tensor, values: Tensor) -> Tensor:
        """Normalise, scale and offset ``h`` (B, C, H, W) by the row (B, 1, C)."""
        scale, offset = self.to_style(values[:, 0])[..., None, None].to(h.dtype).chunk(2, 1)
        return nn.functional.instance_norm(h) * (1 + scale) + offset


class NoReader(nn.Module):
    """Ablation Pix2PixHD: there is no dictionary. A buffer marks this in the state dict."""

    nothing: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("nothing", torch.zeros(1))

    def forward(self, h: Tensor, values: Tensor) -> Tensor:
        """Return ``h``."""
        return h


WRITERS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "dictionary": Writer,
    "mean": lambda features, rows, tag: MeanWriter(features),
}
READERS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "dictionary": Reader,
    "mean": lambda features, rows, tag: MeanReader(),
    "adain": lambda features, rows, tag: AdaINReader(features),
    "none": lambda features, rows, tag: NoReader(),
}

# Writer and reader of the network and of each ablation in the paper.
ABLATIONS = {
    "fdgan": ("dictionary", "dictionary"),
    "fdgan-1": ("mean", "mean"),
    "adain": ("mean", "adain"),
    "pix2pixhd": ("mean", "none"),
}


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return ``Σ_m softmax_m(q_n·k_m) v_m`` without scaling, with the softmax in float32 or better.

    Queries are (B, n, t), keys (B, m, t), values (B, m, c), the result (B, n, c).
    """
    if values.shape[-1] == keys.shape[-1]:
        # One fused kernel computes everything, internally in float32, but only if keys and values have equal length.
        # They have at the finest level, where nearly all of the work is.
        q, k, v = (x.unsqueeze(1) for x in (queries, keys, values))
        return nn.functional.scaled_dot_product_attention(q, k, v, scale=1.0)[:, 0]
    logits = queries @ keys.transpose(1, 2)
    weights = torch.softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), dim=-1)
    return weights.to(values.dtype) @ values


def unit_rows(weight: Tensor, gain: float = 1.0) -> Tensor:
    """Scale each row (first axis) of a weight to an L2 norm of ``gain``."""
    if weight.is_meta:
        # A network on the meta device has shapes only, and a norm there would make torch load its compiler.
        return weight
    flat = weight.flatten(1)
    return (flat * (gain / flat.norm(dim=1, keepdim=True))).view_as(weight)


def count_values(dictionary: Sequence[Tensor]) -> int:
    """Count the numbers of one target's dictionary."""
    return sum(math.prod(values.shape[1:]) for values in dictionary)


def _locations(maps: Tensor, pictures: int) -> Tensor:
    """Reshape maps (B·R, C, H, W) of R pictures to (B, R·H·W, C)."""
    channels = maps.shape[1]
    return maps.flatten(2).transpose(1, 2).reshape(-1, pictures * maps.shape[2] * maps.shape[3], channels)
