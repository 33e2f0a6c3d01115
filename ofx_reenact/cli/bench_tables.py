"""What ``ofx-reenact bench`` prints: tables for people, or JSON."""

from __future__ import annotations

import json
from typing import Any

import typer

# Columns of a table: heading, field, how it is written.
Columns = tuple[tuple[str, str, str], ...]
STAGES: Columns = (
    ("size", "size", "{}"), ("target", "target", "{}"), ("stage", "stage", "{}"), ("per", "per", "{}"),
    ("n", "samples", "{}"), ("median ms", "milliseconds", "{:.1f}"), ("p5", "p5", "{:.1f}"), ("p95", "p95", "{:.1f}"),
    ("a second", "per_second", "{:.1f}"), ("share", "share", "{:.1%}"), ("GFLOP", "gflop", "{:.2f}"),
    ("of peak", "of_peak", "{:.0%}"),
)  # fmt: skip
WHOLE: Columns = (
    ("size", "size", "{}"), ("target", "target", "{}"), ("frames", "frames", "{}"), ("n", "samples", "{}"),
    ("ms a frame", "milliseconds", "{:.0f}"), ("p5", "p5", "{:.0f}"), ("p95", "p95", "{:.0f}"),
    ("frames a second", "per_second", "{:.2f}"), ("stages in turn, ms", "serial", "{:.0f}"),
)  # fmt: skip
MOVING: Columns = (
    ("size", "size", "{}"), ("what", "what", "{}"), ("n", "samples", "{}"), ("still, ms a frame", "still", "{:.0f}"),
    ("moving, ms a frame", "moving", "{:.0f}"), ("moving / still", "ratio", "{:.2f}"),
)  # fmt: skip
LENGTHS: Columns = (
    ("frames", "frames", "{}"), ("n", "samples", "{}"), ("peak MiB", "memory", "{:.0f}"),
    ("seconds", "seconds", "{:.1f}"),
)  # fmt: skip
SCALING: Columns = (
    ("processes", "processes", "{}"), ("frames", "frames", "{}"), ("n", "samples", "{}"),
    ("seconds", "seconds", "{:.1f}"), ("frames a second", "per_second", "{:.2f}"), ("speed-up", "speedup", "{:.2f}"),
    ("CPU s a frame", "cpu", "{:.2f}"),
)  # fmt: skip
PEERS: Columns = (
    ("project", "project", "{}"), ("what", "what", "{}"), ("per", "per", "{}"), ("n", "samples", "{}"),
    ("median ms", "milliseconds", "{:.1f}"), ("p5", "p5", "{:.1f}"), ("p95", "p95", "{:.1f}"),
    ("GFLOP", "gflop", "{:.1f}"), ("of peak", "of_peak", "{:.0%}"), ("× ours", "ratio", "{:.2f}"),
)  # fmt: skip


def show(result: dict[str, Any], as_json: bool, tables: list[tuple[str, Columns]]) -> None:
    """Print a result as JSON, or for people, in tables that Markdown takes."""
    if as_json:
        typer.echo(json.dumps(result, indent=1))
        return
    machine, versions = result["machine"], result["versions"]
    typer.echo(
        f"{machine['processor']}, {machine['cores']} cores, {machine['torch threads']} torch threads, on "
        f"{machine['device']}; torch {versions['torch']}; load {result['load before']} before, "
        f"{result['load after']} after" + (f"; matrix peak {result['peak']:.0f} GFLOP/s" if "peak" in result else "")
    )
    for name, columns in tables:
        typer.echo("\n" + "\n".join(table(result[name], columns)))


def table(rows: list[dict[str, Any]], columns: Columns) -> list[str]:
    """Lay rows out as the lines of a Markdown table; None and a GFLOP of 0 leave their cell empty."""
    cells = [[heading for heading, _, _ in columns]]
    for row in rows:
        cells.append(["" if row[key] in (None, 0.0) else how.format(row[key]) for _, key, how in columns])
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = [f"| {' | '.join(map(str.ljust, line, widths))} |" for line in cells]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
