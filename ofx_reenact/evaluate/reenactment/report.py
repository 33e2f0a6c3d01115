"""An evaluation as one page that stands alone: no script, nothing that is fetched."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from html import escape

from ofx_reenact.evaluate.metrics import displacement, identity, motion, pixels
from ofx_reenact.evaluate.metrics.distribution import Extractor
from ofx_reenact.evaluate.metrics.gain import correlation_metric, gain_metric
from ofx_reenact.evaluate.metrics.scores import Estimate, Metric
from ofx_reenact.evaluate.reenactment.arrival import at_the_same_gain, group_rows, in_words, region_rows
from ofx_reenact.evaluate.reenactment.markup import bullets, document, grid, picture
from ofx_reenact.evaluate.reenactment.methods import CARRIED, COPIED, LDNET, PORTRAIT, STILL, UNCALIBRATED
from ofx_reenact.evaluate.reenactment.plots import draw_all
from ofx_reenact.evaluate.reenactment.published import CAUTION, TABLES
from ofx_reenact.evaluate.reenactment.strengths import Curves
from ofx_reenact.evaluate.reenactment.summary import GROUPS, Summary
from ofx_reenact.training.fdgan.score import evenly

# Pairs on the contact sheet, evenly chosen.
PAIRS_SHOWN = 8


def page(summary: Summary, extractor: Extractor | None, command: str, settings: Sequence[str], show: str) -> str:
    """Write the page; ``settings`` are lines that say what else the numbers depend on.

    Set distances are left out without an extractor; pictures are shown of pairs whose names match ``show``.
    """
    sets = () if extractor is None else (extractor.frechet, extractor.kernel)
    parts = [
        f"<h1>Reenactment measured: protocol {summary.protocol}</h1>",
        _measured(summary, command, settings),
        _in_words(summary),
        _arrival(summary),
        _paper_tables(summary, sets[:1]),
        _all_numbers(summary, sets),
        *(
            f"<h2>{escape(title)}</h2>{picture(svg.encode(), 'svg+xml', 'plot', 'plot')}"
            for title, svg in draw_all(summary).items()
        ),
        _sheet(summary, show),
        _published(),
        _definitions(summary),
    ]
    return document(f"reenactment measured, {summary.protocol}", parts)


def _measured(summary: Summary, command: str, settings: Sequence[str]) -> str:
    what = {
        "self": "A frame of each clip is the target; the clip's other frames drive it and are the truth.",
        "cross": "Pictures of people are driven by clips of other people. There is no truth, so nothing here "
        "says how near a frame comes to one.",
    }[summary.protocol]
    lines = [
        f"{len(summary.results)} pairs: {len(summary.targets)} targets, {len(summary.drivers)} drivers "
        f"({', '.join(summary.drivers)}); {summary.frames} driver frames, each rendered by every method.",
        *settings,
    ]
    backends: dict[str, list[str]] = {}
    for name, backend in summary.backends.items():
        backends.setdefault(backend, []).append(name)
    made = [f"{', '.join(names)}: <b>{escape(backend)}</b>" for backend, names in backends.items()]
    listed = bullets([escape(line) for line in lines])
    return (
        f"<h2>What was measured</h2><p>{what}</p>{listed}<p>By what:</p>{bullets(made)}"
        f"<p>Made by</p><pre>{escape(command)}</pre>"
    )


def _in_words(summary: Summary) -> str:
    """Say what the tables show, and no more than their intervals let one say."""
    lines = [_about(summary, method) for method in (CARRIED, PORTRAIT) if method in summary.rows]
    lines += map(escape, in_words(summary))
    lines += [
        _compared(summary, other, metric)
        for other, metric in (
            (COPIED, gain_metric()), (LDNET, gain_metric()), (UNCALIBRATED, gain_metric()), (PORTRAIT, gain_metric()),
            (STILL, motion.ED), (COPIED, motion.ED), (LDNET, motion.ED), (PORTRAIT, motion.ED),
            (STILL, motion.CHANGE), (COPIED, motion.CHANGE), (PORTRAIT, motion.CHANGE), (COPIED, identity.ISIM),
            (PORTRAIT, identity.ISIM), (STILL, pixels.SSIM), (COPIED, pixels.SSIM), (PORTRAIT, pixels.SSIM),
        )
    ]  # fmt: skip
    return f"<h2>In short</h2>{bullets([line for line in lines if line])}"


def _about(summary: Summary, method: str) -> str:
    row = summary.rows[method]
    metrics = (identity.ISIM, motion.CHANGE, motion.ED, pixels.SSIM, pixels.SHARPNESS)
    said = [f"{m.name} {_shown(row[m.name], m)}" for m in metrics if m.name in row]
    return f"<b>{method}</b>: {'; '.join(said)}."


def _compared(summary: Summary, other: str, metric: Metric) -> str:
    """Compare profile warp with another method in a metric, in words."""
    apart = summary.differences.get(other, {}).get(metric.name)
    if apart is None or not math.isfinite(apart.value):
        return ""
    size = f"{_digits(abs(apart.value), metric)} ±{_digits(apart.interval, metric)}, {apart.pairs} pairs"
    if not abs(apart.value) > apart.interval:
        return f"{metric.name}: no difference shown between profile warp and {other} ({size})."
    # What is best at a value is neither better nor worse for being more.
    more, less = {"high": ("better", "worse"), "low": ("worse", "better")}.get(metric.best, ("higher", "lower"))
    return f"{metric.name}: profile warp is {more if apart.value < 0 else less} than {other}, by {size}."


def _arrival(summary: Summary) -> str:
    """Say what arrives of the driver's expression, and whether the retargeting or the picture loses the rest."""
    parts = [
        "<h2>How much of the performance arrives</h2><p>Gain / correlation of what the face does within a clip, means "
        "of pairs; 1 / 1 arrives whole. Pairs whose driver does not use a group have no value for it. Intervals are "
        "under Every number.</p>"
    ]
    for title, (headings, rows) in (
        ("Blendshapes: the result's beside the driver's", group_rows(summary)),
        ("Landmarks: asked beside the driver's; rendered, tracked again, beside what was asked", region_rows(summary)),
    ):
        parts.append(f"<h3>{title}</h3>{grid([[*map(escape, row)] for row in (headings, *rows)])}")
    if summary.curves is not None:
        said = escape(at_the_same_gain(summary))
        parts.append(f"<h3>Identity over gain</h3><p>{said}</p>{_strengths(summary.curves)}")
    return "".join(parts)


def _strengths(curves: Curves) -> str:
    rows = [["", "strength", gain_metric().name, identity.ISIM.name]]
    for method, points in curves.points.items():
        for point in points:
            numbers = (point.gain, gain_metric()), (point.identity, identity.ISIM)
            rows.append([escape(method), f"{point.strength:g}", *(_cell(*number) for number in numbers)])
    return grid(rows)


def _paper_tables(summary: Summary, sets: Sequence[Metric]) -> str:
    isim, psim, ed = identity.ISIM, motion.PSIM, motion.ED
    tables = (
        ("Table 2 in shape: where the landmarks come from", (COPIED, LDNET, UNCALIBRATED), (isim, psim, ed)),
        ("Table 3 in shape: the network that draws", (PORTRAIT, CARRIED), (isim, pixels.SSIM, *sets)),
        ("Table 4 in shape: methods", (STILL, COPIED, LDNET, UNCALIBRATED, PORTRAIT, CARRIED), (isim, psim, ed, *sets)),
    )
    rendered = tuple(method for method in summary.rows if method.startswith("rendered"))
    return "<h2>The paper's tables, in shape</h2>" + "".join(
        f"<h3>{title}</h3>{_table(summary, (*methods, *(rendered if index == 2 else ())), metrics)}"
        for index, (title, methods, metrics) in enumerate(tables)
    )


def _all_numbers(summary: Summary, sets: Sequence[Metric]) -> str:
    groups: tuple[tuple[str, tuple[Metric, ...]], ...] = (
        ("Identity and appearance", (identity.ISIM, identity.REST, *sets)),
        ("Nearness to the truth", (pixels.SSIM, pixels.PSNR, pixels.FEATURES)),
        ("Head", (motion.PSIM, motion.ROTATION, motion.CHANGE, motion.PUMPING)),
        ("Expression", (motion.ED, *(motion.region_metric(region) for region in motion.REGIONS))),
        ("Gain of blendshapes", tuple(map(gain_metric, GROUPS))),
        ("Correlation of blendshapes", tuple(map(correlation_metric, GROUPS))),
        *(
            (f"Landmarks {way}, gain and correlation", tuple(
                make(region, way) for region in displacement.REGIONS
                for make in (displacement.gain_metric, displacement.correlation_metric)
            ))
            for way in (displacement.ASKED, displacement.RENDERED)
        ),
        ("Steadiness and sharpness", (motion.JITTER, pixels.REST, pixels.SHARPNESS)),
    )
    known = {metric.name for _, metrics in groups for metric in metrics}
    rest = tuple(metric for name, metric in summary.metrics.items() if name not in known)
    tables = [
        f"<h3>{title}</h3>{_table(summary, summary.methods, metrics)}"
        for title, metrics in (*groups, ("Tracked", rest))
        if any(metric.name in summary.metrics for metric in metrics)
    ]
    note = (
        "<p>Means of pairs ± half a 95 % interval, and beneath how many pairs and values they are of. The interval "
        "comes from leaving out one target, and one driver, at a time: pairs that share one are not independent.</p>"
    )
    return f"<h2>Every number</h2>{note}{''.join(tables)}"


def _table(summary: Summary, methods: Sequence[str], metrics: Sequence[Metric]) -> str:
    rows = [["", *(f"{escape(m.name)} {_ARROWS[m.best]}{_small(_backend(summary, m))}" for m in metrics)]]
    # A row of dashes says nothing: who has none of these numbers is left out.
    for method in (one for one in methods if any(m.name in summary.rows.get(one, {}) for m in metrics)):
        numbers = [summary.rows[method].get(m.name) for m in metrics]
        rows.append([escape(method), *(_cell(e, m) for e, m in zip(numbers, metrics, strict=True))])
    return grid(rows)


def _sheet(summary: Summary, show: str) -> str:
    """A row a pair: target, the driver's frame, and each method's."""
    allowed = evenly([r for r in summary.results if fnmatch.fnmatchcase(r.name, show)], PAIRS_SHOWN)
    if not allowed:
        return ""
    rows = [["", *map(escape, allowed[0].pictures)]]
    for result in allowed:
        middle = result.frames[len(result.frames) // 2]
        shown = (picture(content, "jpeg", escape(name)) for name, content in result.pictures.items())
        rows.append([f"{escape(result.target)}, {escape(result.driver)} frame {middle}", *shown])
    return (
        f"<h2>Contact sheet</h2><p>{len(allowed)} of {len(summary.results)} pairs, evenly chosen of those that may be "
        f"shown, not by looks; each pair's middle frame, in the window that is measured.</p>{grid(rows, 'sheet')}"
    )


def _published() -> str:
    tables = (
        f"<h3>{escape(title)}</h3>{grid([[*map(escape, row)] for row in rows])}" for title, rows in TABLES.items()
    )
    return f"<details><summary>What the paper printed</summary><p>{escape(CAUTION)}</p>{''.join(tables)}</details>"


def _definitions(summary: Summary) -> str:
    rows = [["", "what it is", "unit", "best", "made with"]]
    for name, m in summary.metrics.items():
        rows.append([escape(name), escape(m.says), escape(m.unit), _BEST[m.best], escape(summary.backends[name])])
    return f"<h2>What each number is</h2>{grid(rows, 'words')}"


_BEST = {"high": "high", "low": "low", "0": "near 0", "1": "near 1"}
_ARROWS = {"high": "↑", "low": "↓", "0": "→0", "1": "→1"}


def _backend(summary: Summary, metric: Metric) -> str:
    return escape(summary.backends.get(metric.name, "not measured"))


def _cell(number: Estimate | None, metric: Metric) -> str:
    if number is None or not math.isfinite(number.value):
        return "–"
    return _shown(number, metric) + _small(f"{number.pairs} pairs, {number.frames}")


def _shown(number: Estimate, metric: Metric) -> str:
    sure = f" <i>±{_digits(number.interval, metric)}</i>" if math.isfinite(number.interval) else ""
    return _digits(number.value, metric) + sure


def _digits(value: float, metric: Metric) -> str:
    places = 2 if metric.unit in ("dB", "degrees", "%", "levels of 255") else 3
    # Rounded first, so that what rounds to 0 has no sign.
    return f"{round(value, places) + 0.0:.{places}f}"


def _small(text: str) -> str:
    return f"<small>{text}</small>"
