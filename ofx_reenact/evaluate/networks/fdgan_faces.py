"""Measure how near whole faces of target, warp and networks are to the truth, for people unseen in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics import sface
from ofx_reenact.evaluate.metrics.scores import Mean
from ofx_reenact.evaluate.metrics.ssim import ssim
from ofx_reenact.evaluate.networks.face_cases import BACK, RENDERED, Case, CaseMaker
from ofx_reenact.evaluate.networks.face_methods import UNCHANGED, Painters, pose_case, render_methods
from ofx_reenact.evaluate.networks.face_regions import draw_regions
from ofx_reenact.evaluate.networks.fdgan_mouths import KINDS as PAIR_KINDS
from ofx_reenact.evaluate.networks.fdgan_mouths import METRICS
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.preview import write_png
from ofx_reenact.training.fdgan import features
from ofx_reenact.training.fdgan.score import evenly, psnr, stack_rows

TRUTH, IDENTITY = "truth", "identity"
# Names of the kinds of cases in a report.
KINDS = PAIR_KINDS | {RENDERED: "rendered heads, from neutral", BACK: "rendered heads, back to neutral"}

Cases = Mapping[str, Sequence[CaseMaker]]


@dataclass(frozen=True)
class KindResult:
    """One kind of cases: how many were measured, and how many could not be made or warped.

    ``errors``: method → metric and region, from ``PSNR mouth`` (dB) to ``features whole``. If SFace is installed, also
    ``identity``, the similarity to the target; the method ``truth`` has this number only. ``closing eyes`` is measured
    only in cases in which an eye closes.
    """

    count: int
    left_out: int
    errors: dict[str, dict[str, Mean]]


@torch.no_grad()
def measure(painters: Painters, cases: Cases, colour: Colour, *, limit: int = 0) -> dict[str, KindResult]:
    """Measure kind by kind, one case in memory at a time, at most ``limit`` of a kind, evenly chosen; 0 takes all.

    Returns results by the kind's name in a report, without kinds that have no usable case.

    Raises:
        ReenactError: there is no usable case at all.
        SettingsError: MobileNetV2's weights are not installed.
    """
    features.load_features()
    result: dict[str, KindResult] = {}
    for kind, makers in cases.items():
        found: dict[str, dict[str, list[float]]] = {}
        count = left_out = 0
        for make in evenly(makers, limit):
            made = _render_case(make(), painters, colour)
            if made is None:
                left_out += 1
                continue
            count += 1
            for method, values in _score_case(*made).items():
                for metric, value in values.items():
                    found.setdefault(method, {}).setdefault(metric, []).append(value)
        if count:
            table = {method: {m: Mean.of(torch.tensor(v)) for m, v in row.items()} for method, row in found.items()}
            result[KINDS[kind]] = KindResult(count, left_out, table)
    if not result:
        raise ReenactError(
            "no usable case: no mouth is open, nobody has two pictures, or all faces leave their pictures; add pictures"
        )
    return result


def score_pictures(made: Tensor, truth: Tensor, areas: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Compute PSNR, SSIM and feature distance of pictures (M, 3, H, W) and one truth (1, 3, H, W) in regions (H, W).

    Returns ``PSNR mouth`` and so on, (M,) each; NaN where the region is empty.
    """
    differences = features.feature_differences(made, truth)
    result: dict[str, Tensor] = {}
    for place, area in areas.items():
        region = torch.from_numpy(area)[None, None]
        values = psnr(made, truth, region), ssim(made, truth, region), features.mean_over(differences, region)
        for metric, value in zip(METRICS, values, strict=True):
            result[f"{metric} {place}"] = value if area.any() else torch.full_like(value, float("nan"))
    return result


@torch.no_grad()
def draw_contact_sheets(folder: Path, painters: Painters, cases: Cases, colour: Colour, count: int = 8) -> list[Path]:
    """Draw target, warp, each network's picture and the truth of evenly chosen cases, one sheet per kind."""
    paths = []
    for kind, makers in cases.items():
        rows = []
        for make in evenly(makers, count):
            if (made := _render_case(make(), painters, colour)) is not None:
                case, shown = made
                rows.append(np.clip(np.concatenate([*shown.values(), case.truth], axis=1), 0, 1))
        if rows:
            paths.append(folder / f"{kind}.png")
            write_png(paths[-1], stack_rows(rows, zoom=1))
    return paths


def _render_case(case: Case | None, painters: Painters, colour: Colour) -> tuple[Case, dict[str, np.ndarray]] | None:
    """Render a case by each method, the unchanged target first; None if it is not usable."""
    posed = None if case is None else pose_case(case, colour)
    if case is None or posed is None:
        return None
    return case, {UNCHANGED: case.target} | render_methods(posed, painters, colour)


def _score_case(case: Case, shown: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Compute every number of one case: method → metric → value."""
    areas = draw_regions(case.target_mesh, case.mesh, (case.truth.shape[0], case.truth.shape[1]))
    found = score_pictures(torch.cat([_tensor(picture) for picture in shown.values()]), _tensor(case.truth), areas)
    values = {
        method: {metric: float(value[row]) for metric, value in found.items()} for row, method in enumerate(shown)
    }
    if sface.installed():
        target = sface.embed(case.target, case.target_mesh)
        values[TRUTH] = {}
        for method, picture in {**shown, TRUTH: case.truth}.items():
            mesh = case.target_mesh if method == UNCHANGED else case.mesh
            values[method][IDENTITY] = float(target @ sface.embed(picture, mesh))
    return values


def _tensor(picture: np.ndarray) -> Tensor:
    """Convert a picture (H, W, 3) in [0, 1] to (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32))[None] * 2 - 1
