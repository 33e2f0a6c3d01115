"""What the queues share: how each describes itself, and folders and programs that its own command line can name.

Imports nothing heavy: the command line is made from the queues.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ofx_reenact.errors import OutputError, SettingsError

STEPS = ("analyse", "render", "verify")
CHUNK = 20
JOB_FILE = "job.json"
# What a queue's own command line keeps as it is, whatever shell or macro looks at it.
_PLAIN = re.compile(r"[A-Za-z0-9/._:\\-]+")


@dataclass(frozen=True)
class Written:
    """Files that were written for a queue: the one to name, what it is, and what to do with it next."""

    path: Path
    what: str
    hint: str = ""


@dataclass(frozen=True)
class Queue:
    """One kind of queue; ``ofx-reenact job NAME`` is made from this.

    ``write`` writes a job's files, whose names are ``files``; it takes ``(job, folder)`` and options whose defaults
    are those of the command.
    ``submit`` takes the same, submits what was written, and returns the queue's ids; None leaves that to others.
    """

    name: str
    help: str
    write: Callable[..., Written]
    submit: Callable[..., list[str]] | None = None
    options: Mapping[str, str] = field(default_factory=dict)  # further ones, all text: name → help
    sizes_chunks: bool = False  # by the time that they take (``--chunk-seconds``)
    files: tuple[str, ...] = ()


def folder_of(path: Path, what: str) -> Path:
    """Make the folder that a queue's files go to; returns its absolute path.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: the {what} folder cannot be made ({error.strerror or error})") from error
    return path.absolute()


def plain_folder(folder: Path, queue: str) -> Path:
    """Make a queue's folder, whose name goes through the queue's own command line.

    Raises:
        SettingsError: a shell or the queue could take its name for something else.
        OutputError: it cannot be made.
    """
    path = folder.absolute()
    if not _PLAIN.fullmatch(str(path)):
        raise SettingsError(f"{path}: {queue} takes plain letters, digits and /._- only; choose another DIR")
    return folder_of(path, queue)


def plain_launcher(queue: str) -> list[str]:
    """Return how the queue starts ``ofx-reenact``: OFX_REENACT_PYTHON as it is at submission, else by name.

    Raises:
        SettingsError: a shell or the queue could take the interpreter's path for something else.
    """
    python = os.environ.get("OFX_REENACT_PYTHON", "")
    if not python:
        return ["ofx-reenact"]
    if not _PLAIN.fullmatch(python):
        raise SettingsError(f"OFX_REENACT_PYTHON={python}: {queue} takes a path of plain letters, digits and /._- only")
    return [python, "-m", "ofx_reenact"]
