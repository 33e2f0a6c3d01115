"""Plots of an evaluation of targets that move: every pair's numbers, who drives whom, curves by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ofx_reenact.evaluate.metrics.following import CURVES, OPENING
from ofx_reenact.evaluate.moving.methods import DRIVEN, DRIVER, OURS, PLATE
from ofx_reenact.evaluate.moving.quantities import (
    IDENTITY,
    JITTER,
    LOWEST,
    OF_PAIRS,
    Quantity,
    correlation_of,
    slope_of,
)
from ofx_reenact.evaluate.moving.summary import Summary
from ofx_reenact.evaluate.reenactment.plots import COLOURS, new_figure, svg_of
from ofx_reenact.evaluate.reenactment.result import PairResult

_GREEN = "#1a8a5a"
# Pairs whose curves are drawn.
_DRAWN = 3


def draw_all(summary: Summary) -> dict[str, str]:
    """Draw every plot: title → SVG."""
    import matplotlib

    matplotlib.use("Agg")
    # The same numbers give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "ofx-reenact", "svg.fonttype": "none", "font.size": 9}):
        drawn = {
            "Every pair (a dot), and what is promised (green)": draw_pairs(summary),
            "Who drives whom": draw_matrix(summary),
        }
        if curves := summary.by(correlation_of(OPENING)):
            drawn[
                "Lips and lids by frame, each less its mean: of all pairs the one whose lip opening follows least, the "
                "middle one, the one that follows best"
            ] = draw_curves(_spread(curves))
        return {title: svg_of(figure) for title, figure in drawn.items()}


def draw_pairs(summary: Summary) -> Any:
    """Every pair's number by every method, quantity by quantity, with the range that is promised."""
    shown = [q for q in OF_PAIRS if q.promise and not q.promise.everywhere] + [LOWEST]
    shown = [q for q in shown if q.name in summary.rows[DRIVEN]]
    methods = [method for method in OURS if method in summary.rows]
    figure, boxes = new_figure(-(-len(shown) // 3), 3, 11, 1.9 * -(-len(shown) // 3), len(shown))
    for box, quantity in zip(boxes.flat, shown, strict=False):
        low, high = _place_promise(box, quantity)
        for place, (method, colour) in enumerate(zip(methods, COLOURS[2:], strict=False)):
            values = np.array(list(summary.rows[method][quantity.name].pairs.values()))
            known = np.sort(values[np.isfinite(values)])
            # Side by side by rank, so that dots do not hide each other; the order says nothing else.
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
    """Four quantities as a table of plates and drivers."""
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
                missed = quantity.promise is not None and quantity.promise.miss(value) > 0
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
    """Openings of plate, driver and result by frame, a column a pair."""
    figure, boxes = new_figure(len(CURVES), len(results), 3.9 * len(results), 1.7 * len(CURVES))
    lines = ((PLATE, "#b0b0b0", 1.0), (DRIVER, "#c98500", 1.6), (DRIVEN, "#2a78b5", 1.2))
    for column, result in enumerate(results):
        for box, curve in zip(boxes[:, column], CURVES, strict=True):
            for who, colour, width in lines:
                values = result.values[who][curve]
                box.plot(result.frames, values - np.nanmean(values), color=colour, lw=width, label=who)
            correlation = float(result.values[DRIVEN][correlation_of(curve).name][0])
            slope = float(result.values[DRIVEN][slope_of(curve).name][0])
            said = f"r {correlation:.2f}, slope {slope:.2f}" if np.isfinite(correlation) else "driver does not blink"
            above = f"{result.target} driven by {result.driver}\n" if curve == CURVES[0] else ""
            box.set_title(f"{above}{curve}: {said}", fontsize=8)
    boxes[0, 0].legend(fontsize=7)
    return figure


def _spread(results: Sequence[PairResult]) -> list[PairResult]:
    """First, middle and last."""
    rows = dict.fromkeys(np.linspace(0, len(results) - 1, _DRAWN).round().astype(int).tolist())
    return [results[row] for row in rows]


def _place_promise(box: Any, quantity: Quantity) -> tuple[float, float]:
    """Shade what is promised; return the ends of it that are to be seen."""
    if quantity.promise is None:
        return np.inf, -np.inf
    low, high = quantity.promise.low, quantity.promise.high
    box.axvspan(max(low, -10), min(high, 10), color=_GREEN, alpha=0.12, lw=0)
    ends = [end for end in (low, high) if np.isfinite(end)]
    return min(ends), max(ends)
