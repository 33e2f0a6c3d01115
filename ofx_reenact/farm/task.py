"""One task of a job file: what the queues that know no parameters run. Their scripts hold no value of the job."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ofx_reenact.errors import FrameError, SettingsError
from ofx_reenact.farm.model import FarmJob, folder_of
from ofx_reenact.frames.ranges import FrameRange

JOB_FILE = "job.json"
# What a queue's own command line keeps as it is, whatever shell or macro looks at it.
_PLAIN = re.compile(r"[A-Za-z0-9/._:\\-]+")


def task_arguments(job: FarmJob, step: str, chunk: int | None, frames: str, progress: str) -> list[str]:
    """Return the command line of one task.

    Args:
        job: whose task.
        step: ``analyse``, ``render`` or ``verify``.
        chunk: which chunk of the render, from 0; or
        frames: a range, of which the job's frames are meant; neither for all.
        progress: how to show it; empty leaves it to the terminal.

    Raises:
        SettingsError: no such step or chunk.
        FrameError: none of the frames is the job's.
    """
    chosen = job.frames
    if frames:
        chosen = job.frames & FrameRange.parse(frames)
        if not chosen:
            raise FrameError(f"--frames {frames}: none of them is of this job, which has {job.frames}")
    if chunk is not None:
        if not 0 <= chunk < len(job.chunks):
            raise SettingsError(f"--chunk {chunk}: the job has chunks 0 to {len(job.chunks) - 1}")
        chosen = job.chunks[chunk]
    arguments = job.arguments(step, chosen)
    if progress and step != "verify":
        arguments.append(f"--progress={progress}")
    return arguments


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
