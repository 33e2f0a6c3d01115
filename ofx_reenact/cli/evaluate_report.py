"""What ``evaluate reenactment`` and ``evaluate moving`` share: their files, their command line, tables."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

JSON, PAGE = "report.json", "report.html"


def refuse_outputs(report: Path, as_json: Path | None, **inputs: Path | None) -> None:
    """Refuse to write over what the command reads; ``inputs`` are the paths by their options."""
    from ofx_reenact.frames.overwrite import refuse_over_inputs

    outputs = [("--report", report / JSON), ("--report", report / PAGE), ("--json", as_json)]
    refuse_over_inputs(outputs, [(f"--{name}", path) for name, path in inputs.items()])


def command_line(name: str, command: Callable[..., int], values: dict[str, Any]) -> str:
    """Return the command line of an ``evaluate`` command, without options that have their default values."""
    words = ["ofx-reenact", "evaluate", name]
    for option, parameter in inspect.signature(command).parameters.items():
        value = values[option]
        if value != parameter.default:
            flag = "json" if option == "as_json" else option.replace("_", "-")
            words += [f"--{'' if value else 'no-'}{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return shlex.join(words)


def print_step(step: Any) -> None:
    """Print a finished step of an evaluation."""
    typer.echo(f"{step.kind} {step.done} of {step.total}: {step.name}")


def write_report(report: Path, as_json: Path | None, numbers: dict[str, Any], page: str) -> None:
    """Write the numbers into the report's folder and, if given, ``as_json``, and the page into the folder."""
    from ofx_reenact.files import write_json, write_whole

    for path in (report / JSON, *([as_json] if as_json else [])):
        write_json(path, numbers)
    with write_whole(report / PAGE) as partial:
        partial.write_text(page, encoding="utf-8")


def print_table(title: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table."""
    table = Table(*headings, title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
