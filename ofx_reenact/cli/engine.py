"""``ofx-reenact engine``: an engine process for other programs, over pipes or with a session file."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.cli.chunk import run
from ofx_reenact.cli.options import PROGRESS, group, with_settings
from ofx_reenact.service import client
from ofx_reenact.service.keeper_process import name_process
from ofx_reenact.service.server import serve as serve_pipes
from ofx_reenact.service.session_engine import listen as listen_here

app = group("engine", "Render for other programs, in one process that stays.")
_SESSION = Annotated[Path, typer.Option("--session", help="Session file, which has the engine's address.")]
_IDLE = Annotated[float, typer.Option("--idle", help="Seconds without a client after which the engine ends.", min=1)]
_WITH_PARENT = Annotated[
    bool, typer.Option("--with-parent", help="Also end it when the process that runs this command has ended.")
]
_CHUNK = Annotated[str, typer.Option("--chunk", help="Frames in the form of Open Job Description: 1-10:3,15.")]


@app.callback()
def main() -> None:
    """Render for other programs; what jobs load stays in memory between them."""


@app.command("serve")
def serve() -> int:
    """Take requests on standard input and send events on standard output, one JSON object a line (docs/engine.md)."""
    with _sigterm_as_interrupt():
        return serve_pipes()


@app.command("start")
def start(session: _SESSION, idle: _IDLE = client.IDLE, with_parent: _WITH_PARENT = False) -> int:
    """Start an engine in the background and wait until it is ready."""
    started = client.start(session, idle, name_process(os.getppid()) if with_parent else "")
    typer.echo(f"the engine {'is ready' if started else 'runs already'}: {session}")
    return 0


@app.command("listen", hidden=True)
def listen(session: _SESSION, idle: _IDLE = client.IDLE, keeper: Annotated[str, typer.Option()] = "") -> int:
    """Run the engine of a session file in this process; ``engine start`` starts this command."""
    with _sigterm_as_interrupt():
        listen_here(session, idle, keeper)
    return 0


@app.command("stop")
def stop(session: _SESSION) -> int:
    """End the engine of a session file; it is no error if none runs."""
    typer.echo("the engine has ended" if client.stop(session) else "no engine runs")
    return 0


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Handle SIGTERM as SIGINT: partly written files and the session file are removed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


app.command("run", help="Render through the engine of a session, which keeps in memory what chunks load.")(
    with_settings(run, {"session": _SESSION, "chunk": _CHUNK, "progress": PROGRESS})
)
