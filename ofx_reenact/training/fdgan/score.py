"""Errors on validation people: of the warp alone, and of the warp repaired by a network."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.fdgan.repair import RepairNetwork
from ofx_reenact.fdgan.window import FINER, finer_of
from ofx_reenact.training.fdgan.data.pair_set import RENDERED, REVERSE, TRUE, Batch, PairSet
from ofx_reenact.training.fdgan.features import feature_distance

# Rows of pictures to show of each kind, and pairs in a batch.
_SHOWN, _BATCH = 4, 8
T = TypeVar("T")


@torch.no_grad()
def measure_pairs(
    network: RepairNetwork, pair_set: PairSet, *, limit: int = 0, device: str = "cpu"
) -> tuple[dict[str, float], list[np.ndarray]]:
    """Measure a network on validation pairs, at most ``limit`` of each kind and window; 0 takes all.

    Returns, for each kind and window, ``KIND PSNR warp`` and ``KIND PSNR repaired`` (dB, in the mouth), ``KIND features
    warp`` and ``KIND features repaired``; and rows of pictures to look at, (h, 4·w, 3) float32 in [0, 1]: target, warp,
    repaired, truth.
    """
    scores: dict[str, float] = {}
    shown: list[np.ndarray] = []
    for kind, finer in itertools.product((REVERSE, TRUE, RENDERED), FINER):
        found: dict[str, list[Tensor]] = defaultdict(list)
        rows_shown: list[np.ndarray] = []
        for batch in validation_batches(pair_set, kind, limit, finer, device):
            made = repair(network, batch)
            for name, value in measure_mouth(batch, made).items():
                found[name].append(value)
            rows_shown += strips(batch.target, batch.warped, made, batch.truth) if len(rows_shown) < _SHOWN else []
        shown += rows_shown[:_SHOWN]
        title = title_of(kind, finer)
        scores |= {f"{title} {name}": torch.cat(values).nanmean().item() for name, values in found.items()}
    return scores, shown


def title_of(kind: str, finer: int) -> str:
    """Return the title of a kind's pairs in a window; ``finer`` is one of FINER."""
    return kind if finer == FINER[0] else f"{kind}, window {finer} times finer"


def validation_batches(
    pair_set: PairSet, kind: str, limit: int, finer: int = FINER[0], device: str = "cpu"
) -> Iterator[Batch]:
    """Yield validation pairs of a kind and window, at most ``limit``, evenly chosen; 0 takes all."""
    rows = evenly(pair_set.rows(validation=True, kind=kind, finer=finer).tolist(), limit)
    for part in np.array_split(rows, -(-len(rows) // _BATCH)) if rows else ():
        yield pair_set.batch(part).to(device)


def evenly(items: Sequence[T], limit: int) -> list[T]:
    """Choose at most ``limit`` of the items, evenly; 0 takes all."""
    if not limit or len(items) <= limit:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).astype(int).tolist()]


def repair(network: RepairNetwork, batch: Batch) -> Tensor:
    """Repair a batch, with a dictionary from each target's one picture: (B, 3, h, w) in [-1, 1]."""
    dictionary = network.write(batch.target[:, None], batch.target_landmarks[:, None])
    return network(batch.warped, batch.maps, batch.landmarks, dictionary).picture


def measure_mouth(batch: Batch, made: Tensor) -> dict[str, Tensor]:
    """Return PSNR and feature distance of warp and repair in the mouth, (B,) each; NaN where no mouth is open."""
    region = mouth_region(batch.maps)
    none = region.sum((1, 2, 3)) < 1
    result: dict[str, Tensor] = {}
    for name, picture in (("warp", batch.warped), ("repaired", made)):
        result[f"PSNR {name}"] = psnr(picture, batch.truth, region).masked_fill(none, float("nan"))
        distance = feature_distance(picture, batch.truth, region)
        result[f"features {name}"] = distance.masked_fill(none, float("nan"))
    return result


def mouth_region(maps: Tensor) -> Tensor:
    """Return a mask of the mouth's opening with a margin of two coarse window pixels, (B, 1, h, w), 0 or 1."""
    around = 2 * finer_of(maps.shape[-2])
    return nn.functional.max_pool2d((maps[:, 2:3] > 0.05).float(), 2 * around + 1, stride=1, padding=around)


def psnr(made: Tensor, truth: Tensor, region: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio (B,) in dB over a region (B, 1, h, w), of pictures in [-1, 1]."""
    square = (((made - truth) / 2) ** 2).mean(1, keepdim=True)
    mean = (square * region).sum((1, 2, 3)) / region.sum((1, 2, 3)).clamp(min=1e-6)
    return -10 * torch.log10(mean.clamp(min=1e-10))


def strips(*pictures: Tensor) -> list[np.ndarray]:
    """Lay n pictures (B, 3, h, w) in [-1, 1] side by side: B rows (h, n·w, 3) in [0, 1]."""
    row = torch.cat(pictures, dim=-1)
    return list((row / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy())


def stack_rows(rows: list[np.ndarray], zoom: int = 2) -> np.ndarray:
    """Stack rows (h, w, 3) in [0, 1] into one picture (H, W, 3) uint8, enlarged ``zoom`` times.

    Smaller rows are first enlarged to the width of the largest, which must be a multiple of theirs.
    """
    width = max(row.shape[1] for row in rows)
    stacked = np.concatenate([row.repeat(width // row.shape[1], 0).repeat(width // row.shape[1], 1) for row in rows])
    return np.round(stacked * 255).astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)
