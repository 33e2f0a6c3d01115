"""Settings on their way to another process: paths made absolute. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofx_reenact.settings import Settings


def absolute(settings: Settings) -> Settings:
    """Return settings whose paths are absolute, seen from the working directory."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.metadata["path"] and value:
            values[field.name] = tuple(map(_absolute, value)) if isinstance(value, tuple) else _absolute(value)
    return replace(settings, **values)


def _absolute(path: str) -> str:
    return os.path.normpath(Path.cwd() / path)
