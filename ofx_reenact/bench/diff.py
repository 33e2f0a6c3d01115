"""Compares two records of one benchmark: of two machines, or of one machine at two times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ofx_reenact.bench.figures import IDENTITY
from ofx_reenact.bench.machine import SCHEMA
from ofx_reenact.errors import ReenactError
from ofx_reenact.files import parse_json

# Figures of a row that are compared; its other fields follow from them, or describe how it was measured.
FIGURES = ("milliseconds", "cpu_milliseconds", "mebibytes")


def read_record(path: Path) -> dict[str, Any]:
    """Read a record that ``bench … --json`` printed.

    Raises:
        ReenactError: the file cannot be read, or is no record of this version.
    """
    try:
        record = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else f"not JSON: {error}"
        raise ReenactError(f"{path}: cannot be read ({reason}); name the output of 'bench … --json'") from error
    found = record.get("schema") if isinstance(record, dict) else None
    if found != SCHEMA:
        raise ReenactError(f'{path}: expected "schema": "{SCHEMA}", found {json.dumps(found)}; measure again')
    if not _is_whole(record):
        raise ReenactError(f"{path}: damaged; measure again")
    return record


def _is_whole(record: dict[str, Any]) -> bool:
    """Return whether a record has the fields that are read, with the right types."""
    if not all(isinstance(record.get(name), dict) for name in ("settings", "machine", "versions", "load", "tables")):
        return False
    tables = record["tables"].values()
    if not all(isinstance(rows, list) and all(isinstance(row, dict) for row in rows) for rows in tables):
        return False
    figures = [row.get(unit) for rows in tables for row in rows for unit in FIGURES]
    return "kind" in record and all(figure is None or isinstance(figure, float | int) for figure in figures)


def diff(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    """Compare two records of one kind.

    Returns ``diff``: rows of ``table``, ``row`` (what was measured), ``unit``, ``a``, ``b`` and ``ratio`` (a over b);
    ``only_a`` and ``only_b``: rows that the other record lacks; ``settings``: pairs of values that differ, by name.

    Raises:
        ReenactError: they are of different commands.
    """
    if a["kind"] != b["kind"]:
        raise ReenactError(
            f"one record is of bench {a['kind']}, the other of bench {b['kind']}; give two records of one command"
        )
    ours, theirs = _rows(a), _rows(b)
    rows = []
    for key in [key for key in ours if key in theirs]:
        for unit in FIGURES:
            first, second = ours[key].get(unit), theirs[key].get(unit)
            if first is not None and second is not None:
                ratio = first / second if second else None
                rows.append({"table": key[0], "row": key[1], "unit": unit, "a": first, "b": second, "ratio": ratio})
    names = sorted({*a["settings"], *b["settings"]})
    pairs = {name: [a["settings"].get(name), b["settings"].get(name)] for name in names}
    return {
        "diff": rows,
        "only_a": [" ".join(key) for key in ours if key not in theirs],
        "only_b": [" ".join(key) for key in theirs if key not in ours],
        "settings": {name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
    }


def _rows(record: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows that have figures, by table and by what was measured."""
    return {
        (name, _describe_row(row)): row
        for name, rows in record["tables"].items()
        for row in rows
        if any(unit in row for unit in FIGURES)
    }


def _describe_row(row: Mapping[str, Any]) -> str:
    """Return what a row measured, in words."""
    words = [(name, row[name]) for name in IDENTITY if name in row]
    return ", ".join(f"{value} {name}" if isinstance(value, int) else str(value) for name, value in words)
