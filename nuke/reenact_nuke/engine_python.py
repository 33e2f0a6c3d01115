"""Find the engine's Python: the one that ofx_reenact is installed in."""

from __future__ import annotations

import json
import os
from typing import List

from reenact_nuke.errors import EngineError

HERE = os.path.dirname(os.path.abspath(__file__))
VARIABLE = "OFX_REENACT_PYTHON"
PREFERENCES = "reenact.json"


def preference_files() -> List[str]:
    """List the files that may name the engine's Python: the user's own first, then the studio's."""
    return [
        os.path.join(os.path.expanduser("~"), ".nuke", PREFERENCES),
        os.path.join(os.path.dirname(HERE), PREFERENCES),
    ]


def find_python() -> str:
    """Find the engine's Python.

    The first of these counts: ``OFX_REENACT_PYTHON``; ``python`` in the user's ``~/.nuke/reenact.json``; the same in a
    ``reenact.json`` beside ``init.py``; the environment that this folder is installed in.

    Raises:
        EngineError: none is named, or the named file does not exist.
    """
    named = [(os.environ.get(VARIABLE, ""), VARIABLE)]
    named += [(_read_preference(file), file) for file in preference_files()]
    for python, place in named:
        if python:
            if not os.path.isfile(python):
                raise EngineError(f"{place} names {python}, which does not exist: correct it to the engine's Python")
            return python
    for python in _pythons_of_this_environment():
        if os.path.isfile(python):
            return python
    raise EngineError(
        f"The engine's Python is not named. Set {VARIABLE} to the python of the environment that ofx-reenact is "
        f'installed in, or write {{"python": "..."}} into {preference_files()[0]}'
    )


def save_python(python: str) -> str:
    """Write the engine's Python into this user's preferences; returns that file."""
    file = preference_files()[0]
    folder = os.path.dirname(file)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    with open(file, "w", encoding="utf-8") as sink:
        json.dump({"python": python}, sink, indent=2)
        sink.write("\n")
    return file


def _read_preference(file: str) -> str:
    try:
        with open(file, encoding="utf-8") as source:
            content = json.load(source)
    except OSError:
        return ""
    except ValueError as error:
        raise EngineError(f"{file}: not JSON ({error}); correct or remove it") from error
    return str(content.get("python", "")) if isinstance(content, dict) else ""


def _pythons_of_this_environment() -> List[str]:
    """List where Python may be, if this folder is ``site-packages/ofx_reenact/nuke/reenact_nuke`` of an environment."""
    root = HERE
    found = []
    for _ in range(7):
        root = os.path.dirname(root)
        found += [os.path.join(root, "bin", "python"), os.path.join(root, "Scripts", "python.exe")]
    return found if os.path.basename(os.path.dirname(os.path.dirname(HERE))) == "ofx_reenact" else []
