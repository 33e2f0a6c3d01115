"""Command-line options made from the engine's settings, so that nothing is said twice."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection
from typing import Annotated, Any, get_type_hints

import typer

from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import check


def settings_parameters(names: Collection[str] = ()) -> list[inspect.Parameter]:
    """Return one keyword parameter for each field of :class:`Settings`, or those named, as typer reads them."""
    hints = get_type_hints(Settings)
    fields = [field for field in dataclasses.fields(Settings) if not names or field.name in names]
    return [_parameter(field, hints[field.name]) for field in fields]


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

    def command(**values: Any) -> int:
        rest = {name: values.pop(name) for name in extra}
        return function(from_options(values), **rest)

    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=known[name].default, annotation=kind)
        for name, kind in extra.items()
    ]
    parameters = [*settings_parameters(names), *more]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def setting(name: str, flag: str | None = None) -> Any:
    """Return the command-line option of one setting, with its own help."""
    metadata = next(field.metadata for field in dataclasses.fields(Settings) if field.name == name)
    text = metadata["help"] + (f" \\[{'|'.join(metadata['choices'])}]" if metadata["choices"] else "")
    return typer.Option(flag or f"--{name.replace('_', '-')}", help=text)


def from_options(values: dict[str, Any]) -> Settings:
    """Build settings from option values; tuples are written with commas.

    Raises:
        SettingsError: a value is outside its choices or range.
    """
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    return Settings(**{name: _value_of(fields[name], said) for name, said in values.items()})


def _value_of(field: dataclasses.Field[Any], said: Any) -> Any:
    """Return an option's value as the command line says it; lists are written with commas."""
    if not isinstance(field.default, tuple):
        return said
    return tuple(part.strip() for part in said.split(",") if part.strip())


def _parameter(field: dataclasses.Field[Any], kind: Any) -> inspect.Parameter:
    metadata, default, hint = field.metadata, field.default, kind
    if isinstance(default, tuple):
        default, hint = ",".join(default), str
    names = [f"--{field.name.replace('_', '-')}"] + ([f"-{metadata['short']}"] if metadata["short"] else [])
    text = metadata["help"]
    if metadata["choices"]:
        text += f" \\[{'|'.join(metadata['choices'])}]"
    option = typer.Option(
        *names,
        help=text,
        rich_help_panel=metadata["group"],
        show_default=default not in ("", None),
        metavar=_metavar(field, hint),
        callback=_checker(field),
    )
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, option]
    )


def _metavar(field: dataclasses.Field[Any], hint: Any) -> str:
    if field.metadata["path"]:
        return "PATH"
    return "TEXT" if hint is str else "NUMBER"


def _checker(field: dataclasses.Field[Any]) -> Callable[[Any], Any]:
    """Check a value while the command line is read, so that a wrong one is a usage error."""

    def callback(value: Any) -> Any:
        try:
            check(field, _value_of(field, value))
        except SettingsError as error:
            raise typer.BadParameter(str(error)) from error
        return value

    return callback
