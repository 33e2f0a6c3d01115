"""A job for the farm: the engine writes its file, and whatever the studio has registered takes it."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional

from reenact_nuke import log
from reenact_nuke.errors import ReenactError

Submitter = Callable[[Dict[str, Any]], str]
_registered: List[Submitter] = []


def register(submitter: Optional[Submitter]) -> None:
    """Name the function that takes jobs, best in the studio's own ``menu.py``.

    Args:
        submitter: called with the job, a dict: ``file``, where it is written; ``command``, the list of arguments after
            the engine's Python that renders all of it; what the file holds: ``schema``, ``name``, ``frames``,
            ``settings`` (names and values of all the engine's settings), ``chunk_size``, ``chunk_seconds``; and
            ``chunks``, the frames of each chunk. Returns a line for the artist. None: nobody.
    """
    _registered[:] = [submitter] if submitter is not None else []


def send(done: Dict[str, Any]) -> str:
    """Hand the job that the engine wrote to the studio's function; returns what to tell the artist.

    Raises:
        ReenactError: the studio's function failed.
    """
    job = {name: value for name, value in done.items() if name not in ("event", "id")}
    if not _registered:
        command = json.dumps(["python", *job["command"]])
        log.write("farm job {}: {}".format(job["file"], command))
        return (
            "The job is written: {}\nNobody has registered a farm here (reenact_nuke.farm.register). What to run, as a "
            "list of arguments, also in the log:\n{}".format(job["file"], command)
        )
    try:
        said = _registered[0](job)
    except Exception as error:
        log.write_traceback()
        raise ReenactError(
            "The job is written, but the studio's own function did not send it: {!r}. File: {}. Log: {}".format(
                error, job["file"], log.path()
            )
        ) from error
    return str(said or "{} was sent".format(job["name"]))
