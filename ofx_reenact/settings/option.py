"""How an option is declared, and how a value is checked against its declaration."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Collection
from typing import Any, Literal

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import check_name, check_text

# What a change of an option makes anew: the driver's performance, the person's identity, the frames' pixels, what a
# frame's file holds, or only which frames are written, how and where.
Affects = Literal["track", "person", "pixels", "content", "output"]
# What a path is to a render: read, read if it is there and else written, written, or read as a network's weights.
Role = Literal["", "read", "kept", "written", "weights"]


def option(
    default: Any,
    text: str,
    group: str,
    *affects: Affects,
    choices: tuple[str, ...] | tuple[int, ...] = (),
    open: bool = False,
    low: float | None = None,
    high: float | None = None,
    path: Role = "",
    unless: str = "",
    form: Callable[[str], object] | None = None,
    short: str = "",
    animatable: bool = False,
) -> Any:
    """Declare one field of :class:`~ofx_reenact.settings.Settings` with all that an interface needs to know of it.

    Args:
        default: value that is taken where none is given; it says what type values have.
        text: help.
        group: under which interfaces show it.
        affects: what a change of it makes anew.
        choices: values that may be chosen.
        open: the choices are offered, and other texts are taken as well.
        low, high: range of a number, both included.
        path: what the file of that name is to a render; empty where the value is no path.
        unless: regular expression of the texts that are no path where others are.
        form: reads a text, and raises SettingsError where it cannot.
        short: letter of the command line.
        animatable: whether ``--curves`` may give it another value in each frame.
    """
    metadata = {
        "help": text, "group": group, "affects": affects, "choices": choices, "open": open, "low": low, "high": high,
        "path": path, "unless": unless, "form": form, "short": short, "animatable": animatable,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def flag(name: str) -> str:
    """Return the command line's word for an option."""
    return f"--{name.replace('_', '-')}"


def is_path(field: dataclasses.Field[Any], text: str) -> bool:
    """Tell whether a text, as the value of an option or one of its values, names a file."""
    unless = field.metadata["unless"]
    return bool(field.metadata["path"] and text) and not (unless and re.fullmatch(unless, text))


def kind(field: dataclasses.Field[Any]) -> str:
    """Return what a field's values are: ``text``, ``int``, ``float``, ``choice``, ``choices`` or ``paths``.

    A number without a default is ``int`` and may be None. A ``text`` that has choices takes others as well.
    """
    if isinstance(field.default, tuple):
        return "choices" if field.metadata["choices"] else "paths"
    if isinstance(field.default, str):
        return "choice" if field.metadata["choices"] and not field.metadata["open"] else "text"
    return "float" if isinstance(field.default, float) else "int"


def split_list(text: str) -> tuple[str, ...]:
    """Read a list as a command line writes it, with commas; empty parts are left out."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that is none of the choices.

    Raises:
        SettingsError: naming the option and what may be chosen.
    """
    if value not in choices:
        raise SettingsError(f"{option} {value}: choose from {', '.join(choices)}")


def check(field: dataclasses.Field[Any], value: Any) -> None:
    """Compare one value with its declaration.

    Raises:
        SettingsError: it is of another type, outside the choices or the range, or text that no file takes.
    """
    said = flag(field.name)
    choices, low, high = (field.metadata[k] for k in ("choices", "low", "high"))
    if not _is_of(kind(field), value) and not (value is None and field.default is None):
        raise SettingsError(f"{said} {value!r}: give {_WANTED[kind(field)]}")
    chosen = value if isinstance(value, tuple) else (value,)
    for text in (text for text in chosen if isinstance(text, str)):
        try:
            (check_name if is_path(field, text) else check_text)(text)
            if field.metadata["form"]:
                field.metadata["form"](text)
        except SettingsError as error:
            raise SettingsError(f"{said} {error}") from error
    if choices and not field.metadata["open"] and (not chosen or any(v not in choices for v in chosen)):
        raise SettingsError(f"{said} {','.join(map(str, chosen))}: choose from {', '.join(map(str, choices))}")
    if value is None or isinstance(value, str | tuple):
        return
    if math.isnan(value) or (low is not None and value < low) or (high is not None and value > high):
        span = f"from {low:g} to {high:g}" if high is not None else f"{low:g} or more"
        raise SettingsError(f"{said} {value:g}: give a number {span}")


_WANTED = {
    "text": "text", "choice": "text", "int": "a whole number", "float": "a number",
    "choices": "a list of texts", "paths": "a list of texts",
}  # fmt: skip


def _is_of(wanted: str, value: Any) -> bool:
    if wanted in ("choices", "paths"):
        return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    if wanted in ("text", "choice"):
        return isinstance(value, str)
    return isinstance(value, int if wanted == "int" else int | float) and not isinstance(value, bool)
