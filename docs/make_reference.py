"""Writes docs/reference.md: every option of a render, from ``Settings``, and every command, from the command line."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from ofx_reenact.cli.commands import ENTRIES
from ofx_reenact.openfx.parameters import GROUPS, Group, parameters
from ofx_reenact.settings import describe

PAGE = Path(__file__).with_name("reference.md")
OPTIONS = {option["name"]: option for option in describe()["options"]}
KINDS = {
    "button": "button", "folder": "folder", "file": "file", "status": "shown", "number": "number", "text": "text",
}  # fmt: skip
HELPS = {" ".join(option["help"].split()): name for name, option in OPTIONS.items()}
# A help text, and the choices at its end: "What to do [this|that]."
CHOICES = re.compile(r" \[([^\[\]]*\|[^\[\]]*)\]\.?$")
# The letters of the column "changes".
MARKS = {"track": "T", "person": "P", "pixels": "X", "content": "C", "output": "O"}

HEAD = """# Reference

This page is generated from the program (`python docs/make_reference.py`); `ofx-reenact COMMAND --help` prints the same.

## Options of a render
`render`, `analyse`, `job`, `engine run` and `export inputs` take these on the command line. In Nuke and in OpenFX hosts
they are knobs and parameters of the same names and groups; in Python, fields of `Settings`; in JSON, keys with `_` for
`-`.

*Changes* says what is made again when the option changes: **T** the track of the driver, **P** the identity of the
person, **X** the pixels of the frames, **C** what a frame's file holds, **O** only which frames are written, where and
how. *Keyed*: `--curves` can give the option another value in each frame.
"""
OPENFX = """## OpenFX parameters

The plug-in has the options above as parameters, under the same names in words and in groups of its own; clips, frame
ranges and render scales of the host take the place of the others. What can be keyed above can be keyed there.
"""
COLUMNS = "| option | values | default | what it does |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page's text."""
    return "\n".join([HEAD, *_options(), "## Commands\n", *_commands(), OPENFX, *_openfx()])


def _options() -> Iterator[str]:
    """The options of a render, a table for each group."""
    for group, options in groupby(OPTIONS.values(), key=lambda option: option["group"]):
        yield f"### {group}\n\n{COLUMNS} changes | keyed |\n|---|---|---|---|---|---|"
        for option in options:
            flags = f"`{_flag(option['name'])}`"
            marks = " ".join(MARKS[name] for name in option["affects"])
            keyed = "yes" if option["animatable"] else ""
            cells = (flags, _values(option), _default(option["default"]), option["help"], marks, keyed)
            yield _row(*cells)
        yield ""


def _commands() -> Iterator[str]:
    for name, entry in ENTRIES.items():
        found = getattr(importlib.import_module(f"ofx_reenact.cli.{entry.module}"), entry.attribute)
        if isinstance(found, typer.Typer):
            for inner in found.registered_commands:
                yield from _command(f"{name} {inner.name}", inner.callback, inner.help)
        else:
            yield from _command(name, found, entry.help)


def _command(name: str, function: Any, text: str | None) -> Iterator[str]:
    """One command: how it is called, what it does, and its options."""
    listed = [Parameter.of(parameter, hint) for parameter, hint in _parameters(function)]
    usage = " ".join([name, *(parameter.flags for parameter in listed if not parameter.flags.startswith("-"))])
    yield f"### {name}\n\n`ofx-reenact {usage}`\n\n{_paragraphs(function.__doc__ or text)}\n"
    shared = [parameter.name for parameter in listed if parameter.is_setting]
    if shared:
        names = "all of them" if set(shared) == set(OPTIONS) else ", ".join(f"`{_flag(one)}`" for one in shared)
        yield f"[Options of a render](#options-of-a-render): {names}.\n"
    own = [parameter for parameter in listed if not parameter.is_setting]
    if own:
        yield f"{COLUMNS}\n|---|---|---|---|"
        yield from (_row(f"`{one.flags}`", one.values, one.default, one.help) for one in own)
        yield ""


def _openfx() -> Iterator[str]:
    """The groups of the plug-in's panel, and the parameters that are no options."""
    yield "| group | parameters |\n|---|---|"
    for group in (Group("", "above the groups"), *GROUPS):
        yield _row(group.label, ", ".join(one.label for one in parameters() if one.group == group.name))
    yield "\n| parameter | values | what it does |\n|---|---|---|"
    for one in (one for one in parameters() if not one.is_option):
        values = " ".join(f"`{choice}`" for choice in one.choices) or KINDS[one.kind]
        yield _row(one.label, values, one.help)
    yield ""


def _parameters(function: Any) -> Iterator[tuple[inspect.Parameter, Any]]:
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if get_origin(hint) is Annotated and not getattr(get_args(hint)[1], "hidden", True):
            yield parameter, hint


@dataclass(frozen=True)
class Parameter:
    """An option or argument of one command, in words."""

    name: str
    flags: str
    values: str
    default: str
    help: str

    @property
    def is_setting(self) -> bool:
        """Whether it is an option of a render, with the same help."""
        return self.name in OPTIONS and self.flags.startswith("-") and self.help == _plain(OPTIONS[self.name]["help"])

    @classmethod
    def of(cls, parameter: inspect.Parameter, hint: Any) -> Parameter:
        """Read what typer reads: the annotation's type, and the option or argument that goes with it."""
        kind, info = get_args(hint)[:2]
        if isinstance(info, typer.models.ArgumentInfo):
            flags = str(info.metavar or parameter.name.upper())
        else:
            # Within ``Annotated`` the first flag stands where a default would.
            named = [text for text in (info.default, *(info.param_decls or ())) if isinstance(text, str)]
            flags = ", ".join(named) or _flag(parameter.name)
        default = "" if parameter.default is parameter.empty else _default(parameter.default)
        text, *choices = CHOICES.split(_plain(info.help))[:2]
        values = " ".join(f"`{one}`" for one in choices[0].split("|")) if choices else _kind(kind, info)
        text = text if text.endswith(".") or not text else f"{text}."
        if (known := HELPS.get(text)) and not (parameter.name == known and flags.startswith("-")):
            text = f"As `{_flag(known)}` of a render."
        return cls(parameter.name, flags, values, default, text)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _kind(kind: Any, info: Any) -> str:
    """What values a command's own option has."""
    kinds = {one for one in (kind, *get_args(kind)) if isinstance(one, type)}
    if info.min is not None or info.max is not None:
        return _range(info.min, info.max)
    if kinds & {int, float}:
        return "whole number" if int in kinds else "number"
    return "" if bool in kinds else "path" if Path in kinds or info.metavar == "PATH" else "text"


def _values(option: dict[str, Any]) -> str:
    """What values an option of a render has."""
    if option["choices"]:
        return " ".join(f"`{choice}`" for choice in option["choices"])
    if option["low"] is not None:
        return _range(option["low"], option["high"])
    if option["path"]:
        return "paths" if option["type"] == "paths" else "face" if option["unless"] else "path"
    return {"int": "whole number", "float": "number"}.get(option["type"], "text")


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"from {low:g}" if low is not None else f"to {high:g}"


def _default(value: Any) -> str:
    if value is None or value is False or value in ("", [], ()):
        return ""
    if value is True:
        return "on"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f"`{text:g}`" if isinstance(text, float) else f"`{text}`"


def _paragraphs(text: str | None) -> str:
    """A docstring as Markdown, a line for each paragraph; what follows a form feed is not help."""
    parts = inspect.cleandoc(text or "").partition("\f")[0].split("\n\n")
    return "\n\n".join(_plain(part) for part in parts)


def _plain(text: str | None) -> str:
    """Help as Markdown has it, on one line."""
    return " ".join((text or "").replace("\\[", "[").split())


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
