"""What was set in a page, as text for elsewhere: a command line, a farm's job file, a preset of the node in Nuke."""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import Any

from ofx_reenact.farm.model import FarmJob
from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import check_choice, flag

PRESET = "ofx-reenact/preset/1"
# Groups of options that a shot has by itself, and no preset.
_OWN = ("Inputs", "Output", "Engine")
KINDS = ("command", "job", "preset")


def exported(settings: Settings, kind: str) -> str:
    """Return settings as text of one of :data:`KINDS`.

    Raises:
        ReenactError: they cannot be said so.
    """
    check_choice("export", kind, KINDS)
    if kind == "command":
        return command_of(settings)
    content = FarmJob.of(settings).as_dict() if kind == "job" else preset_of(settings)
    return json.dumps(content, indent=2) + "\n"


def command_of(settings: Settings) -> str:
    """Return the command line that renders as settings say, an option a line."""
    said = [f"{flag(name)} {shlex.quote(text)}" for name, text in _said(settings)]
    return " \\\n  ".join(("ofx-reenact render", *said)) + "\n"


def preset_of(settings: Settings) -> dict[str, Any]:
    """Return what Nuke's node reads as a preset: all values but paths, frames and what belongs to one shot."""
    values = settings.as_dict()
    kept = [
        field.name
        for field in dataclasses.fields(settings)
        if field.metadata["group"] not in _OWN and not field.metadata["path"] and field.default is not None
    ]
    return {"schema": PRESET, "values": {name: values[name] for name in kept}}


def _said(settings: Settings) -> list[tuple[str, str]]:
    """Return the options that are not as they would be without being said, as a command line has them."""
    values = [(field, getattr(settings, field.name)) for field in dataclasses.fields(settings)]
    return [
        (field.name, ",".join(value) if isinstance(value, tuple) else str(value))
        for field, value in values
        if value != field.default
    ]
