"""The report page of an evaluation of plates: one HTML file without scripts, which loads nothing."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from html import escape

from ofx_reenact.evaluate.metrics.lips_and_lids import OPENING
from ofx_reenact.evaluate.metrics.scores import format_estimate, format_number
from ofx_reenact.evaluate.page.html import bullets, document, picture, table
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.plates.compared_methods import DRIVEN, DRIVER, PLATE, RENDERED_METHODS, SELF
from ofx_reenact.evaluate.plates.pair_statistics import Cell, Summary
from ofx_reenact.evaluate.plates.promised_ranges import OF_PAIRS, OF_SELF, Quantity, correlation_of
from ofx_reenact.evaluate.plates.report_plots import draw_all

# Pairs on the contact sheet.
PAIRS_SHOWN = 8
KEPT, MISSED = "kept", "MISSED"


def make_page(summary: Summary, command: str, notes: Sequence[str], show: str) -> str:
    """Return the page as HTML.

    Args:
        summary: the numbers.
        command: the command line that made the numbers.
        notes: lines on what else the numbers depend on.
        show: pattern; only pictures of pairs whose names match are shown.
    """
    parts = [
        "<h1>Reenactment measured: plates that are driven by other clips</h1>",
        _what_was_measured(summary, command, notes),
        _promises(summary),
        _all_numbers(summary),
        *(
            f"<h2>{escape(title)}</h2>{picture(svg.encode(), 'svg+xml', 'plot', 'plot')}"
            for title, svg in draw_all(summary).items()
        ),
        _sheet(summary, show),
        _definitions(summary),
    ]
    return document("reenactment measured, moving", parts)


def promised_rows(summary: Summary) -> list[list[str]]:
    """Return a row for each promised quantity: name, mean, worst pair, promise, pairs that keep it, kept or missed."""
    rows = []
    for method, quantities in ((DRIVEN, OF_PAIRS), (SELF, OF_SELF)):
        for quantity in quantities:
            cell = summary.rows[method].get(quantity.name)
            if quantity.promise is None or cell is None:
                continue
            name = f"{SELF}: {quantity.name}" if method == SELF else quantity.name
            # With spaces, so that a narrow table breaks names instead of cutting them.
            value, pair = format_number(cell.worst_value, quantity.places), cell.worst.replace("__", " by ")
            worst = f"{value} {pair}" if cell.worst else "–"
            kept = f"{cell.kept} of {cell.mean.pairs}" if cell.mean.pairs else "–"
            verdict = "–" if not cell.mean.pairs else MISSED if cell.missed else KEPT
            rows.append([name, format_cell(cell, quantity), worst, str(quantity.promise), kept, verdict])
    return rows


HEADINGS = ("", "mean", "worst pair", "promised", "pairs that keep it", "")


def all_rows(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of all numbers: one row per quantity, one column per method."""
    methods = [method for method in RENDERED_METHODS if method in summary.rows]
    quantities = [q for q in OF_PAIRS if q.name in summary.rows[DRIVEN]]
    rows = [[q.name, *(format_cell(summary.rows[method][q.name], q) for method in methods)] for q in quantities]
    return ["", *methods], rows


def format_cell(cell: Cell, quantity: Quantity) -> str:
    """Write a mean with its interval; a dash if there is none."""
    return format_estimate(cell.mean, quantity.places) if math.isfinite(cell.mean.value) else "–"


def _what_was_measured(summary: Summary, command: str, notes: Sequence[str]) -> str:
    lines = [
        f"{len(summary.pairs)} pairs: {len(summary.plates)} plates ({', '.join(summary.plates)}), "
        f"{len(summary.drivers)} drivers ({', '.join(summary.drivers)}); {summary.frames} frames, each rendered by "
        "every method.",
        *notes,
    ]
    return (
        "<h2>What was measured</h2><p>Each plate, a clip of a person, is driven by a clip of another person. The "
        f"result is tracked as plate and driver were.</p>{bullets([escape(line) for line in lines])}"
        f"<p>Made by</p><pre>{escape(command)}</pre>"
    )


def _promises(summary: Summary) -> str:
    rows = [[*HEADINGS]]
    for *cells, verdict in promised_rows(summary):
        rows.append([*map(escape, cells), f"<b>{verdict}</b>" if verdict == MISSED else verdict])
    return (
        "<h2>Promises kept and missed</h2><p>Means of pairs ± half a 95 % interval, which comes from leaving out one "
        "plate, and one driver, at a time. A promise is missed if the mean is outside its range; promises about pixels "
        f"are missed if any pair is.</p>{table(rows)}"
    )


def _all_numbers(summary: Summary) -> str:
    headings, rows = all_rows(summary)
    self_driven = [["", SELF]] + [
        [escape(q.name), format_cell(summary.rows[SELF][q.name], q)] for q in OF_SELF if q.name in summary.rows[SELF]
    ]
    return (
        f"<h2>Every number</h2>{table([[*map(escape, row)] for row in (headings, *rows)])}"
        f"<h3>A plate that is driven by its own performance</h3>{table(self_driven)}"
    )


def _sheet(summary: Summary, show: str) -> str:
    """Show one row per pair, the worst first: plate, driver and each method, in three frames."""
    ordered: list[PairResult] = summary.sorted_by(correlation_of(OPENING))
    allowed = [result for result in ordered if fnmatch.fnmatchcase(result.name, show)][:PAIRS_SHOWN]
    if not allowed:
        return ""
    columns = [name for name in (PLATE, DRIVER, *RENDERED_METHODS) if name in allowed[0].pictures]
    rows = [["", *map(escape, columns)]]
    for result in allowed:
        correlation = summary.rows[DRIVEN][correlation_of(OPENING).name].pairs[result.name]
        head = f"{escape(result.target)} driven by {escape(result.driver)}: {correlation:.2f}"
        rows.append([head, *(picture(result.pictures[name], "jpeg", escape(name)) for name in columns)])
    return (
        f"<h2>Contact sheet</h2><p>The {len(allowed)} pairs with the lowest correlation of the lip opening, of those "
        "that may be shown; from the top: the driver's lips most open, its lids most shut, its lips most shut.</p>"
        f"{table(rows, 'sheet')}"
    )


def _definitions(summary: Summary) -> str:
    rows = [["", "what it is", "unit", "promised", "made with"]]
    for q in dict.fromkeys((*OF_PAIRS, *OF_SELF)):
        if q.name in summary.backends:
            promise = str(q.promise) if q.promise else "–"
            rows.append([*map(escape, (q.name, q.description, q.unit, promise, summary.backends[q.name]))])
    return f"<h2>What each number is</h2>{table(rows, 'words')}"
