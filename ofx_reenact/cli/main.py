"""Entry point of ``ofx-reenact``: the commands, and the one place that prints errors."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import typer

from ofx_reenact import __version__
from ofx_reenact.cli import (
    analyse,
    bench,
    consent,
    data,
    demo,
    doctor,
    engine,
    evaluate,
    export,
    job,
    performance,
    progress,
    provenance,
    publish,
    render,
    settings,
    track,
    train,
    verify,
)
from ofx_reenact.errors import EngineLost, ReenactError, SettingsError

USAGE, FAILED, BROKEN, LOST, INTERRUPTED = 2, 1, 70, 75, 130
# The base of what typer raises for a wrong command line; newer versions bring their own instead of click's.
UsageError: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="ofx-reenact",
    help="One-shot portrait reenactment: one picture and a performance in, scene-linear EXR frames out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
app.command("render", help=render.HELP)(render.command())
app.command("track", help=track.HELP)(track.command)
app.command("analyse", help=analyse.HELP)(analyse.command())
app.command("verify", help=verify.HELP)(verify.command)
app.command("publish", help=publish.HELP)(publish.command)
app.command("pyblish-path", help=publish.PATH_HELP)(publish.pyblish_path)
app.command("demo", help=demo.HELP)(demo.command)
app.command("doctor", help=doctor.HELP)(doctor.command)
app.command("settings", help=settings.HELP)(settings.command)
app.command("nuke-path", help=settings.NUKE_HELP)(settings.nuke_path)
app.add_typer(performance.app)
app.add_typer(engine.app)
app.add_typer(job.app)
app.add_typer(train.app)
app.add_typer(data.app)
app.add_typer(evaluate.app)
app.add_typer(export.app)
app.add_typer(bench.app)
app.add_typer(consent.app)
app.add_typer(provenance.app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ofx-reenact {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", help="Show the version.", callback=_version, is_eager=True),
) -> None:
    """Options before a command."""


def main() -> None:
    """Run a command; every error ends here, in one line and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code.

    Returns:
        0 done; 1 the input cannot be used; 2 wrong options; 3 some frames failed; 70 a defect of the program;
        75 an engine was lost; 130 interrupted.
    """
    try:
        code = app(args=arguments, prog_name="ofx-reenact", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except UsageError as error:
        error.show()
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        complain("interrupted; frames that were finished are whole", arguments)
        return INTERRUPTED
    except SettingsError as error:
        complain(str(error), arguments)
        return USAGE
    except EngineLost as error:
        complain(str(error), arguments)
        return LOST
    except ReenactError as error:
        complain(str(error), arguments)
        return FAILED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        return _broken(error, arguments)


def complain(message: str, arguments: list[str]) -> None:
    """Print an error for people, and for the program or queue that asked for its own way of progress."""
    said = [
        value
        for name, value in zip(arguments, [*arguments[1:], ""], strict=True)
        if name == "--progress"
    ]
    said += [name.removeprefix("--progress=") for name in arguments if name.startswith("--progress=")]
    progress.fail(said[-1] if said else "", message)


def _broken(error: Exception, arguments: list[str]) -> int:
    if os.environ.get("OFX_REENACT_DEBUG"):
        raise error
    log = Path(tempfile.gettempdir()) / f"ofx-reenact-{os.getpid()}.log"
    log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    complain(f"a defect of ofx-reenact, not of your input: {error!r}. Please report it with {log}", arguments)
    return BROKEN
