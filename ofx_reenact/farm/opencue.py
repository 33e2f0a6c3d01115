"""A job for OpenCue: an outline of three layers, as the specification that a Cuebot takes."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ofx_reenact.errors import ReenactError
from ofx_reenact.farm.queue import JOB_FILE, Queue, WrittenJob, launch_command, make_plain_folder
from ofx_reenact.files import write_whole

if TYPE_CHECKING:
    from ofx_reenact.farm.farm_job import FarmJob

SPECIFICATION = "outline.xml"


def write_opencue(job: FarmJob, folder: Path, show: str, shot: str, user: str = "") -> WrittenJob:
    """Write the job file and the outline's specification.

    Raises:
        SettingsError: a shell could misread the folder's name.
        ReenactError: pyoutline is not installed.
        OutputError: a file cannot be written.
    """
    folder = make_plain_folder(folder, "OpenCue")
    outline = make_outline(job, folder / JOB_FILE, show, shot, user)
    from outline.backend.cue import serialize_simple
    from outline.cuerun import OutlineLauncher

    job.save(folder / JOB_FILE)
    path = folder / SPECIFICATION
    with write_whole(path) as partial:
        partial.write_text(serialize_simple(OutlineLauncher(outline)), encoding="utf-8")
    return WrittenJob(path, "layers analyse, render and verify")


def submit_opencue(job: FarmJob, folder: Path, show: str, shot: str, user: str = "") -> list[str]:
    """Launch the outline at the Cuebot that pyoutline is configured for; return an empty list, as it gives no job ids.

    Raises:
        ReenactError: the Cuebot refuses the job or cannot be reached.
    """
    from outline import cuerun

    outline = make_outline(job, folder.absolute() / JOB_FILE, show, shot, user)
    try:
        cuerun.launch(outline, use_pycuerun=False)
        return []
    except Exception as error:
        raise ReenactError(f"OpenCue did not take the job: {' '.join(str(error).split())}") from error


def make_outline(job: FarmJob, file: Path, show: str, shot: str, user: str) -> Any:
    """Return the outline: analyse, then the chunks, then verify. Its owner is ``user``; if empty, the current user.

    A render host runs a layer's command in a shell, so the command has no value of the job, only the job file's path.

    Raises:
        ReenactError: pyoutline is not installed.
    """
    try:
        import outline as cue
        from outline.modules.shell import Shell
    except ImportError as error:
        raise ReenactError("OpenCue needs pyoutline: pip install opencue-pyoutline") from error
    outline = cue.Outline(job.name.replace(" ", "_"), show=show, shot=shot, user=user or getpass.getuser())
    task = [*launch_command("OpenCue"), "job", "task", str(file)]
    gpu = {"gpus": 1} if job.settings.device == "cuda" else {}
    frames = {"range": str(job.frames), "chunk": job.chunk_size}
    analyse = Shell("analyse", command=[*task, "analyse"], range="1", **gpu)
    render = Shell("render", command=[*task, "render", "--frames=#FRAMESPEC#"], **frames, **gpu)
    verify = Shell("verify", command=[*task, "verify"], range="1")
    for layer in (analyse, render, verify):
        outline.add_layer(layer)
    render.depend_all(analyse)
    verify.depend_all(render)
    return outline


OPENCUE = Queue(
    "opencue",
    "Write the specification of a job for OpenCue.",
    write_opencue,
    submit_opencue,
    {"show": "OpenCue's show.", "shot": "OpenCue's shot.", "user": "Owner of the job; you if not given."},
    files=(JOB_FILE, SPECIFICATION),
)
