"""Entry point of ``ofx-reenact``: the commands, and the one place that prints their errors."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

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
    streams,
    track,
    train,
    verify,
)
from ofx_reenact.errors import Exit, ReenactError

# What typer raises for a wrong command line: its own, or click's in versions that are made of that.
WrongLine: Any = getattr(typer, "TyperException", None) or importlib.import_module("click").ClickException


class Commands(TyperGroup):
    """All commands. Whatever ends one ends here, in one line that is said as ``--progress`` asks, and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; returns its exit code."""
        try:
            return super().invoke(ctx)
        except (WrongLine, typer.Exit):
            raise
        except KeyboardInterrupt:
            return _failed(ctx, "interrupted; frames that were finished are whole", Exit.INTERRUPTED)
        except ReenactError as error:
            return _failed(ctx, str(error), error.exit)
        except Exception as error:
            if lacking := _lacking(error):
                return _failed(ctx, lacking, Exit.FAILED)
            if os.environ.get("OFX_REENACT_DEBUG"):
                raise
            return _failed(ctx, _defect(error), Exit.DEFECT)


app = typer.Typer(
    name="ofx-reenact",
    cls=Commands,
    help="One-shot portrait reenactment: one picture and a performance in, scene-linear EXR frames out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
app.command("render")(render.command)
app.command("track")(track.command)
app.command("analyse")(analyse.command)
app.command("verify")(verify.command)
app.command("publish")(publish.command)
app.command("pyblish-path")(publish.pyblish_path)
app.command("demo")(demo.command)
app.command("doctor")(doctor.command)
app.command("settings")(settings.command)
app.command("nuke-path")(settings.nuke_path)
for _group in (performance, engine, job, train, data, evaluate, export, bench, consent, provenance):
    app.add_typer(_group.app)


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
    """Run a command; every error ends here, in one line and an exit code, whatever becomes of what is printed."""
    _take_signals()
    output, arguments = streams.hold(), sys.argv[1:]
    sys.exit(streams.settle(output, arguments, run(arguments)))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code, an :class:`Exit`."""
    try:
        code = app(args=arguments, prog_name="ofx-reenact", standalone_mode=False)
    except WrongLine as error:
        error.show()
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code if isinstance(code, int) else Exit.DONE


def _failed(ctx: typer.Context, message: str, code: Exit) -> Exit:
    """Say why a command failed, for people, and for the program or queue that asked for its own way of progress."""
    progress.fail(progress.asked(ctx), message)
    return code


def _lacking(error: Exception) -> str:
    """Say what this machine lacks, if an error is of that; else nothing."""
    if isinstance(error, MemoryError):
        return f"not enough memory ({error or 'no more is said'}); give it more, or smaller pictures"
    if isinstance(error, FileNotFoundError) and "usable temporary directory" in str(error):
        return f"{error.strerror}; set TMPDIR to a folder that can be written to"
    return ""


def _defect(error: Exception) -> str:
    """Say that a command failed by no fault of its input; where, is written to a file that is nobody else's."""
    said = f"a defect of ofx-reenact, not of your input: {error!r}. Please report it"
    try:
        handle, log = tempfile.mkstemp(prefix="ofx-reenact-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{said}; OFX_REENACT_DEBUG=1 shows where, since there is no place for a log"
    return f"{said} with {log}"


def _take_signals() -> None:
    """Let what ends a process from outside interrupt it as Ctrl-C does, unless whoever started it wants it ignored.

    SIGTERM comes from queues, SIGHUP from a terminal that is closed, SIGBREAK from consoles and queues on Windows.
    """
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
