"""The options of a render, as the engine describes them in ``settings.json``."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, List

from reenact_nuke.errors import ReenactError

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "settings.json")
_schema: Dict[str, Any] = {}


def schema() -> Dict[str, Any]:
    """Read what ``ofx-reenact settings --json`` printed: all options of a render, and the version."""
    if not _schema:
        with open(_FILE, encoding="utf-8") as file:
            _schema.update(json.load(file))
    return _schema


def all_options() -> List[Dict[str, Any]]:
    """List the options in the engine's order."""
    return list(schema()["options"])


def version() -> str:
    """Give the version of ofx_reenact that this node belongs to."""
    return str(schema()["version"])


def present_choice(option: Dict[str, Any], value: Any) -> Any:
    """Give a choice's present name: nodes and presets of earlier versions have earlier names."""
    return option["earlier"].get(value, value) if isinstance(value, str) else value


def is_path(option: Dict[str, Any], value: Any) -> bool:
    """Tell whether a value of an option names a file, or files; some options also take other texts and numbers."""
    if not option["path"] or not isinstance(value, (str, list)):
        return False
    return not (option["unless"] and isinstance(value, str) and re.fullmatch(option["unless"], value))


def read_json_part(file: str, schema: str, part: str, what: str) -> Dict[str, Any]:
    """Read one object of a JSON file.

    Args:
        file: its path.
        schema: the schema that the file must name.
        part: name of the object.
        what: what the file should hold, for messages: ``a preset``.

    Raises:
        ReenactError: the file cannot be read, or has another schema.
    """
    try:
        with open(file, encoding="utf-8") as source:
            content = json.load(source)
    except (OSError, ValueError) as error:
        raise ReenactError(f"{file}: cannot be read as {what} ({error})") from error
    if not isinstance(content, dict) or content.get("schema") != schema or not isinstance(content.get(part), dict):
        raise ReenactError(f'{file}: expected {{"schema": "{schema}", "{part}": {{...}}}}')
    return dict(content[part])
