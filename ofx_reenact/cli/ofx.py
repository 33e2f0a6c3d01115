"""``ofx-reenact ofx`` and ``ofx-reenact ofx-path``: install the OpenFX plug-in, or name its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ofx_reenact import __version__
from ofx_reenact.cli.options import group
from ofx_reenact.errors import ReenactError
from ofx_reenact.resources import openfx_folder

app = group("ofx", "Install or remove the OpenFX plug-in.")

_Folder = Annotated[
    Path | None, typer.Option("--to", help="Folder of plug-ins; by default the one that all hosts search.")
]


@app.command("install")
def install(
    to: _Folder = None,
    python: Annotated[
        Path | None,
        typer.Option(help="Python that starts engines; ofx-reenact must be installed in it. By default this one."),
    ] = None,
) -> int:
    """Copy the plug-in to where hosts search, and replace an earlier version."""
    from ofx_reenact.openfx import install as installing
    from ofx_reenact.openfx.bundle import NAME

    source, common = openfx_folder() / NAME, installing.default_folder()
    if not source.is_dir():
        raise ReenactError(f"{source}: the plug-in is not built; run 'python -m ofx_reenact.openfx build'")
    folder = (to or common).absolute()
    done = installing.install(source, folder, installing.find_python(python))
    typer.echo(f"{done.bundle}: installed, version {__version__}")
    if done.replaced:
        typer.echo(f"replaced version {done.replaced}")
    typer.echo(f"engines are started with {done.python}")
    if folder != common:
        typer.echo(f"hosts search it if the variable OFX_PLUGIN_PATH names {folder}")
    return 0


@app.command("remove")
def remove(to: _Folder = None) -> int:
    """Remove the plug-in from where hosts search."""
    from ofx_reenact.openfx import install as installing
    from ofx_reenact.openfx.bundle import NAME

    folder = (to or installing.default_folder()).absolute()
    version = installing.remove(folder)
    typer.echo(f"{folder / NAME}: removed, version {version}" if version else f"{folder}: the plug-in is not here")
    return 0


def ofx_path() -> int:
    """Print the folder to put on OFX_PLUGIN_PATH."""
    typer.echo(str(openfx_folder()))
    return 0
