"""``ofx-reenact engine``."""

from __future__ import annotations

import typer

app = typer.Typer(name="engine", help="Work for other programs.", no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def main() -> None:
    """Work for other programs, with everything kept loaded from job to job."""


@app.command("serve")
def serve() -> int:
    """Take requests on standard input and send events on standard output, one JSON object a line (docs/engine.md)."""
    from ofx_reenact.engine.server import serve as serve_pipes

    return serve_pipes()
