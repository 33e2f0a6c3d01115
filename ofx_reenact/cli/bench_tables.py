"""Print what ``ofx-reenact bench`` measured: as tables for people, or as JSON."""

from __future__ import annotations

import json
from typing import Any

import typer

# Columns of a table: heading, field, format.
Columns = tuple[tuple[str, str, str], ...]
_TIMES: Columns = (
    ("median ms", "milliseconds", "{:.1f}"), ("p5", "milliseconds_p5", "{:.1f}"), ("p95", "milliseconds_p95", "{:.1f}"),
)  # fmt: skip
_N: Columns = (("n", "samples", "{}"),)
_SHOT: Columns = (("size", "size", "{}"), ("target", "target", "{}"))
_WHAT: Columns = (("what", "what", "{}"),)
STAGES: Columns = (
    *_SHOT, ("stage", "stage", "{}"), ("per", "per", "{}"), *_N, *_TIMES, ("a second", "per_second", "{:.1f}"),
    ("share", "share", "{:.1%}"), ("GFLOP", "gflop", "{:.2f}"), ("of peak", "of_peak", "{:.0%}"),
)  # fmt: skip
SHOTS: Columns = (
    *_SHOT, *_WHAT, ("frames", "frames", "{}"), *_N, ("ms a frame", "milliseconds", "{:.0f}"),
    ("p5", "milliseconds_p5", "{:.0f}"), ("p95", "milliseconds_p95", "{:.0f}"),
    ("frames a second", "frames_per_second", "{:.2f}"), ("stages in turn, ms", "serial_milliseconds", "{:.0f}"),
)  # fmt: skip
MOVING: Columns = (
    ("size", "size", "{}"), *_WHAT, *_N, ("still, ms a frame", "still_milliseconds", "{:.0f}"),
    ("moving, ms a frame", "moving_milliseconds", "{:.0f}"), ("moving / still", "ratio", "{:.2f}"),
)  # fmt: skip
LENGTHS: Columns = (
    ("frames", "frames", "{}"), *_N, ("peak MiB", "mebibytes", "{:.0f}"), ("ms", "milliseconds", "{:.0f}"),
)  # fmt: skip
SCALING: Columns = (
    ("processes", "processes", "{}"), ("frames", "frames", "{}"), *_N, ("ms", "milliseconds", "{:.0f}"),
    ("frames a second", "frames_per_second", "{:.2f}"), ("speed-up", "speedup", "{:.2f}"),
    ("CPU ms a frame", "cpu_milliseconds", "{:.0f}"),
)  # fmt: skip
PEERS: Columns = (
    ("project", "project", "{}"), *_WHAT, ("per", "per", "{}"), *_N, *_TIMES, ("GFLOP", "gflop", "{:.1f}"),
    ("of peak", "of_peak", "{:.0%}"), ("× ours", "ratio", "{:.2f}"),
)  # fmt: skip
SPEEDS: Columns = (
    *_WHAT, *_N, *_TIMES, ("GFLOP", "gflop", "{:.2f}"), ("× peak", "ratio", "{:.1f}"),
    ("peak, GFLOP/s", "peak_gflop_per_second", "{:.0f}"),
)  # fmt: skip
COMPARED: Columns = (
    *_SHOT, *_WHAT, ("per", "per", "{}"), *_N, ("before, ms", "before_milliseconds", "{:.1f}"),
    ("after, ms", "after_milliseconds", "{:.1f}"), ("before / after", "ratio", "{:.2f}"), ("p5", "ratio_p5", "{:.2f}"),
    ("p95", "ratio_p95", "{:.2f}"), ("of CPU time", "cpu_ratio", "{:.2f}"),
)  # fmt: skip
MEMORY_COMPARED: Columns = (
    *_SHOT, ("frames", "frames", "{}"), *_N, ("before, peak MiB", "before_mebibytes", "{:.0f}"),
    ("after, peak MiB", "after_mebibytes", "{:.0f}"), ("before / after", "ratio", "{:.2f}"),
)  # fmt: skip
STARTS: Columns = (*_WHAT, ("until", "until", "{}"), *_N, *_TIMES)
HANDED: Columns = (*_SHOT, *_WHAT, *_N, *_TIMES, ("of a rendered frame", "share", "{:.1%}"))
DIFF: Columns = (
    ("table", "table", "{}"), ("row", "row", "{}"), ("unit", "unit", "{}"), ("A", "a", "{:.1f}"), ("B", "b", "{:.1f}"),
    ("A / B", "ratio", "{:.2f}"),
)  # fmt: skip


def show(result: dict[str, Any], as_json: bool, tables: list[tuple[str, Columns]]) -> None:
    """Print a result as JSON, or as Markdown tables."""
    if as_json:
        typer.echo(json.dumps(result, indent=1))
        return
    peak = f"; matrix peak {result['peak_gflop_per_second']:.0f} GFLOP/s" if "peak_gflop_per_second" in result else ""
    for line in (f"{machine(result)}{peak}", *not_idle(result)):
        typer.echo(line)
    for name, columns in tables:
        typer.echo("\n" + "\n".join(table(result["tables"][name], columns)))


def show_diff(found: dict[str, Any], records: dict[str, Any], as_json: bool) -> None:
    """Print the differences of two records as JSON, or as a table below the two machines."""
    if as_json:
        about = {name: {key: value for key, value in r.items() if key != "tables"} for name, r in records.items()}
        typer.echo(json.dumps({**about, **found}, indent=1))
        return
    for name, record in records.items():
        for line in (machine(record), *not_idle(record)):
            typer.echo(f"{name.upper()}: {line}")
    for name, (a, b) in found["settings"].items():
        typer.echo(f"measured with another {name}: {a} and {b}")
    typer.echo("\n" + "\n".join(table(found["diff"], DIFF)))
    for name in ("a", "b"):
        for row in found[f"only_{name}"]:
            typer.echo(f"only in {name.upper()}: {row}")


def machine(result: dict[str, Any]) -> str:
    """Return the machine that was measured, and its load, as one line."""
    about, load = result["machine"], result["load"]
    return (
        f"{about['processor']}, {about['cores']} cores, {about['torch_threads']} torch threads, on {about['device']}; "
        f"torch {result['versions']['torch']}; load {load['before']['load_average']} before, "
        f"{load['after']['load_average']} after"
    )


def not_idle(result: dict[str, Any]) -> list[str]:
    """Return a line that warns that the machine was not idle; no line if it was."""
    if result["idle"]:
        return []
    if result["idle"] is None:
        return ["NOT KNOWN TO BE IDLE: this system does not report how busy it is"]
    before, during = (result["load"][when]["busy_cores"] for when in ("before", "during"))
    if before is None:
        return ["NOT IDLE: the load was high before; do not compare these times"]
    kept = f"{before:.2f} cores busy before, {during:.2f} while this was measured"
    return [f"NOT IDLE: other processes kept {kept}; do not compare these times"]


def table(rows: list[dict[str, Any]], columns: Columns) -> list[str]:
    """Return rows as the lines of a Markdown table; None and 0.0 leave their cell empty."""
    cells = [[heading for heading, _, _ in columns]]
    for row in rows:
        cells.append(["" if row[key] in (None, 0.0) else how.format(row[key]) for _, key, how in columns])
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = [f"| {' | '.join(map(str.ljust, line, widths))} |" for line in cells]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
