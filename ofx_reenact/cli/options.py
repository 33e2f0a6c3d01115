"""Command-line options made from the engine's settings, so that nothing is said twice; groups of commands."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, get_type_hints

import typer

from ofx_reenact.cli.progress import WAYS
from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.settings.earlier import VALUES, as_named_now
from ofx_reenact.settings.option import check, flag, split_list

_ASKED = "ofx-reenact.progress"
_FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


def group(name: str, text: str) -> typer.Typer:
    """Return a group of commands, with its help."""
    return typer.Typer(name=name, help=text, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


def progress_option(*ways: str) -> Any:
    """Return ``--progress``, for a choice of ways; the way asked for is kept for errors."""

    def keep(ctx: typer.Context, way: str) -> str:
        ctx.meta[_ASKED] = way
        return way

    text = f"How to show progress \\[{'|'.join(ways)}]."
    return typer.Option("--progress", help=text, metavar="TEXT", callback=keep, is_eager=True)


PROGRESS = Annotated[str, progress_option(*WAYS)]


def asked_progress(ctx: typer.Context) -> str:
    """Return the way to show progress that a command line asked for; empty if it did not."""
    return str(ctx.meta.get(_ASKED, ""))


def with_settings(
    function: Callable[..., int],
    extra: dict[str, Any],
    names: Collection[str] = (),
    also: Callable[..., Any] | None = None,
) -> Callable[..., int]:
    """Give a function that takes ``(settings, **extra)`` the command line of all settings, or of those named.

    Args:
        function: called with a :class:`Settings` and the extra options' values.
        extra: name → annotated type of options that are no settings; their defaults come from ``function``.
        names: of the settings to have options for; all if empty.
        also: another function, to which ``function`` hands what it takes as ``**options``; their defaults are its.
    """
    known = {**(inspect.signature(also).parameters if also else {}), **inspect.signature(function).parameters}
    hints = get_type_hints(Settings)

    def command(**values: Any) -> int:
        rest = {name: values.pop(name) for name in extra}
        said = {name: _value_of(_FIELDS[name], value) for name, value in values.items()}
        return function(Settings.from_dict(said), **rest)

    parameters = [_parameter(field, hints[name]) for name, field in _FIELDS.items() if not names or name in names]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=known[name].default, annotation=kind)
        for name, kind in extra.items()
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = function.__doc__
    return command


def setting(name: str, flag: str) -> Any:
    """Return the command-line option of one setting under another flag, with its own help."""
    return typer.Option(flag, help=_help(_FIELDS[name]))


def value_now(option: str, value: Any, renamed: Mapping[str, str]) -> Any:
    """Return an option's value under its name of today; one that has another name today is noted on stderr."""
    if value not in renamed:
        return value
    typer.echo(f"note: {option} {value} is called {renamed[value]} now", err=True)
    return renamed[value]


def _help(field: dataclasses.Field[Any]) -> str:
    choices = field.metadata["choices"]
    return str(field.metadata["help"]) + (f" \\[{'|'.join(map(str, choices))}]" if choices else "")


def _value_of(field: dataclasses.Field[Any], said: Any) -> Any:
    """Return an option's value as the command line says it; lists are written with commas."""
    return split_list(said) if isinstance(field.default, tuple) else said


def _parameter(field: dataclasses.Field[Any], hint: Any) -> inspect.Parameter:
    """Return the keyword parameter of a setting, as typer reads it."""
    metadata, default = field.metadata, field.default
    if isinstance(default, tuple):
        default, hint = ",".join(default), str
    option = typer.Option(
        f"--{field.name.replace('_', '-')}",
        *([f"-{metadata['short']}"] if metadata["short"] else []),
        help=_help(field),
        rich_help_panel=metadata["group"],
        show_default=default not in ("", None),
        metavar="FACE" if metadata["unless"] else "PATH" if metadata["path"] else "TEXT" if hint is str else "NUMBER",
        callback=_checker(field),
    )
    kind = Annotated[hint, option]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _checker(field: dataclasses.Field[Any]) -> Callable[[Any], Any]:
    """Check a value while the command line is read, so that a wrong one is a usage error."""

    def callback(value: Any) -> Any:
        try:
            # Earlier names and values are known, too.
            for name, one in as_named_now({field.name: _value_of(field, value)}).items():
                check(_FIELDS[name], one)
            value_now(flag(field.name), value, VALUES.get(field.name, {}))
        except SettingsError as error:
            raise typer.BadParameter(str(error)) from error
        return value

    return callback
