"""Make the paths in settings absolute, for another process. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import is_path


def absolute(settings: Settings) -> Settings:
    """Return settings in which all paths are absolute; relative ones are joined to the working directory."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, tuple) and field.metadata["path"]:
            values[field.name] = tuple(map(_absolute, value))
        elif isinstance(value, str) and is_path(field, value):
            values[field.name] = _absolute(value)
    return replace(settings, **values)


def _absolute(path: str) -> str:
    return os.path.normpath(Path.cwd() / path)
