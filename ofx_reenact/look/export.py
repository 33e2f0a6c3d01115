"""Export a page's settings as text: a command line, a farm's job file, or a preset of the node in Nuke."""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import Any

from ofx_reenact.farm.farm_job import FarmJob
from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import check_choice, flag

PRESET = "ofx-reenact/preset/1"
# Groups of options that belong to one shot or machine, and are not in a preset.
_NOT_IN_PRESETS = ("Inputs", "Output", "Engine")
KINDS = ("command", "job", "preset")


def export_settings(settings: Settings, kind: str) -> str:
    """Return settings as text of one of :data:`KINDS`.

    Raises:
        ReenactError: the settings cannot be exported in this form.
    """
    check_choice("export", kind, KINDS)
    if kind == "command":
        return command_of(settings)
    content = FarmJob.of(settings).as_dict() if kind == "job" else preset_of(settings)
    return json.dumps(content, indent=2) + "\n"


def command_of(settings: Settings) -> str:
    """Return the command line that renders with these settings, one option a line."""
    options = [f"{flag(name)} {shlex.quote(text)}" for name, text in _changed_options(settings)]
    return " \\\n  ".join(("ofx-reenact render", *options)) + "\n"


def preset_of(settings: Settings) -> dict[str, Any]:
    """Return a preset for the node in Nuke: all values except paths, frames and what belongs to one shot."""
    values = settings.as_dict()
    names = [
        field.name
        for field in dataclasses.fields(settings)
        if field.metadata["group"] not in _NOT_IN_PRESETS and not field.metadata["path"] and field.default is not None
    ]
    return {"schema": PRESET, "values": {name: values[name] for name in names}}


def _changed_options(settings: Settings) -> list[tuple[str, str]]:
    """Return (name, text for a command line) of the options that do not have their defaults."""
    values = [(field, getattr(settings, field.name)) for field in dataclasses.fields(settings)]
    return [
        (field.name, ",".join(value) if isinstance(value, tuple) else str(value))
        for field, value in values
        if value != field.default
    ]
