"""Plots of an evaluation of stills: gains, spread of values, values by yaw and by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ofx_reenact.evaluate.metrics import identity, motion, pixels
from ofx_reenact.evaluate.metrics.gain import gain_metric
from ofx_reenact.evaluate.metrics.scores import Metric, finite_mean
from ofx_reenact.evaluate.page.figures import COLOURS, drawing_style, new_figure, to_svg
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.stills.compared_methods import COPIED, DRIVER, LDNET, UNCHANGED
from ofx_reenact.evaluate.stills.identity_over_gain import Curves
from ofx_reenact.evaluate.stills.pair_statistics import Summary, UsedBlendshape, used_blendshapes

# The four metrics of the plots of spread and yaw.
SHOWN = (identity.ISIM, motion.CHANGE, motion.ED, pixels.SHARPNESS)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_YAW_GROUPS = 5


def draw_all(summary: Summary) -> dict[str, str]:
    """Draw every plot: title → SVG."""
    with drawing_style():
        drawn = {
            "Spread of the values of single frames (box: middle half; line: median; whiskers: 5 to 95 %)": to_svg(
                draw_spread(summary)
            ),
            "By the driver's yaw from its reference frame (groups of equally many frames)": to_svg(draw_yaw(summary)),
            "By frame of the driver, mean over targets": to_svg(draw_frames(summary)),
        }
        if used := used_blendshapes(summary):
            title = "How much of each blendshape is transferred (the most used first; 1 is all of it)"
            drawn = {title: to_svg(draw_blendshapes(summary, used))} | drawn
        if summary.curves is not None:
            title = "Identity over gain (dotted line: the gain at which the two are compared, mean of pairs)"
            drawn = {title: to_svg(draw_curves(summary.curves))} | drawn
        return drawn


def draw_curves(curves: Curves) -> Any:
    """Draw identity over gain: one line per method, one mark per strength."""
    figure, boxes = new_figure(1, 1, 7, 4)
    box = boxes[0, 0]
    # Colours and marks as in the other plots.
    styles = {LDNET: (COLOURS[2], MARKS[1]), COPIED: (COLOURS[1], MARKS[0])}
    for method, points in curves.points.items():
        colour, mark = styles[method]
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


def draw_blendshapes(summary: Summary, used: Mapping[str, UsedBlendshape]) -> Any:
    """Draw the gain of each used blendshape: one row per blendshape, one mark per method, sized by the use."""
    # The unchanged target has a gain of 0 everywhere.
    methods = [method for method in _methods(summary) if method != UNCHANGED]
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
    """Draw a box for each method in each of four metrics."""
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
    """Draw four metrics over the driver's yaw."""
    metrics = _known(summary, SHOWN)
    figure, boxes = new_figure(2, 2, 10, 6, len(metrics))
    yaw = np.concatenate([np.array(result.yaw) for result in summary.results])
    known = np.isfinite(yaw)
    edges = np.quantile(yaw[known], np.linspace(0, 1, _YAW_GROUPS + 1))
    # Frames without the driver's face have no yaw and no group.
    group = np.where(known, np.clip(np.searchsorted(edges, yaw, side="right") - 1, 0, _YAW_GROUPS - 1), -1)
    for box, metric in zip(boxes.flat, metrics, strict=False):
        for method, colour in zip(_methods(summary), COLOURS, strict=False):
            values = _frames(summary.results, method, metric)
            groups = [group == number for number in range(_YAW_GROUPS)]
            means = [(yaw[rows].mean(), finite_mean(values[rows])) for rows in groups if rows.any()]
            box.plot(*zip(*means, strict=True), marker="o", ms=3, color=colour, label=method)
        box.set_title(f"{metric.name}, {metric.unit}")
        box.set_xlabel("yaw, degrees")
    boxes.flat[0].legend(fontsize=7)
    return figure


def draw_frames(summary: Summary) -> Any:
    """Draw identity and expression distance over the frames of each driver, six drivers at most."""
    metrics = _known(summary, (identity.ISIM, motion.ED))
    drivers = summary.drivers[:6]
    figure, boxes = new_figure(len(metrics), len(drivers), 2 + 2.2 * len(drivers), 2.3 * len(metrics))
    for column, driver in enumerate(drivers):
        of_driver = [result for result in summary.results if result.driver == driver]
        for box, metric in zip(boxes[:, column], metrics, strict=True):
            for method, colour in zip(_methods(summary), COLOURS, strict=False):
                frames = np.concatenate([np.array(result.frames) for result in of_driver])
                values = _frames(of_driver, method, metric)
                line = [(number, finite_mean(values[frames == number])) for number in np.unique(frames)]
                box.plot(*zip(*line, strict=True), marker="o", ms=3, color=colour)
            box.set_title(f"{driver}: {metric.name}", fontsize=8)
    return figure


def _known(summary: Summary, metrics: Sequence[Metric]) -> list[Metric]:
    """Return those metrics that were measured."""
    return [metric for metric in metrics if metric.name in summary.metrics]


def _methods(summary: Summary) -> list[str]:
    return [method for method in summary.methods if method != DRIVER]


def _frames(results: Sequence[PairResult], method: str, metric: Metric) -> np.ndarray:
    return np.concatenate([result.values[method][metric.name] for result in results])
