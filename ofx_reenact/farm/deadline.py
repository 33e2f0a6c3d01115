"""A job for Deadline 10: three jobs of its CommandLine plugin, as the text files that deadlinecommand takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.farm.queue import JOB_FILE, STEPS, Queue, WrittenJob, launch_command, make_plain_folder
from ofx_reenact.files import write_whole

if TYPE_CHECKING:
    from ofx_reenact.farm.farm_job import FarmJob


def write_deadline(job: FarmJob, folder: Path) -> WrittenJob:
    """Write the job file, and for each step Deadline's job info and plugin info files.

    Raises:
        SettingsError: Deadline's files or command lines cannot hold a path.
        OutputError: a file cannot be written.
    """
    if not job.settings.output.isprintable():
        raise SettingsError(
            f"--output {job.settings.output!r}: Deadline's files cannot hold line breaks or control characters; "
            "choose another name"
        )
    executable, *python_arguments = launch_command("Deadline")
    folder = make_plain_folder(folder, "Deadline")
    job.save(folder / JOB_FILE)
    for step in STEPS:
        _write(folder / f"{step}_job.txt", job_info(job, step))
        _write(folder / f"{step}_plugin.txt", plugin_info(folder / JOB_FILE, step, executable, python_arguments))
    return WrittenJob(folder, "job and plugin files of analyse, render and verify")


def job_info(job: FarmJob, step: str, dependency: str = "") -> dict[str, str]:
    """Return the entries of a step's job info file."""
    output = Path(job.settings.output)
    info = {"Plugin": "CommandLine", "Name": f"{job.name} {step}", "BatchName": job.name}
    # With this variable, Python 3.11 and later import nothing from the task's working directory.
    info |= {"Frames": "0", "ChunkSize": "1", "EnvironmentKeyValue0": "PYTHONSAFEPATH=1"}
    if step == "render":
        info |= {"Frames": str(job.frames), "ChunkSize": str(job.chunk_size)}
        info |= {"OutputDirectory0": str(output.parent), "OutputFilename0": output.name}
    if dependency:
        info["JobDependencies"] = dependency
    return info


def plugin_info(file: Path, step: str, executable: str, python_arguments: list[str]) -> dict[str, str]:
    """Return the entries of a step's plugin info file. Deadline fills in the frames of each task.

    Args:
        file: the job file.
        step: ``analyse``, ``render`` or ``verify``.
        executable: ``ofx-reenact``, or the Python that it is installed in.
        python_arguments: with a Python, its arguments before those of ofx-reenact.
    """
    arguments = [*python_arguments, "job", "task", f"<QUOTE>{file}<QUOTE>", step]
    if step == "render":
        arguments.append("--frames=<STARTFRAME>-<ENDFRAME>")
    arguments.append("--progress=deadline")
    return {"Executable": executable, "Arguments": " ".join(arguments), "Shell": "default", "ShellExecute": "False"}


def submit_deadline(job: FarmJob, folder: Path) -> list[str]:
    """Submit the three jobs, each dependent on the one before; return Deadline's job ids.

    Raises:
        ReenactError: deadlinecommand is not installed, or refuses a job.
    """
    command = shutil.which("deadlinecommand")
    if command is None:
        raise ReenactError(f"deadlinecommand is not on PATH; the job's files are in {folder}")
    submitted: list[str] = []
    for step in STEPS:
        info, plugin = folder / f"{step}_job.txt", folder / f"{step}_plugin.txt"
        _write(info, job_info(job, step, submitted[-1] if submitted else ""))
        done = subprocess.run([command, str(info), str(plugin)], capture_output=True, text=True, check=False)
        found = re.search(r"^JobID=(\S+)", done.stdout, re.M)
        if done.returncode or found is None:
            message = " ".join((done.stderr or done.stdout).split())
            raise ReenactError(
                f"deadlinecommand refused {info}: {message}; submitted before it: {submitted or 'nothing'}"
            )
        submitted.append(found[1])
    return submitted


def _write(path: Path, values: dict[str, str]) -> None:
    with write_whole(path) as partial:
        partial.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")


_FILES = (JOB_FILE, *(f"{step}_{what}.txt" for step in STEPS for what in ("job", "plugin")))
DEADLINE = Queue(
    "deadline", "Write job and plugin files for Deadline 10.", write_deadline, submit_deadline, files=_FILES
)  # fmt: skip
