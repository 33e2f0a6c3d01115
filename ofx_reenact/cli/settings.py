"""``ofx-reenact settings`` and ``ofx-reenact nuke-path``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ofx_reenact.resources import nuke_folder
from ofx_reenact.settings import describe


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON, for programs.")] = False,
) -> int:
    """List the options of a render: types, defaults and ranges."""
    described = describe()
    if as_json:
        typer.echo(json.dumps(described, indent=1))
        return 0
    group = ""
    for option in described["options"]:
        if option["group"] != group:
            group = option["group"]
            typer.secho(group, bold=True)
        typer.echo(f"  {option['name']:18} {option['type']:8} {_values(option):44} {option['help']}".rstrip())
    return 0


def nuke_path() -> int:
    """Print the folder to put on NUKE_PATH."""
    typer.echo(str(nuke_folder()))
    return 0


def _values(option: dict[str, Any]) -> str:
    """Return default and choices or range of an option as text for people."""
    default = option["default"]
    text = ",".join(default) if isinstance(default, list) else "" if default is None else str(default)
    if option["choices"]:
        return f"{text} [{'|'.join(map(str, option['choices']))}]"
    low, high = option["low"], option["high"]
    if low is None:
        return text
    return f"{text} [{low:g} to {high:g}]" if high is not None else f"{text} [{low:g} or more]"
