"""Settings on their way to another process: paths made absolute, text that can travel. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofx_reenact.errors import SettingsError
from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import flag


def absolute(settings: Settings) -> Settings:
    """Return settings whose paths are absolute, seen from the working directory.

    Raises:
        SettingsError: a value that no file can carry.
    """
    check_text(settings)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.metadata["path"] and value:
            values[field.name] = tuple(map(_absolute, value)) if isinstance(value, tuple) else _absolute(value)
    return replace(settings, **values)


def check_text(settings: Settings) -> None:
    """Refuse text that files and command lines cannot carry.

    Raises:
        SettingsError: naming the option.
    """
    for name, value in settings.as_dict().items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and ("\0" in text or _is_broken(text)):
                raise SettingsError(f"{flag(name)} {text!r}: not text in UTF-8; rename the file")


def _absolute(path: str) -> str:
    return os.path.normpath(Path.cwd() / path)


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
