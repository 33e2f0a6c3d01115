"""What all queues share: their description, the folder of a job, and how they start ofx-reenact.

Imports nothing heavy: the commands of ``ofx-reenact job`` are made from the queues.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ofx_reenact.errors import OutputError, SettingsError

STEPS = ("analyse", "render", "verify")
CHUNK_SIZE = 20
JOB_FILE = "job.json"
# Characters that shells and the queues' own variable substitution leave unchanged.
_PLAIN = re.compile(r"[A-Za-z0-9/._:\\-]+")


@dataclass(frozen=True)
class WrittenJob:
    """The files of a job that were written: the path to show, what it is, and what the user can do next."""

    path: Path
    description: str
    hint: str = ""


@dataclass(frozen=True)
class Queue:
    """One kind of queue; the command ``ofx-reenact job NAME`` is made from this.

    Attributes:
        write: writes the files of a job; takes ``(job, folder)`` and the queue's options, with their defaults.
        submit: takes the same, submits the written job, and returns the queue's ids; None if users submit by hand.
        options: further options of the command, all text: name → help.
        sizes_chunks: whether the queue can choose the size of chunks by the time they take (``--chunk-seconds``).
        files: names of the files that ``write`` writes.
    """

    name: str
    help: str
    write: Callable[..., WrittenJob]
    submit: Callable[..., list[str]] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    sizes_chunks: bool = False
    files: tuple[str, ...] = ()


def make_folder(path: Path, what: str) -> Path:
    """Make the folder for a job's files; return its absolute path.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: the {what} folder cannot be made ({error.strerror or error})") from error
    return path.absolute()


def make_plain_folder(folder: Path, queue: str) -> Path:
    """Make the folder for a job's files whose path is part of the queue's command line.

    Raises:
        SettingsError: a shell or the queue could misread the path.
        OutputError: it cannot be made.
    """
    path = folder.absolute()
    if not _PLAIN.fullmatch(str(path)):
        raise SettingsError(f"{path}: {queue} takes plain letters, digits and /._- only; choose another DIR")
    return make_folder(path, queue)


def launch_command(queue: str) -> list[str]:
    """Return the words that start ofx-reenact: with OFX_REENACT_PYTHON of this process, else by name.

    Raises:
        SettingsError: a shell or the queue could misread the interpreter's path.
    """
    python = os.environ.get("OFX_REENACT_PYTHON", "")
    if not python:
        return ["ofx-reenact"]
    if not _PLAIN.fullmatch(python):
        raise SettingsError(f"OFX_REENACT_PYTHON={python}: {queue} takes a path of plain letters, digits and /._- only")
    return [python, "-m", "ofx_reenact"]
