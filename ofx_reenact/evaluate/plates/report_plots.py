"""Plots of an evaluation of plates: the numbers of every pair, a table of plates and drivers, curves by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ofx_reenact.evaluate.metrics.lips_and_lids import CURVES, OPENING
from ofx_reenact.evaluate.page.figures import COLOURS, drawing_style, new_figure, to_svg
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.plates.compared_methods import DRIVEN, DRIVER, PLATE, RENDERED_METHODS
from ofx_reenact.evaluate.plates.pair_statistics import Summary
from ofx_reenact.evaluate.plates.promised_ranges import (
    IDENTITY,
    JITTER,
    LOWEST,
    OF_PAIRS,
    Quantity,
    correlation_of,
    slope_of,
)

_PROMISED_COLOUR = "#1a8a5a"
# Pairs whose curves are drawn.
_CURVE_PAIRS = 3


def draw_all(summary: Summary) -> dict[str, str]:
    """Draw every plot: title → SVG."""
    with drawing_style():
        drawn = {
            "Every pair (a dot), and what is promised (green)": draw_pairs(summary),
            "Plates and drivers": draw_matrix(summary),
        }
        if curves := summary.sorted_by(correlation_of(OPENING)):
            drawn[
                "Lips and lids by frame, each minus its mean: the pairs whose lip opening has the lowest, the median "
                "and the highest correlation"
            ] = draw_curves(_first_middle_last(curves))
        return {title: to_svg(figure) for title, figure in drawn.items()}


def draw_pairs(summary: Summary) -> Any:
    """Draw each quantity with its promised range: one row per method, one dot per pair."""
    shown = [q for q in OF_PAIRS if q.promise and not q.promise.every_pair] + [LOWEST]
    shown = [q for q in shown if q.name in summary.rows[DRIVEN]]
    methods = [method for method in RENDERED_METHODS if method in summary.rows]
    figure, boxes = new_figure(-(-len(shown) // 3), 3, 11, 1.9 * -(-len(shown) // 3), len(shown))
    for box, quantity in zip(boxes.flat, shown, strict=False):
        low, high = _shade_promise(box, quantity)
        for place, (method, colour) in enumerate(zip(methods, COLOURS[2:], strict=False)):
            values = np.array(list(summary.rows[method][quantity.name].pairs.values()))
            known = np.sort(values[np.isfinite(values)])
            # Shifted by rank, so that dots do not hide each other; the shift has no other meaning.
            offset = np.linspace(-0.28, 0.28, len(known)) if len(known) > 1 else np.zeros(len(known))
            box.plot(known, place + offset, "o", ms=3, color=colour, alpha=0.75)
            if len(known):
                box.plot([known.mean()] * 2, [place - 0.36, place + 0.36], color="black", lw=1)
                low, high = min(low, known[0]), max(high, known[-1])
        if low < high:
            box.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))
        box.set_yticks(range(len(methods)), methods)
        box.invert_yaxis()
        box.set_title(quantity.name, fontsize=9)
    return figure


def draw_matrix(summary: Summary) -> Any:
    """Draw four quantities as tables of plates (rows) and drivers (columns)."""
    wanted = [correlation_of(OPENING), slope_of(OPENING), JITTER, IDENTITY]
    shown = [quantity for quantity in wanted if quantity.name in summary.rows[DRIVEN]]
    plates, drivers = summary.plates, summary.drivers
    width, height = max(9, 1.6 + 0.55 * len(drivers) * 2 + 3), 2 * (1.6 + 0.3 * len(plates))
    figure, boxes = new_figure(2, 2, width, height, len(shown))
    for box, quantity in zip(boxes.flat, shown, strict=False):
        table = np.full((len(plates), len(drivers)), np.nan)
        for result in summary.pairs:
            row, column = plates.index(result.target), drivers.index(result.driver)
            table[row, column] = summary.rows[DRIVEN][quantity.name].pairs[result.name]
        box.imshow(table, cmap="viridis" if quantity is not JITTER else "viridis_r", aspect="auto")
        for (row, column), value in np.ndenumerate(table):
            if np.isfinite(value):
                missed = quantity.promise is not None and quantity.promise.distance_outside(value) > 0
                kind = {"weight": "bold", "color": "#c00000"} if missed else {"color": "black"}
                box.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, **kind,
                         bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1})  # fmt: skip
        box.grid(visible=False)
        box.set_xticks(range(len(drivers)), drivers, rotation=45, ha="right", fontsize=7)
        box.set_yticks(range(len(plates)), plates, fontsize=7)
        promised = f" (promised {quantity.promise}; red: missed)" if quantity.promise else ""
        box.set_title(f"{quantity.name}{promised}; rows: plates, columns: drivers", fontsize=8)
    return figure


def draw_curves(results: Sequence[PairResult]) -> Any:
    """Draw the curves of plate, driver and result by frame: one column per pair."""
    figure, boxes = new_figure(len(CURVES), len(results), 3.9 * len(results), 1.7 * len(CURVES))
    lines = ((PLATE, "#b0b0b0", 1.0), (DRIVER, "#c98500", 1.6), (DRIVEN, "#2a78b5", 1.2))
    for column, result in enumerate(results):
        for box, curve in zip(boxes[:, column], CURVES, strict=True):
            for name, colour, width in lines:
                values = result.values[name][curve]
                box.plot(result.frames, values - np.nanmean(values), color=colour, lw=width, label=name)
            correlation = float(result.values[DRIVEN][correlation_of(curve).name][0])
            slope = float(result.values[DRIVEN][slope_of(curve).name][0])
            numbers = f"r {correlation:.2f}, slope {slope:.2f}" if np.isfinite(correlation) else "driver does not blink"
            pair = f"{result.target} driven by {result.driver}\n" if curve == CURVES[0] else ""
            box.set_title(f"{pair}{curve}: {numbers}", fontsize=8)
    boxes[0, 0].legend(fontsize=7)
    return figure


def _first_middle_last(results: Sequence[PairResult]) -> list[PairResult]:
    """Return the first, the middle and the last result."""
    rows = dict.fromkeys(np.linspace(0, len(results) - 1, _CURVE_PAIRS).round().astype(int).tolist())
    return [results[row] for row in rows]


def _shade_promise(box: Any, quantity: Quantity) -> tuple[float, float]:
    """Shade the promised range; return its finite ends."""
    if quantity.promise is None:
        return np.inf, -np.inf
    low, high = quantity.promise.low, quantity.promise.high
    box.axvspan(max(low, -10), min(high, 10), color=_PROMISED_COLOUR, alpha=0.12, lw=0)
    ends = [end for end in (low, high) if np.isfinite(end)]
    return min(ends), max(ends)
