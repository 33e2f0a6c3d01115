"""The commands; each is imported when it is run or its help is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup

from ofx_reenact import __version__
from ofx_reenact.cli.failures import end
from ofx_reenact.cli.options import given_progress
from ofx_reenact.errors import Exit

# What typer raises for a wrong command line: its own class, or click's in versions that are built on click.
CommandLineError: Any = getattr(typer, "TyperException", None) or importlib.import_module("click").ClickException


@dataclass(frozen=True)
class Entry:
    """One command: its line in the overview, its module in this package, and the module's attribute that holds it."""

    help: str
    module: str
    attribute: str = "command"


# A group is its module's ``app``.
ENTRIES = {
    "render": Entry("Render the target performing as the driver does, as a sequence of EXR frames.", "render"),
    "track": Entry("Track a driver once and write its performance file, which renders and chunks share.", "track"),
    "analyse": Entry("Track driver and target once, and write the files that all chunks of a render share.", "analyse"),
    "verify": Entry(
        "Check a rendered sequence: all frames exist, are whole, and match target, driver and sidecar.", "verify"
    ),
    "publish": Entry("Check a rendered sequence with pyblish and publish it as a new version.", "publish"),
    "pyblish-path": Entry("Print the folder to put on PYBLISHPLUGINPATH.", "publish", "pyblish_path"),
    "demo": Entry(
        "Render the shipped demo: a moving plate and a picture, with contact sheets and previews.",
        "demo",
    ),
    "look": Entry("Work on a shot in the browser: sliders, curves, and the rendered frame at once.", "look"),
    "doctor": Entry(
        "Check the installation: what is there, what is missing and how to get it, and where a render would run.",
        "doctor",
    ),
    "settings": Entry("List the options of a render: types, defaults and ranges.", "settings"),
    "nuke-path": Entry("Print the folder to put on NUKE_PATH.", "settings", "nuke_path"),
    "ofx-path": Entry("Print the folder to put on OFX_PLUGIN_PATH.", "ofx", "ofx_path"),
    "ofx": Entry("Install or remove the OpenFX plug-in.", "ofx", "app"),
    "performance": Entry("Inspect a performance file and correct it by hand.", "performance", "app"),
    "engine": Entry("Render for other programs, in one process that stays.", "engine", "app"),
    "job": Entry("Send a render to a farm: analyse once, render in chunks, verify.", "job", "app"),
    "train": Entry("Train the networks.", "train", "app"),
    "data": Entry("Make data to train and evaluate on.", "data", "app"),
    "evaluate": Entry("Measure quality: networks and whole renders.", "evaluate", "app"),
    "export": Entry("Export FD-GAN of one target for other programs.", "export", "app"),
    "bench": Entry("Measure speed: stages, networks, renders.", "bench", "app"),
    "consent": Entry("The consent file of the person shown.", "consent", "app"),
    "provenance": Entry(
        "Sign frames, check their signatures, and show how a frame was made.", "provenance", "app"
    ),
}


class Commands(TyperGroup):
    """All commands. Errors end here: each is printed as one line, in the form that ``--progress`` sets."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that a command line names, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in ENTRIES else command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run a command; returns its exit code."""
        try:
            return super().invoke(ctx)
        except (CommandLineError, typer.Exit):
            raise
        except (KeyboardInterrupt, Exception) as error:
            return end(error, given_progress(ctx))


def load(name: str) -> Any:
    """Import a command, or a group with its commands."""
    entry = ENTRIES[name]
    found = getattr(importlib.import_module(f"ofx_reenact.cli.{entry.module}"), entry.attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        single.command(name)(found)
        found = single
    return typer.main.get_command(found)


app = typer.Typer(
    name="ofx-reenact",
    cls=Commands,
    help="One-shot portrait reenactment: one picture and a performance in, scene-linear EXR frames out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)


def _placeholder() -> None:
    """Stand for a command in the overview; ``resolve_command`` imports the real one."""


for _name, _entry in ENTRIES.items():
    app.command(_name, help=_entry.help)(_placeholder)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ofx-reenact {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", help="Show the version.", callback=_version, is_eager=True),
) -> None:
    """Options before a command."""


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code, an :class:`~ofx_reenact.errors.Exit`."""
    try:
        code = app(args=arguments, prog_name="ofx-reenact", standalone_mode=False)
    except CommandLineError as error:
        error.show()
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code if isinstance(code, int) else Exit.DONE
