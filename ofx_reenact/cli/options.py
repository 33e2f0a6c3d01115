"""Command-line options made from ``Settings``, so that no option is declared twice; groups of commands."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, get_type_hints

import typer

from ofx_reenact.cli.progress import WAYS
from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.settings.earlier_names import VALUES, as_named_now
from ofx_reenact.settings.option import check, flag, split_list

_PROGRESS = "ofx-reenact.progress"
_FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


def group(name: str, text: str) -> typer.Typer:
    """Return a group of commands, with its help."""
    return typer.Typer(name=name, help=text, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


def progress_option(*ways: str) -> Any:
    """Return the option ``--progress`` with these choices; the value is remembered for errors."""

    def remember(ctx: typer.Context, way: str) -> str:
        ctx.meta[_PROGRESS] = way
        return way

    text = f"How to show progress \\[{'|'.join(ways)}]."
    return typer.Option("--progress", help=text, metavar="TEXT", callback=remember, is_eager=True)


PROGRESS = Annotated[str, progress_option(*WAYS)]


def given_progress(ctx: typer.Context) -> str:
    """Return the value of ``--progress``; empty if it was not given."""
    return str(ctx.meta.get(_PROGRESS, ""))


def with_settings(
    function: Callable[..., int],
    extra: dict[str, Any],
    names: Collection[str] = (),
    also: Callable[..., Any] | None = None,
) -> Callable[..., int]:
    """Turn a function that takes ``(settings, **extra)`` into a command with an option for each setting.

    Args:
        function: called with a :class:`Settings` and the extra options' values.
        extra: name → annotated type of the command's own options; their defaults come from ``function``.
        names: the settings that become options; all if empty.
        also: another function that ``function`` passes its ``**options`` to; their defaults come from it.
    """
    known = {**(inspect.signature(also).parameters if also else {}), **inspect.signature(function).parameters}
    hints = get_type_hints(Settings)

    def command(**values: Any) -> int:
        rest = {name: values.pop(name) for name in extra}
        chosen = {name: _value_of(_FIELDS[name], value) for name, value in values.items()}
        return function(Settings.from_dict(chosen), **rest)

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
    """Return the command-line option of one setting, with its help, under another flag."""
    return typer.Option(flag, help=_help(_FIELDS[name]))


def value_now(option: str, value: Any, renamed: Mapping[str, str]) -> Any:
    """Return an option's value under its present name; an earlier name is noted on stderr."""
    if value not in renamed:
        return value
    typer.echo(f"note: {option} {value} is called {renamed[value]} now", err=True)
    return renamed[value]


def _help(field: dataclasses.Field[Any]) -> str:
    choices = field.metadata["choices"]
    return str(field.metadata["help"]) + (f" \\[{'|'.join(map(str, choices))}]" if choices else "")


def _value_of(field: dataclasses.Field[Any], given: Any) -> Any:
    """Return a setting's value; on the command line, lists are one text with commas."""
    return split_list(given) if isinstance(field.default, tuple) else given


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
    """Return a callback that checks a value while the command line is parsed: a wrong one is a usage error."""

    def callback(value: Any) -> Any:
        value = value_now(flag(field.name), value, VALUES.get(field.name, {}))
        try:
            # Earlier names are accepted.
            for name, one in as_named_now({field.name: _value_of(field, value)}).items():
                check(_FIELDS[name], one)
        except SettingsError as error:
            raise typer.BadParameter(str(error)) from error
        return value

    return callback
