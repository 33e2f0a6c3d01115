"""The commands, each loaded when it is run or asked for its help."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup

from ofx_reenact import __version__
from ofx_reenact.cli.ends import end
from ofx_reenact.cli.options import asked_progress
from ofx_reenact.errors import Exit

# What typer raises for a wrong command line: its own, or click's in versions that are made of that.
WrongLine: Any = getattr(typer, "TyperException", None) or importlib.import_module("click").ClickException


@dataclass(frozen=True)
class Entry:
    """One command: what the help of all says of it, and the module of this room that has it, as ``named``."""

    help: str
    module: str
    named: str = "command"


# A group is its module's ``app``.
ENTRIES = {
    "render": Entry("Render the target performing as the driver does, as a sequence of EXR frames.", "render"),
    "track": Entry("Track a driver once and keep its performance in a file, for renders and chunks to share.", "track"),
    "analyse": Entry("Track driver and target once, into the files that all chunks of a render share.", "analyse"),
    "verify": Entry(
        "Check a rendered sequence: every frame there, whole, and as its target, driver and sidecar say.", "verify"
    ),
    "publish": Entry("Check a rendered sequence with pyblish and publish it as a new version.", "publish"),
    "pyblish-path": Entry("Print the folder to put on PYBLISHPLUGINPATH.", "publish", "pyblish_path"),
    "demo": Entry(
        "Give a plate that moves and a picture a shipped performance, with contact sheets and previews, to see it "
        "work.",
        "demo",
    ),
    "look": Entry("Work on a shot in a page of this machine's browser: sliders, curves, the frame at once.", "look"),
    "doctor": Entry(
        "Say what is installed, what is missing and how to get it, and where a render would run.", "doctor"
    ),
    "settings": Entry("Say what options a render has, their types, defaults and ranges.", "settings"),
    "nuke-path": Entry("Print the folder to put on NUKE_PATH.", "settings", "nuke_path"),
    "ofx-path": Entry("Print the folder to put on OFX_PLUGIN_PATH.", "ofx", "ofx_path"),
    "ofx": Entry("The OpenFX plug-in, where hosts look for it.", "ofx", "app"),
    "performance": Entry("Look at a performance file, and put it right by hand.", "performance", "app"),
    "engine": Entry("Work for other programs.", "engine", "app"),
    "job": Entry("Send a render to a farm: analyse once, render in chunks, verify.", "job", "app"),
    "train": Entry("Train the networks.", "train", "app"),
    "data": Entry("Make data to train and evaluate on.", "data", "app"),
    "evaluate": Entry("Measure the networks.", "evaluate", "app"),
    "export": Entry("FD-GAN of one target for other programs.", "export", "app"),
    "bench": Entry("Time stages, networks, renders.", "bench", "app"),
    "consent": Entry("The consent file of the person shown.", "consent", "app"),
    "provenance": Entry(
        "Sign frames, check their signatures, and see what a frame says of itself.", "provenance", "app"
    ),
}


class Commands(TyperGroup):
    """All commands. Whatever ends one ends here, in one line that is said as ``--progress`` asks, and an exit code."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of a line, and load it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name in ENTRIES else command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run a command; returns its exit code."""
        try:
            return super().invoke(ctx)
        except (WrongLine, typer.Exit):
            raise
        except (KeyboardInterrupt, Exception) as error:
            return end(error, asked_progress(ctx))


def load(name: str) -> Any:
    """Return a command as typer makes it, with all that is in it."""
    entry = ENTRIES[name]
    found = getattr(importlib.import_module(f"ofx_reenact.cli.{entry.module}"), entry.named)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        alone.command(name)(found)
        found = alone
    return typer.main.get_command(found)


app = typer.Typer(
    name="ofx-reenact",
    cls=Commands,
    help="One-shot portrait reenactment: one picture and a performance in, scene-linear EXR frames out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)


def _stand_in() -> None:
    """Be listed in the help; what is run in its place is loaded by then."""


for _name, _entry in ENTRIES.items():
    app.command(_name, help=_entry.help)(_stand_in)


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
    except WrongLine as error:
        error.show()
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code if isinstance(code, int) else Exit.DONE
