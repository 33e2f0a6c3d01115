"""How much of a performance is transferred: compact tables, and sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ofx_reenact.evaluate.metrics import gain, landmark_gain
from ofx_reenact.evaluate.metrics.scores import Estimate, Metric, format_estimate, format_number
from ofx_reenact.evaluate.stills.compared_methods import (
    COPIED,
    LDNET,
    PORTRAIT_PROFILE,
    UNCALIBRATED,
    UNCHANGED,
    WARP_PROFILE,
)
from ofx_reenact.evaluate.stills.pair_statistics import GROUPS, Summary

WHOLE_FACE = "whole face"
Rows = tuple[list[str], list[list[str]]]


def group_rows(summary: Summary) -> Rows:
    """Return headings and rows for blendshapes: one row per group, one column per method, cells gain / correlation.

    The last column is the number of pairs whose driver uses the group.
    """
    metrics = [(group or WHOLE_FACE, gain.gain_metric(group), gain.correlation_metric(group)) for group in GROUPS]
    return _rows(summary, metrics)


def region_rows(summary: Summary) -> Rows:
    """Return headings and rows for landmarks: two rows per region (asked, rendered), one column per method.

    Cells are gain / correlation; the last column is the number of pairs whose driver uses the region.
    """
    metrics = [
        (f"{region}, {step}", landmark_gain.gain_metric(region, step), landmark_gain.correlation_metric(region, step))
        for region in landmark_gain.REGIONS
        for step in (landmark_gain.ASKED, landmark_gain.RENDERED)
    ]
    return _rows(summary, metrics)


def summary_sentences(summary: Summary) -> list[str]:
    """Write how much is transferred, where the rest is lost, and what it costs in identity: one sentence each."""
    order = (WARP_PROFILE, PORTRAIT_PROFILE, LDNET, UNCALIBRATED, COPIED)
    known = [method for method in order if method in summary.rows]
    warps = [method for method in known if method not in (WARP_PROFILE, PORTRAIT_PROFILE)]
    sentences = [_transfer_sentence(summary.rows[method], method) for method in known]
    sentences += [_loss_sentence(summary.rows[method], method) for method in warps]
    return [line for line in (*sentences, identity_sentence(summary)) if line]


def identity_sentence(summary: Summary) -> str:
    """Write whether LD-Net or copied landmarks keep more identity at the same gain; empty without strengths."""
    curves = summary.curves
    if curves is None:
        return ""
    difference = curves.difference
    if not math.isfinite(difference.value):
        return "Identity at the same gain: in no pair LD-Net and copied landmarks reach a common gain."
    size = f"{format_estimate(difference, 3)}, {difference.pairs} pair{'s' * (difference.pairs != 1)}"
    values = " and ".join(format_number(curves.identity[method].value, 3) for method in (LDNET, COPIED))
    subject = f"Identity at the same gain ({format_number(curves.gain.value, 2)}), LD-Net and copied landmarks"
    if not abs(difference.value) > difference.interval:
        return f"{subject}: {values}; no difference is shown ({size})."
    better = "LD-Net keeps more" if difference.value > 0 else "copied landmarks keep more"
    return f"{subject}: {values}; {better} of the person (LD-Net minus copied {size})."


def _rows(summary: Summary, metrics: Sequence[tuple[str, Metric, Metric]]) -> Rows:
    names = {metric.name for _, *both in metrics for metric in both}
    # The unchanged target has a gain of 0 everywhere.
    methods = [method for method in summary.methods if method != UNCHANGED and names & summary.rows[method].keys()]
    rows = []
    for name, *both in metrics:
        numbers = [[summary.rows[method].get(metric.name) for metric in both] for method in methods]
        pairs = max((one.pairs for row in numbers for one in row if one is not None), default=0)
        rows.append([name, *map(_cell, numbers), f"{pairs}"])
    return ["", *methods, "pairs"], rows


def _cell(numbers: Sequence[Estimate | None]) -> str:
    shown = [format_number(number.value, 2) for number in numbers if number is not None and math.isfinite(number.value)]
    return " / ".join(shown) or "–"


def _transfer_sentence(row: Mapping[str, Estimate], method: str) -> str:
    whole, correlation = row.get(gain.gain_metric().name), row.get(gain.correlation_metric().name)
    if whole is None or correlation is None:
        return ""
    sentence = (
        f"{method}: {format_estimate(whole, 2)} of the driver's expression is transferred, with a correlation of "
        f"{format_estimate(correlation, 2)}"
    )
    groups = _gains(row, {group: gain.gain_metric(group) for group in gain.GROUPS})
    if len(groups) > 1:
        most, least = max(groups, key=groups.__getitem__), min(groups, key=groups.__getitem__)
        sentence += (
            f"; most of {most}, {format_number(groups[most], 2)}, and least of {least}, "
            f"{format_number(groups[least], 2)}"
        )
    return f"{sentence}."


def _loss_sentence(row: Mapping[str, Estimate], method: str) -> str:
    asked, rendered = (
        _gains(row, {region: landmark_gain.gain_metric(region, step) for region in landmark_gain.REGIONS})
        for step in (landmark_gain.ASKED, landmark_gain.RENDERED)
    )
    if not asked or not rendered:
        return ""
    return (
        f"{method} asks for {_join_gains(asked)} of the driver's motion; of that, the picture shows "
        f"{_join_gains(rendered)}."
    )


def _gains(row: Mapping[str, Estimate], metrics: Mapping[str, Metric]) -> dict[str, float]:
    found = {part: row[metric.name].value for part, metric in metrics.items() if metric.name in row}
    return {part: value for part, value in found.items() if math.isfinite(value)}


def _join_gains(gains: Mapping[str, float]) -> str:
    return ", ".join(f"{format_number(value, 2)} ({part})" for part, value in gains.items())

