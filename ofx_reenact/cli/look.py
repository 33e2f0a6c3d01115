"""``ofx-reenact look``: serve the page for the browser."""

from __future__ import annotations

import _thread
import os
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact.errors import SettingsError


def command(
    target: Annotated[str, typer.Argument(help="Picture or footage of the person to animate.")] = "",
    driver: Annotated[str, typer.Argument(help="Performance to follow: sequence, video or still.")] = "",
    folder: Annotated[
        list[Path] | None,
        typer.Option(help="Folder that the page may reach; may be given several times. The current one if not given."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1; 0: any that is free.", min=0, max=65535)] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the page's address.")] = False,
    until_input_ends: Annotated[bool, typer.Option("--until-input-ends", hidden=True)] = False,
) -> int:
    """Work on a shot in the browser: sliders, curves, and the rendered frame at once."""
    if lacking := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        raise SettingsError(f"the page needs {' and '.join(lacking)}: pip install 'ofx-reenact[look]'")
    from ofx_reenact.look.allowed_folders import AllowedFolders
    from ofx_reenact.look.serve import serve

    roots = AllowedFolders(folder or [Path.cwd()], [target, driver])
    named = {"target": target, "driver": driver}
    start = {name: roots.check(str(Path.cwd() / value)) for name, value in named.items() if value}

    def show_address(address: str) -> None:
        typer.echo(f"{address}\nCtrl-C ends it")

    if until_input_ends:
        threading.Thread(target=_interrupt_at_end, name="input", daemon=True).start()
    serve(roots, start, port, show_address, browser=not no_browser)
    return 0


def _interrupt_at_end() -> None:
    """Interrupt this process when its standard input is closed: the process that started it has ended."""
    while os.read(0, 1 << 10):
        pass
    _thread.interrupt_main()
