"""The report page of an evaluation of stills: one HTML file without scripts, which loads nothing."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from html import escape

from ofx_reenact.evaluate.metrics import identity, landmark_gain, motion, pixels
from ofx_reenact.evaluate.metrics.distribution import FeatureExtractor
from ofx_reenact.evaluate.metrics.gain import correlation_metric, gain_metric
from ofx_reenact.evaluate.metrics.scores import Estimate, Metric, format_number
from ofx_reenact.evaluate.page.html import bullets, document, picture, table
from ofx_reenact.evaluate.stills.compared_methods import (
    COPIED,
    LDNET,
    PORTRAIT_PROFILE,
    UNCALIBRATED,
    UNCHANGED,
    WARP_PROFILE,
)
from ofx_reenact.evaluate.stills.gain_tables import group_rows, identity_sentence, region_rows, summary_sentences
from ofx_reenact.evaluate.stills.identity_over_gain import Curves
from ofx_reenact.evaluate.stills.pair_statistics import GROUPS, Summary
from ofx_reenact.evaluate.stills.paper_tables import CAUTION, TABLES
from ofx_reenact.evaluate.stills.report_plots import draw_all
from ofx_reenact.training.fdgan.score import evenly

# Pairs on the contact sheet.
PAIRS_SHOWN = 8


def make_page(
    summary: Summary, extractor: FeatureExtractor | None, command: str, notes: Sequence[str], show: str
) -> str:
    """Return the page as HTML.

    Args:
        summary: the numbers.
        extractor: the network of the distances of sets, which are left out without one.
        command: the command line that made the numbers.
        notes: lines on what else the numbers depend on.
        show: pattern; only pictures of pairs whose names match are shown.
    """
    sets = () if extractor is None else (extractor.frechet, extractor.kernel)
    parts = [
        f"<h1>Reenactment measured: protocol {summary.protocol}</h1>",
        _what_was_measured(summary, command, notes),
        _in_short(summary),
        _gains(summary),
        _paper_tables(summary, sets[:1]),
        _all_numbers(summary, sets),
        *(
            f"<h2>{escape(title)}</h2>{picture(svg.encode(), 'svg+xml', 'plot', 'plot')}"
            for title, svg in draw_all(summary).items()
        ),
        _sheet(summary, show),
        _paper_numbers(),
        _definitions(summary),
    ]
    return document(f"reenactment measured, {summary.protocol}", parts)


def _what_was_measured(summary: Summary, command: str, notes: Sequence[str]) -> str:
    what = {
        "self": "A frame of each clip is the target; the clip's other frames drive it and are the truth.",
        "cross": "Pictures of people are driven by clips of other people. There is no truth, so no number here tells "
        "how near a frame comes to it.",
    }[summary.protocol]
    lines = [
        f"{len(summary.results)} pairs: {len(summary.targets)} targets, {len(summary.drivers)} drivers "
        f"({', '.join(summary.drivers)}); {summary.frames} driver frames, each rendered by every method.",
        *notes,
    ]
    backends: dict[str, list[str]] = {}
    for name, backend in summary.backends.items():
        backends.setdefault(backend, []).append(name)
    made_by = [f"{', '.join(names)}: <b>{escape(backend)}</b>" for backend, names in backends.items()]
    listed = bullets([escape(line) for line in lines])
    return (
        f"<h2>What was measured</h2><p>{what}</p>{listed}<p>Networks and methods behind the numbers:</p>"
        f"{bullets(made_by)}"
        f"<p>Made by</p><pre>{escape(command)}</pre>"
    )


def _in_short(summary: Summary) -> str:
    """Write what the tables show, as far as their intervals allow."""
    profiles = WARP_PROFILE, PORTRAIT_PROFILE
    lines = [_profile_sentence(summary, profile) for profile in profiles if profile in summary.rows]
    lines += map(escape, summary_sentences(summary))
    lines += [
        _difference_sentence(summary, other, metric)
        for other, metric in (
            (COPIED, gain_metric()), (LDNET, gain_metric()), (UNCALIBRATED, gain_metric()),
            (PORTRAIT_PROFILE, gain_metric()),
            (UNCHANGED, motion.ED), (COPIED, motion.ED), (LDNET, motion.ED), (PORTRAIT_PROFILE, motion.ED),
            (UNCHANGED, motion.CHANGE), (COPIED, motion.CHANGE), (PORTRAIT_PROFILE, motion.CHANGE),
            (COPIED, identity.ISIM), (PORTRAIT_PROFILE, identity.ISIM),
            (UNCHANGED, pixels.SSIM), (COPIED, pixels.SSIM), (PORTRAIT_PROFILE, pixels.SSIM),
        )
    ]  # fmt: skip
    return f"<h2>In short</h2>{bullets([line for line in lines if line])}"


def _profile_sentence(summary: Summary, method: str) -> str:
    row = summary.rows[method]
    metrics = (identity.ISIM, motion.CHANGE, motion.ED, pixels.SSIM, pixels.SHARPNESS)
    numbers = [f"{m.name} {_format_cell(row[m.name], m)}" for m in metrics if m.name in row]
    return f"<b>{method}</b>: {'; '.join(numbers)}."


def _difference_sentence(summary: Summary, other: str, metric: Metric) -> str:
    """Write how profile warp differs from another method in a metric; empty if that was not measured."""
    difference = summary.differences.get(other, {}).get(metric.name)
    if difference is None or not math.isfinite(difference.value):
        return ""
    value, interval = (format_number(x, _places(metric)) for x in (abs(difference.value), difference.interval))
    size = f"{value} ±{interval}, {difference.pairs} pairs"
    if not abs(difference.value) > difference.interval:
        return f"{metric.name}: no difference shown between profile warp and {other} ({size})."
    # A metric that is best at 0 or 1 is higher or lower, not better or worse.
    more, less = {"high": ("better", "worse"), "low": ("worse", "better")}.get(metric.best, ("higher", "lower"))
    return f"{metric.name}: profile warp is {more if difference.value < 0 else less} than {other}, by {size}."


def _gains(summary: Summary) -> str:
    """Show how much of the expression is transferred, and whether retargeting or the picture loses the rest."""
    parts = [
        "<h2>How much of the performance is transferred</h2><p>Gain / correlation of the result's and the driver's "
        "motion within a clip, means of pairs; 1 / 1 is a complete transfer. Pairs whose driver does not use a group "
        "have no value for it. Intervals are under Every number.</p>"
    ]
    for title, (headings, rows) in (
        ("Blendshapes: the result's against the driver's", group_rows(summary)),
        (
            "Landmarks: asked of the target, against the driver's; rendered (tracked again), against those asked",
            region_rows(summary),
        ),
    ):
        parts.append(f"<h3>{title}</h3>{table([[*map(escape, row)] for row in (headings, *rows)])}")
    if summary.curves is not None:
        sentence = escape(identity_sentence(summary))
        parts.append(f"<h3>Identity over gain</h3><p>{sentence}</p>{_strengths_table(summary.curves)}")
    return "".join(parts)


def _strengths_table(curves: Curves) -> str:
    rows = [["", "strength", gain_metric().name, identity.ISIM.name]]
    for method, points in curves.points.items():
        for point in points:
            numbers = (point.gain, gain_metric()), (point.identity, identity.ISIM)
            rows.append([escape(method), f"{point.strength:g}", *(_cell(*number) for number in numbers)])
    return table(rows)


def _paper_tables(summary: Summary, sets: Sequence[Metric]) -> str:
    isim, psim, ed, profiles = identity.ISIM, motion.PSIM, motion.ED, (PORTRAIT_PROFILE, WARP_PROFILE)
    tables = (
        ("In the shape of Table 2: where the landmarks come from", (COPIED, LDNET, UNCALIBRATED), (isim, psim, ed)),
        ("In the shape of Table 3: the network that paints", profiles, (isim, pixels.SSIM, *sets)),
        (
            "In the shape of Table 4: methods",
            (UNCHANGED, COPIED, LDNET, UNCALIBRATED, *profiles),
            (isim, psim, ed, *sets),
        ),
    )
    external = tuple(method for method in summary.rows if method.startswith("rendered"))
    return "<h2>In the shape of the paper's tables</h2>" + "".join(
        f"<h3>{title}</h3>{_metrics_table(summary, (*methods, *(external if index == 2 else ())), metrics)}"
        for index, (title, methods, metrics) in enumerate(tables)
    )


def _all_numbers(summary: Summary, sets: Sequence[Metric]) -> str:
    groups: tuple[tuple[str, tuple[Metric, ...]], ...] = (
        ("Identity and appearance", (identity.ISIM, identity.ZERO_MOTION, *sets)),
        ("Nearness to the truth", (pixels.SSIM, pixels.PSNR, pixels.FEATURES)),
        ("Head", (motion.PSIM, motion.ROTATION, motion.CHANGE, motion.PUMPING)),
        ("Expression", (motion.ED, *(motion.region_metric(region) for region in motion.REGIONS))),
        ("Gain of blendshapes", tuple(map(gain_metric, GROUPS))),
        ("Correlation of blendshapes", tuple(map(correlation_metric, GROUPS))),
        *(
            (f"Landmarks {step}, gain and correlation", tuple(
                make(region, step) for region in landmark_gain.REGIONS
                for make in (landmark_gain.gain_metric, landmark_gain.correlation_metric)
            ))
            for step in (landmark_gain.ASKED, landmark_gain.RENDERED)
        ),
        ("Steadiness and sharpness", (motion.JITTER, pixels.ZERO_MOTION, pixels.SHARPNESS)),
    )
    known = {metric.name for _, metrics in groups for metric in metrics}
    rest = tuple(metric for name, metric in summary.metrics.items() if name not in known)
    tables = [
        f"<h3>{title}</h3>{_metrics_table(summary, summary.methods, metrics)}"
        for title, metrics in (*groups, ("Tracked", rest))
        if any(metric.name in summary.metrics for metric in metrics)
    ]
    note = (
        "<p>Means of pairs ± half a 95 % interval, and below them the numbers of pairs and values. The interval comes "
        "from leaving out one target, and one driver, at a time: pairs that share one are not independent.</p>"
    )
    return f"<h2>Every number</h2>{note}{''.join(tables)}"


def _metrics_table(summary: Summary, methods: Sequence[str], metrics: Sequence[Metric]) -> str:
    rows = [["", *(f"{escape(m.name)} {_ARROWS[m.best]}{_small(_backend(summary, m))}" for m in metrics)]]
    # Methods without any of these numbers are left out.
    for method in (one for one in methods if any(m.name in summary.rows.get(one, {}) for m in metrics)):
        numbers = [summary.rows[method].get(m.name) for m in metrics]
        rows.append([escape(method), *(_cell(e, m) for e, m in zip(numbers, metrics, strict=True))])
    return table(rows)


def _sheet(summary: Summary, show: str) -> str:
    """Show one row per pair: the target, the driver's frame, and each method's."""
    allowed = evenly([r for r in summary.results if fnmatch.fnmatchcase(r.name, show)], PAIRS_SHOWN)
    if not allowed:
        return ""
    rows = [["", *map(escape, allowed[0].pictures)]]
    for result in allowed:
        middle = result.frames[len(result.frames) // 2]
        pictures = (picture(content, "jpeg", escape(name)) for name, content in result.pictures.items())
        rows.append([f"{escape(result.target)}, {escape(result.driver)} frame {middle}", *pictures])
    return (
        f"<h2>Contact sheet</h2><p>{len(allowed)} of {len(summary.results)} pairs, evenly chosen from those that may "
        "be shown, not by their looks; each pair's middle frame, in the window that is measured.</p>"
        f"{table(rows, 'sheet')}"
    )


def _paper_numbers() -> str:
    tables = (
        f"<h3>{escape(title)}</h3>{table([[*map(escape, row)] for row in rows])}" for title, rows in TABLES.items()
    )
    return f"<details><summary>The paper's numbers</summary><p>{escape(CAUTION)}</p>{''.join(tables)}</details>"


def _definitions(summary: Summary) -> str:
    rows = [["", "what it is", "unit", "best", "made with"]]
    for name, m in summary.metrics.items():
        cells = name, m.description, m.unit, _BEST[m.best], summary.backends[name]
        rows.append([*map(escape, cells)])
    return f"<h2>What each number is</h2>{table(rows, 'words')}"


_BEST = {"high": "high", "low": "low", "0": "near 0", "1": "near 1"}
_ARROWS = {"high": "↑", "low": "↓", "0": "→0", "1": "→1"}


def _backend(summary: Summary, metric: Metric) -> str:
    return escape(summary.backends.get(metric.name, "not measured"))


def _cell(number: Estimate | None, metric: Metric) -> str:
    if number is None or not math.isfinite(number.value):
        return "–"
    return _format_cell(number, metric) + _small(f"{number.pairs} pairs, {number.frames}")


def _format_cell(number: Estimate, metric: Metric) -> str:
    places = _places(metric)
    interval = f" <i>±{format_number(number.interval, places)}</i>" if math.isfinite(number.interval) else ""
    return format_number(number.value, places) + interval


def _places(metric: Metric) -> int:
    return 2 if metric.unit in ("dB", "degrees", "%", "levels of 255") else 3


def _small(text: str) -> str:
    return f"<small>{text}</small>"
