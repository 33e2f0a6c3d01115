"""How good repair networks are in the mouth's window, compared with the warp, on people whom training did not see."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics.scores import Mean
from ofx_reenact.evaluate.metrics.ssim import ssim
from ofx_reenact.fdgan.repair import RepairNetwork
from ofx_reenact.fdgan.window import FINER
from ofx_reenact.frames.preview import write_png
from ofx_reenact.training.fdgan.data.pair_set import RENDERED, REVERSE, TRUE, Batch, PairSet
from ofx_reenact.training.fdgan.features import feature_distance
from ofx_reenact.training.fdgan.score import (
    evenly,
    mouth_region,
    psnr,
    repair,
    stack_rows,
    strips,
    title_of,
    validation_batches,
)

WARP = "warp only"
# Names of the kinds of pairs in a report.
KINDS = {REVERSE: "reverse-warp pairs", TRUE: "two photographs of one person", RENDERED: "rendered heads"}
METRICS = ("PSNR", "SSIM", "features")

Table = dict[str, dict[str, dict[str, Mean]]]


@torch.no_grad()
def measure(networks: Mapping[str, RepairNetwork], pair_set: PairSet, *, limit: int = 0) -> Table:
    """Measure on validation pairs, at most ``limit`` of each kind, evenly chosen; 0 takes all.

    Returns kind of pair → network, ``warp only`` first → ``PSNR mouth`` (dB), ``SSIM mouth``, ``features mouth`` and
    the same of the ``window``. Pairs whose mouth is shut count in the window only.

    Raises:
        ReenactError: nobody in the set is held out for validation.
    """
    if not len(pair_set.rows(validation=True)):
        raise ReenactError("nobody in the set of pairs is held out for validation; make it of more people")
    result: Table = {}
    for kind, finer in itertools.product(KINDS, FINER):
        found: dict[str, dict[str, list[Tensor]]] = {}
        for batch in validation_batches(pair_set, kind, limit, finer):
            made = {WARP: batch.warped} | {name: repair(network, batch) for name, network in networks.items()}
            for name, picture in made.items():
                for metric, values in score_pictures(picture, batch).items():
                    found.setdefault(name, {}).setdefault(metric, []).append(values)
        if found:
            title = title_of(KINDS[kind], finer)
            result[title] = {n: {m: Mean.of(torch.cat(v)) for m, v in metrics.items()} for n, metrics in found.items()}
    return result


def score_pictures(picture: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Compute PSNR, SSIM and feature distance of pictures (B, 3, h, w), in the mouth and in the window: (B,) each."""
    mouth, whole = mouth_region(batch.maps), torch.ones_like(batch.maps[:, :1])
    shut = mouth.sum((1, 2, 3)) < 1
    result: dict[str, Tensor] = {}
    for place, region in (("mouth", mouth), ("window", whole)):
        values = (
            psnr(picture, batch.truth, region), ssim(picture, batch.truth, region),
            feature_distance(picture, batch.truth, region),
        )  # fmt: skip
        for metric, value in zip(METRICS, values, strict=True):
            result[f"{metric} {place}"] = value.masked_fill(shut, float("nan")) if place == "mouth" else value
    return result


@torch.no_grad()
def draw_contact_sheets(
    folder: Path, networks: Mapping[str, RepairNetwork], pair_set: PairSet, count: int = 12
) -> list[Path]:
    """Draw target, warp, each network's picture and the truth of evenly chosen validation pairs, one sheet per kind."""
    paths = []
    for kind, finer in itertools.product(KINDS, FINER):
        rows = evenly(pair_set.rows(validation=True, kind=kind, finer=finer).tolist(), count)
        if not rows:
            continue
        batch = pair_set.batch(np.array(rows))
        made = [repair(network, batch) for network in networks.values()]
        paths.append(folder / (f"{kind}.png" if finer == FINER[0] else f"{kind}_{finer}.png"))
        write_png(paths[-1], stack_rows(strips(batch.target, batch.warped, *made, batch.truth)))
    return paths
