"""How much of a performance arrives, as compact tables and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ofx_reenact.evaluate.metrics import displacement, gain
from ofx_reenact.evaluate.metrics.scores import Estimate, Metric
from ofx_reenact.evaluate.reenactment.methods import CARRIED, COPIED, LDNET, PORTRAIT, STILL, UNCALIBRATED
from ofx_reenact.evaluate.reenactment.summary import GROUPS, Summary

WHOLE_FACE = "whole face"
Rows = tuple[list[str], list[list[str]]]


def group_rows(summary: Summary) -> Rows:
    """Return headings and rows of what arrives of the driver's blendshapes: a row a group, a column a method.

    Cells are gain / correlation; the last column has the number of pairs whose driver uses the group.
    """
    metrics = [(group or WHOLE_FACE, gain.gain_metric(group), gain.correlation_metric(group)) for group in GROUPS]
    return _rows(summary, metrics)


def region_rows(summary: Summary) -> Rows:
    """Return headings and rows of landmarks, asked and rendered: two rows a region, a column a method.

    Cells are gain / correlation; the last column has the number of pairs whose driver moves the region.
    """
    metrics = [
        (f"{region}, {way}", displacement.gain_metric(region, way), displacement.correlation_metric(region, way))
        for region in displacement.REGIONS
        for way in (displacement.ASKED, displacement.RENDERED)
    ]
    return _rows(summary, metrics)


def in_words(summary: Summary) -> list[str]:
    """Say how much arrives, where it is lost, and what it costs of the person: a sentence each."""
    known = [method for method in (CARRIED, PORTRAIT, LDNET, UNCALIBRATED, COPIED) if method in summary.rows]
    warps = [method for method in known if method not in (CARRIED, PORTRAIT)]
    said = [*(_arrives(summary.rows[method], method) for method in known)]
    said += [_lost(summary.rows[method], method) for method in warps]
    return [line for line in (*said, at_the_same_gain(summary)) if line]


def at_the_same_gain(summary: Summary) -> str:
    """Say which of LD-Net and copied landmarks keeps the person better where both move as much."""
    curves = summary.curves
    if curves is None:
        return ""
    apart = curves.difference
    if not math.isfinite(apart.value):
        return "Identity at the same gain: no pair reaches one gain by LD-Net and by copied landmarks."
    size = f"{_sure(apart, 3)}, {apart.pairs} pair{'s' * (apart.pairs != 1)}"
    known = f"{digits(curves.identity[LDNET].value, 3)} and {digits(curves.identity[COPIED].value, 3)}"
    where = f"Identity at the same gain ({digits(curves.gain.value)}), LD-Net's and copied landmarks'"
    if not abs(apart.value) > apart.interval:
        return f"{where}: {known}; no difference is shown ({size})."
    which = "LD-Net keeps more" if apart.value > 0 else "copied landmarks keep more"
    return f"{where}: {known}; {which} of the person (LD-Net less copied {size})."


def digits(value: float, places: int = 2) -> str:
    """Write a gain, a correlation or an identity; what rounds to 0 has no sign."""
    return f"{round(value, places) + 0.0:.{places}f}"


def _rows(summary: Summary, metrics: Sequence[tuple[str, Metric, Metric]]) -> Rows:
    names = {metric.name for _, *both in metrics for metric in both}
    # Of a target that is shown still nothing is asked, and nothing arrives.
    methods = [method for method in summary.methods if method != STILL and names & summary.rows[method].keys()]
    rows = []
    for name, *both in metrics:
        numbers = [[summary.rows[method].get(metric.name) for metric in both] for method in methods]
        pairs = max((one.pairs for row in numbers for one in row if one is not None), default=0)
        rows.append([name, *map(_cell, numbers), f"{pairs}"])
    return ["", *methods, "pairs"], rows


def _cell(numbers: Sequence[Estimate | None]) -> str:
    shown = [digits(number.value) for number in numbers if number is not None and math.isfinite(number.value)]
    return " / ".join(shown) or "–"


def _arrives(row: Mapping[str, Estimate], method: str) -> str:
    whole, correlation = row.get(gain.gain_metric().name), row.get(gain.correlation_metric().name)
    if whole is None or correlation is None:
        return ""
    said = f"{method}: {_sure(whole)} of the driver's expression arrives, with a correlation of {_sure(correlation)}"
    groups = _gains(row, {group: gain.gain_metric(group) for group in gain.GROUPS})
    if len(groups) > 1:
        most, least = max(groups, key=groups.__getitem__), min(groups, key=groups.__getitem__)
        said += f"; most of {most}, {digits(groups[most])}, and least of {least}, {digits(groups[least])}"
    return f"{said}."


def _lost(row: Mapping[str, Estimate], method: str) -> str:
    asked, rendered = (
        _gains(row, {region: displacement.gain_metric(region, way) for region in displacement.REGIONS})
        for way in (displacement.ASKED, displacement.RENDERED)
    )
    if not asked or not rendered:
        return ""
    return f"{method} asks for {_listed(asked)} of the driver's; of that, the picture shows {_listed(rendered)}."


def _gains(row: Mapping[str, Estimate], metrics: Mapping[str, Metric]) -> dict[str, float]:
    found = {part: row[metric.name].value for part, metric in metrics.items() if metric.name in row}
    return {part: value for part, value in found.items() if math.isfinite(value)}


def _listed(gains: Mapping[str, float]) -> str:
    return ", ".join(f"{digits(value)} ({part})" for part, value in gains.items())


def _sure(number: Estimate, places: int = 2) -> str:
    interval = f" ±{digits(number.interval, places)}" if math.isfinite(number.interval) else ""
    return digits(number.value, places) + interval
