"""An evaluation of targets that move as one page that stands alone: no script, nothing that is fetched."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from html import escape

from ofx_reenact.evaluate.metrics.following import OPENING
from ofx_reenact.evaluate.moving.methods import DRIVEN, DRIVER, OURS, PLATE, SELF
from ofx_reenact.evaluate.moving.plots import draw_all
from ofx_reenact.evaluate.moving.quantities import OF_PAIRS, OF_SELF, Quantity, correlation_of
from ofx_reenact.evaluate.moving.summary import Cell, Summary
from ofx_reenact.evaluate.reenactment.markup import bullets, document, grid, picture
from ofx_reenact.evaluate.reenactment.result import PairResult

# Pairs on the contact sheet: the worst ones.
PAIRS_SHOWN = 8
KEPT, MISSED = "kept", "MISSED"


def page(summary: Summary, command: str, settings: Sequence[str], show: str) -> str:
    """Write the page; ``settings`` are lines that say what else the numbers depend on.

    Pictures are shown of pairs whose names match ``show``.
    """
    parts = [
        "<h1>Reenactment measured: plates that are driven by other clips</h1>",
        _measured(summary, command, settings),
        _promised(summary),
        _beside(summary),
        *(
            f"<h2>{escape(title)}</h2>{picture(svg.encode(), 'svg+xml', 'plot', 'plot')}"
            for title, svg in draw_all(summary).items()
        ),
        _sheet(summary, show),
        _definitions(summary),
    ]
    return document("reenactment measured, moving", parts)


def promised_rows(summary: Summary) -> list[list[str]]:
    """Return a row for each quantity that something is promised of: name, mean, worst pair, promise, pairs, mark."""
    rows = []
    for method, quantities in ((DRIVEN, OF_PAIRS), (SELF, OF_SELF)):
        for quantity in quantities:
            cell = summary.rows[method].get(quantity.name)
            if quantity.promise is None or cell is None:
                continue
            name = f"{SELF}: {quantity.name}" if method == SELF else quantity.name
            # With spaces, so that a narrow table breaks names and does not cut them.
            worst = f"{digits(cell.worst_value, quantity)} {cell.worst.replace('__', ' by ')}" if cell.worst else "–"
            kept = f"{cell.kept} of {cell.mean.pairs}" if cell.mean.pairs else "–"
            mark = "–" if not cell.mean.pairs else MISSED if cell.missed else KEPT
            rows.append([name, shown(cell, quantity), worst, str(quantity.promise), kept, mark])
    return rows


HEADINGS = ("", "mean", "worst pair", "promised", "pairs that keep it", "")


def beside_rows(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of every quantity by every way to drive a plate."""
    methods = [method for method in OURS if method in summary.rows]
    quantities = [q for q in OF_PAIRS if q.name in summary.rows[DRIVEN]]
    rows = [[q.name, *(shown(summary.rows[method][q.name], q) for method in methods)] for q in quantities]
    return ["", *methods], rows


def shown(cell: Cell, quantity: Quantity) -> str:
    """Write a mean with its interval, as tables do."""
    mean = cell.mean
    if not math.isfinite(mean.value):
        return "–"
    return digits(mean.value, quantity) + (
        f" ±{digits(mean.interval, quantity)}" if math.isfinite(mean.interval) else ""
    )


def digits(value: float, quantity: Quantity) -> str:
    """Write a number; what rounds to 0 has no sign."""
    return f"{round(value, quantity.digits) + 0.0:.{quantity.digits}f}"


def _measured(summary: Summary, command: str, settings: Sequence[str]) -> str:
    lines = [
        f"{len(summary.pairs)} pairs: {len(summary.plates)} plates ({', '.join(summary.plates)}), "
        f"{len(summary.drivers)} drivers ({', '.join(summary.drivers)}); {summary.frames} frames, each rendered in "
        "every way.",
        *settings,
    ]
    return (
        "<h2>What was measured</h2><p>Each plate, a clip of a person, does what another clip's person does. The result "
        f"is tracked as plate and driver were.</p>{bullets([escape(line) for line in lines])}"
        f"<p>Made by</p><pre>{escape(command)}</pre>"
    )


def _promised(summary: Summary) -> str:
    rows = [[*HEADINGS]]
    for *cells, mark in promised_rows(summary):
        rows.append([*map(escape, cells), f"<b>{mark}</b>" if mark == MISSED else mark])
    return (
        "<h2>What is promised, and what is kept</h2><p>Means of pairs ± half a 95 % interval, which comes from leaving "
        "out one plate, and one driver, at a time. A promise is missed where the mean is outside its range; those of "
        f"pixels are missed where any pair's are.</p>{grid(rows)}"
    )


def _beside(summary: Summary) -> str:
    headings, rows = beside_rows(summary)
    itself = [["", SELF]] + [
        [escape(q.name), shown(summary.rows[SELF][q.name], q)] for q in OF_SELF if q.name in summary.rows[SELF]
    ]
    return (
        f"<h2>Every number</h2>{grid([[*map(escape, row)] for row in (headings, *rows)])}"
        f"<h3>A plate that its own performance drives</h3>{grid(itself)}"
    )


def _sheet(summary: Summary, show: str) -> str:
    """A row a pair, the worst first: plate, driver, and each way to drive the plate, in three moments."""
    ordered: list[PairResult] = summary.by(correlation_of(OPENING))
    allowed = [result for result in ordered if fnmatch.fnmatchcase(result.name, show)][:PAIRS_SHOWN]
    if not allowed:
        return ""
    columns = [name for name in (PLATE, DRIVER, *OURS) if name in allowed[0].pictures]
    rows = [["", *map(escape, columns)]]
    for result in allowed:
        number = summary.rows[DRIVEN][correlation_of(OPENING).name].pairs[result.name]
        head = f"{escape(result.target)} driven by {escape(result.driver)}: {number:.2f}"
        rows.append([head, *(picture(result.pictures[name], "jpeg", escape(name)) for name in columns)])
    return (
        f"<h2>Contact sheet</h2><p>The {len(allowed)} pairs whose lip opening follows least, of those that may be "
        "shown; from the top: the driver's lips widest open, its lids most shut, its lips most shut.</p>"
        f"{grid(rows, 'sheet')}"
    )


def _definitions(summary: Summary) -> str:
    rows = [["", "what it is", "unit", "promised", "made with"]]
    for q in dict.fromkeys((*OF_PAIRS, *OF_SELF)):
        if q.name in summary.backends:
            promise = str(q.promise) if q.promise else "–"
            rows.append([*map(escape, (q.name, q.says, q.unit, promise, summary.backends[q.name]))])
    return f"<h2>What each number is</h2>{grid(rows, 'words')}"
