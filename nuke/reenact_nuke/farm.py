"""A job for the farm: a file that says everything, handed to whatever the studio has registered."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List, Optional

from reenact_nuke import log, paths
from reenact_nuke.resolve import command_line

SCHEMA = "ofx-reenact/job/1"
Submitter = Callable[[Dict[str, Any]], str]
_registered: List[Submitter] = []


def register(submitter: Optional[Submitter]) -> None:
    """Name the function that takes jobs, best in the studio's own ``menu.py``.

    Args:
        submitter: called with the job: ``schema``, ``name``, ``settings`` (names and values of the engine's settings),
            ``command`` (the list of arguments after the engine's Python; to cut the job, replace the value after
            ``--frames``) and ``file`` (where all this is written). Returns a line for the artist. None: nobody.
    """
    _registered[:] = [submitter] if submitter is not None else []


def write_job(name: str, settings: Dict[str, Any]) -> Dict[str, Any]:
    """Write a job beside its output and return it.

    Frames that are there are skipped, so that a job that was stopped can be sent again.
    """
    settings = dict(settings)
    if settings.get("existing", "error") == "error":
        settings["existing"] = "skip"
    file = paths.beside(settings["output"], name + ".job.json")
    job = {
        "schema": SCHEMA, "name": name, "version": paths.version(), "settings": settings,
        "command": ["-m", "ofx_reenact", *command_line(settings), "--progress", "json"], "file": file,
    }  # fmt: skip
    folder = os.path.dirname(file)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    with open(file + ".tmp", "w", encoding="utf-8") as sink:
        json.dump(job, sink, indent=2)
        sink.write("\n")
    os.replace(file + ".tmp", file)
    return job


def send(job: Dict[str, Any]) -> str:
    """Hand a job to the studio's function; returns what to tell the artist."""
    if _registered:
        return str(_registered[0](job) or "{} was sent".format(job["name"]))
    command = json.dumps(["python", *job["command"]])
    log.write("farm job {}: {}".format(job["file"], command))
    return (
        "The job is written: {}\nNobody has registered a farm here (reenact_nuke.farm.register). What to run, as a "
        "list of arguments, also in the log:\n{}".format(job["file"], command)
    )
