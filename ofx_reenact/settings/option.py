"""How an option is declared, and how a value is checked against its declaration."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Collection
from typing import Any, Literal

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import check_name, check_text

# What has to be computed again when an option changes. track: the driver's performance; person: the person's identity;
# pixels: the frames' pixels; content: what the frames' files hold of these pixels, as mattes, layers, scale and type;
# output: nothing, it only decides which files are written, how and where.
Affects = Literal["track", "person", "pixels", "content", "output"]
# How a render uses the file that an option names. read_or_written: it reads the file if that exists, else writes it.
# weights: it reads the file as a network's weights. Empty: the option's value is no path.
PathRole = Literal["", "read", "read_or_written", "written", "weights"]


def option(
    default: Any,
    text: str,
    group: str,
    *affects: Affects,
    choices: tuple[str, ...] | tuple[int, ...] = (),
    open: bool = False,
    low: float | None = None,
    high: float | None = None,
    path: PathRole = "",
    unless: str = "",
    form: Callable[[str], object] | None = None,
    short: str = "",
    animatable: bool = False,
) -> Any:
    """Declare one field of :class:`~ofx_reenact.settings.Settings` with all that an interface needs to show it.

    Args:
        default: the default value; its type is the type of all values.
        text: help, for every interface: what the option does, in which unit, and what its values mean.
        group: heading under which interfaces show it.
        affects: what has to be computed again when it changes.
        choices: the values that are allowed.
        open: whether texts other than the choices are allowed, too.
        low, high: range of a number, both included.
        path: how a render uses the file that the value names; empty if the value is no path.
        unless: regular expression; values of a path option that match it completely are no paths.
        form: function that parses a text value, and raises SettingsError if it is wrong.
        short: the option's letter on the command line.
        animatable: whether ``--curves`` may give it another value in each frame.
    """
    metadata = {
        "help": text, "group": group, "affects": affects, "choices": choices, "open": open, "low": low, "high": high,
        "path": path, "unless": unless, "form": form, "short": short, "animatable": animatable,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def flag(name: str) -> str:
    """Return an option's flag on the command line, as ``--weight-jaw``."""
    return f"--{name.replace('_', '-')}"


def is_path(field: dataclasses.Field[Any], text: str) -> bool:
    """Tell whether a text is a path, as the value of an option or as one of its values."""
    unless = field.metadata["unless"]
    return bool(field.metadata["path"] and text) and not (unless and re.fullmatch(unless, text))


def kind(field: dataclasses.Field[Any]) -> str:
    """Return the type of a field's values: ``text``, ``int``, ``float``, ``choice``, ``choices`` or ``paths``.

    A field whose default is None is an ``int`` that may be None. A ``text`` with choices allows other texts, too.
    """
    if isinstance(field.default, tuple):
        return "choices" if field.metadata["choices"] else "paths"
    if isinstance(field.default, str):
        return "choice" if field.metadata["choices"] and not field.metadata["open"] else "text"
    return "float" if isinstance(field.default, float) else "int"


def split_list(text: str) -> tuple[str, ...]:
    """Split a list that is written with commas, as on the command line; empty parts are left out."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Check that a value is one of the choices.

    Raises:
        SettingsError: it is not; the message names the option and the choices.
    """
    if value not in choices:
        raise SettingsError(f"{option} {value}: choose from {', '.join(choices)}")


def check(field: dataclasses.Field[Any], value: Any) -> None:
    """Check one value against the declaration of its option.

    Raises:
        SettingsError: it has another type, is outside the choices or the range, or is text that cannot be stored.
    """
    name = flag(field.name)
    choices, low, high = (field.metadata[k] for k in ("choices", "low", "high"))
    if not _has_type(kind(field), value) and not (value is None and field.default is None):
        raise SettingsError(f"{name} {value!r}: give {_EXPECTED[kind(field)]}")
    chosen = value if isinstance(value, tuple) else (value,)
    for text in (text for text in chosen if isinstance(text, str)):
        try:
            (check_name if is_path(field, text) else check_text)(text)
            if field.metadata["form"]:
                field.metadata["form"](text)
        except SettingsError as error:
            raise SettingsError(f"{name} {error}") from error
    if choices and not field.metadata["open"] and (not chosen or any(v not in choices for v in chosen)):
        raise SettingsError(f"{name} {','.join(map(str, chosen))}: choose from {', '.join(map(str, choices))}")
    if value is None or isinstance(value, str | tuple):
        return
    if math.isnan(value) or (low is not None and value < low) or (high is not None and value > high):
        span = f"from {low:g} to {high:g}" if high is not None else f"{low:g} or more"
        raise SettingsError(f"{name} {value:g}: give a number {span}")


_EXPECTED = {
    "text": "text", "choice": "text", "int": "a whole number", "float": "a number",
    "choices": "a list of texts", "paths": "a list of texts",
}  # fmt: skip


def _has_type(wanted: str, value: Any) -> bool:
    if wanted in ("choices", "paths"):
        return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    if wanted in ("text", "choice"):
        return isinstance(value, str)
    return isinstance(value, int if wanted == "int" else int | float) and not isinstance(value, bool)
