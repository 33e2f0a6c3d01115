"""Send a job to the farm, through the function that the studio registers."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional

from reenact_nuke import log
from reenact_nuke.errors import ReenactError

Submitter = Callable[[Dict[str, Any]], str]
_registered: List[Submitter] = []


def register(submitter: Optional[Submitter]) -> None:
    """Register the function that submits jobs, for example in the studio's own ``menu.py``.

    Args:
        submitter: called with the job, a dict; returns a line for the artist. None removes it. The dict has ``file``,
            the job file; ``command``, arguments of the engine's Python that render all of it; the content of the file:
            ``schema``, ``name``, ``frames``, ``settings`` (all of the engine's settings), ``chunk_size``,
            ``chunk_seconds``; and ``chunks``, the frames of each chunk.
    """
    _registered[:] = [submitter] if submitter is not None else []


def send(done: Dict[str, Any]) -> str:
    """Give a job that the engine wrote to the studio's function; returns a message for the artist.

    Args:
        done: the engine's answer to ``job``.

    Raises:
        ReenactError: the studio's function failed.
    """
    job = {name: value for name, value in done.items() if name not in ("event", "id")}
    if not _registered:
        command = json.dumps(["python", *job["command"]])
        log.write("farm job {}: {}".format(job["file"], command))
        return (
            "The job file is written: {}\nNo farm is registered (reenact_nuke.farm.register). Run this command, a "
            "list of arguments; it is also in the log:\n{}".format(job["file"], command)
        )
    try:
        message = _registered[0](job)
    except Exception as error:
        log.write_traceback()
        raise ReenactError(
            "The job file is written, but the studio's own function did not send it: {!r}. File: {}. Log: {}".format(
                error, job["file"], log.path()
            )
        ) from error
    return str(message or "{} was sent".format(job["name"]))
