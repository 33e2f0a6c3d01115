"""Plots of an evaluation: how values are spread, by the head's turn, by frame."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from ofx_reenact.evaluate.metrics import identity, motion, pixels
from ofx_reenact.evaluate.metrics.scores import Metric
from ofx_reenact.evaluate.reenactment.methods import DRIVER
from ofx_reenact.evaluate.reenactment.result import PairResult
from ofx_reenact.evaluate.reenactment.summary import Summary

SHOWN = (identity.ISIM, motion.CHANGE, motion.ED, pixels.SHARPNESS)
COLOURS = ("#8c8c8c", "#c98500", "#2a78b5", "#b5486b", "#1a8a5a", "#6a51a3")
_BINS = 5


def draw_all(summary: Summary) -> dict[str, str]:
    """Draw every plot: title → SVG."""
    import matplotlib

    matplotlib.use("Agg")
    # The same numbers give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "ofx-reenact", "svg.fonttype": "none", "font.size": 9}):
        return {
            "How the values of single frames are spread (box: middle half; line: median; whiskers: 5 to 95 %)": svg_of(
                draw_spread(summary)
            ),
            "By the driver's yaw since its reference (equally many frames in each group)": svg_of(draw_yaw(summary)),
            "By frame of the driver, mean over targets": svg_of(draw_frames(summary)),
        }


def draw_spread(summary: Summary) -> Any:
    """A box for each method in each of four metrics."""
    metrics, methods = _known(summary, SHOWN), _methods(summary)
    figure, boxes = new_figure(2, 2, 10, 6.2, len(metrics))
    for box, metric in zip(boxes.flat, metrics, strict=False):
        values = [_frames(summary.results, method, metric) for method in methods]
        drawn = box.boxplot(
            [v[np.isfinite(v)] for v in values], orientation="horizontal", whis=(5, 95), showfliers=False,
            patch_artist=True, widths=0.6,
        )  # fmt: skip
        for patch, median, colour in zip(drawn["boxes"], drawn["medians"], COLOURS, strict=False):
            patch.set_facecolor(colour)
            patch.set_alpha(0.55)
            median.set_color("black")
        box.set_yticks(range(1, len(methods) + 1), methods)
        box.invert_yaxis()
        box.set_title(f"{metric.name}, {metric.unit}")
    return figure


def draw_yaw(summary: Summary) -> Any:
    """Four metrics over the driver's yaw."""
    metrics = _known(summary, SHOWN)
    figure, boxes = new_figure(2, 2, 10, 6, len(metrics))
    yaw = np.concatenate([np.array(result.yaw) for result in summary.results])
    known = np.isfinite(yaw)
    edges = np.quantile(yaw[known], np.linspace(0, 1, _BINS + 1))
    # Frames whose driver was not found have no yaw, and no group.
    group = np.where(known, np.clip(np.searchsorted(edges, yaw, side="right") - 1, 0, _BINS - 1), -1)
    for box, metric in zip(boxes.flat, metrics, strict=False):
        for method, colour in zip(_methods(summary), COLOURS, strict=False):
            values = _frames(summary.results, method, metric)
            means = [(yaw[group == g].mean(), _mean(values[group == g])) for g in range(_BINS) if (group == g).any()]
            box.plot(*zip(*means, strict=True), marker="o", ms=3, color=colour, label=method)
        box.set_title(f"{metric.name}, {metric.unit}")
        box.set_xlabel("yaw, degrees")
    boxes.flat[0].legend(fontsize=7)
    return figure


def draw_frames(summary: Summary) -> Any:
    """Expression distance and identity over each driver's frames."""
    metrics = _known(summary, (identity.ISIM, motion.ED))
    drivers = summary.drivers[:6]
    figure, boxes = new_figure(len(metrics), len(drivers), 2 + 2.2 * len(drivers), 2.3 * len(metrics))
    for column, driver in enumerate(drivers):
        mine = [result for result in summary.results if result.driver == driver]
        for box, metric in zip(boxes[:, column], metrics, strict=True):
            for method, colour in zip(_methods(summary), COLOURS, strict=False):
                frames = np.concatenate([np.array(result.frames) for result in mine])
                values = _frames(mine, method, metric)
                line = [(number, _mean(values[frames == number])) for number in np.unique(frames)]
                box.plot(*zip(*line, strict=True), marker="o", ms=3, color=colour)
            box.set_title(f"{driver}: {metric.name}", fontsize=8)
    return figure


def _known(summary: Summary, metrics: Sequence[Metric]) -> list[Metric]:
    """Those of some metrics that were measured."""
    return [metric for metric in metrics if metric.name in summary.metrics]


def _methods(summary: Summary) -> list[str]:
    return [method for method in summary.rows if method != DRIVER]


def _frames(results: Sequence[PairResult], method: str, metric: Metric) -> np.ndarray:
    return np.concatenate([result.values[method][metric.name] for result in results])


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def new_figure(rows: int, columns: int, width: float, height: float, used: int | None = None) -> tuple[Any, Any]:
    """Make a figure of boxes (rows, columns), of which the first ``used`` are kept."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    boxes = figure.subplots(rows, columns, squeeze=False)
    for box in boxes.flat[used:] if used else ():
        box.remove()
    for box in boxes.flat[:used]:
        box.spines[["top", "right"]].set_visible(False)
        box.grid(alpha=0.25)
    return figure, boxes


def svg_of(figure: Any) -> str:
    """Return a figure as SVG."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
