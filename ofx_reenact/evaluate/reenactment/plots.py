"""Plots of an evaluation: how values are spread, by the head's turn, by frame."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ofx_reenact.evaluate.metrics import identity, motion, pixels
from ofx_reenact.evaluate.metrics.gain import gain_metric
from ofx_reenact.evaluate.metrics.scores import Metric
from ofx_reenact.evaluate.reenactment.methods import COPIED, DRIVER, LDNET, STILL
from ofx_reenact.evaluate.reenactment.result import PairResult
from ofx_reenact.evaluate.reenactment.strengths import Curves
from ofx_reenact.evaluate.reenactment.summary import Summary, Used, used_blendshapes

SHOWN = (identity.ISIM, motion.CHANGE, motion.ED, pixels.SHARPNESS)
COLOURS = ("#8c8c8c", "#c98500", "#2a78b5", "#b5486b", "#1a8a5a", "#6a51a3", "#5c3d2e", "#00a0a8")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_BINS = 5


def draw_all(summary: Summary) -> dict[str, str]:
    """Draw every plot: title → SVG."""
    import matplotlib

    matplotlib.use("Agg")
    # The same numbers give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "ofx-reenact", "svg.fonttype": "none", "font.size": 9}):
        drawn = {
            "How the values of single frames are spread (box: middle half; line: median; whiskers: 5 to 95 %)": svg_of(
                draw_spread(summary)
            ),
            "By the driver's yaw since its reference (equally many frames in each group)": svg_of(draw_yaw(summary)),
            "By frame of the driver, mean over targets": svg_of(draw_frames(summary)),
        }
        if used := used_blendshapes(summary):
            title = "How much of each blendshape arrives (those first that drivers use most; 1 is all of it)"
            drawn = {title: svg_of(draw_blendshapes(summary, used))} | drawn
        if summary.curves is not None:
            title = "Identity over gain (the line: the gain at which the two are compared, mean of pairs)"
            drawn = {title: svg_of(draw_curves(summary.curves))} | drawn
        return drawn


def draw_curves(curves: Curves) -> Any:
    """Identity over gain, a line a method and a mark a strength."""
    figure, boxes = new_figure(1, 1, 7, 4)
    box = boxes[0, 0]
    # As in the other plots.
    looks = {LDNET: (COLOURS[2], MARKS[1]), COPIED: (COLOURS[1], MARKS[0])}
    for method, points in curves.points.items():
        colour, mark = looks[method]
        places = [(point.gain.value, point.identity.value) for point in points]
        box.plot(*zip(*places, strict=True), marker=mark, color=colour, label=method)
        for point, place in zip(points, places, strict=True):
            box.annotate(f"{point.strength:g}", place, xytext=(4, 4), textcoords="offset points", fontsize=7)
    if np.isfinite(curves.gain.value):
        box.axvline(curves.gain.value, color="#8c8c8c", lw=1, ls=":")
    box.set_xlabel(f"{gain_metric().name}, {gain_metric().unit}")
    box.set_ylabel(f"{identity.ISIM.name}, {identity.ISIM.unit}")
    box.legend(fontsize=8)
    return figure


def draw_blendshapes(summary: Summary, used: Mapping[str, Used]) -> Any:
    """A row for each blendshape that drivers use, a mark for each method, as large as drivers use it."""
    # Where nothing moves the gain is 0.
    methods = [method for method in _methods(summary) if method != STILL]
    figure, boxes = new_figure(1, 1, 10, 1 + 0.24 * len(used))
    box, names = boxes[0, 0], list(used)
    largest = max(one.weight for one in used.values())
    for method, colour, mark in zip(methods, COLOURS[1:], MARKS, strict=False):
        rows = [row for row, name in enumerate(names) if method in used[name].methods]
        gains = [float(used[names[row]].methods[method][0]) for row in rows]
        sizes = [12 + 60 * used[names[row]].weight / largest for row in rows]
        box.scatter(gains, rows, s=sizes, marker=mark, color=colour, alpha=0.75, label=method, linewidths=0)
    box.set_yticks(range(len(names)), [f"{name} ({used[name].pairs})" for name in names])
    box.invert_yaxis()
    for at in (0, 1):
        box.axvline(at, color="#1c1c1c", lw=1)
    box.set_xlabel("gain; in brackets: pairs whose driver uses it")
    legend = box.legend(fontsize=8, loc="best")
    for handle in legend.legend_handles:
        handle.set_sizes([30])
    return figure


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
    return [method for method in summary.methods if method != DRIVER]


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
