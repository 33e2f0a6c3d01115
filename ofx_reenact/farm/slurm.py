"""A job for Slurm: constant scripts, an array of chunks, dependencies between the steps."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ofx_reenact.errors import ReenactError
from ofx_reenact.farm.queue import JOB_FILE, Queue, WrittenJob, make_folder
from ofx_reenact.files import write_whole
from ofx_reenact.launch import CODE

if TYPE_CHECKING:
    from ofx_reenact.farm.farm_job import FarmJob

SUBMIT, TASK = "submit.sh", "task.sh"
# Only the number of the last chunk differs between jobs; all values are read from the job file.
_TASK = f"""\
#!/bin/sh
# One task: JOB_FILE STEP. Slurm runs it; the chunk of a render is the array's index.
file=$1
step=$2
if [ -n "$OFX_REENACT_PYTHON" ]; then
  set -- "$OFX_REENACT_PYTHON" -c "{CODE}"
else
  set -- ofx-reenact
fi
if [ "$step" = render ]; then
  exec "$@" job task "$file" render --chunk="$SLURM_ARRAY_TASK_ID"
fi
exec "$@" job task "$file" "$step"
"""
_SUBMIT = """\
#!/bin/sh
# Submits the job; arguments go to every sbatch, as --partition=gpu --gres=gpu:1.
set -eu
cd "$(dirname "$0")"
submit() {{
  name=$1
  shift
  sbatch --parsable --job-name="reenact-$name" --requeue "$@" ./task.sh "$PWD/job.json" "$name"
}}
mkdir -p log
analyse=$(submit analyse --output=log/analyse.txt "$@")
render=$(submit render --output=log/render.%a.txt --array=0-{last} --kill-on-invalid-dep=yes \\
  --dependency="afterok:${{analyse%%;*}}" "$@")
verify=$(submit verify --output=log/verify.txt --dependency="afterany:${{render%%;*}}" "$@")
echo "${{analyse%%;*}} ${{render%%;*}} ${{verify%%;*}}"
"""


def write_slurm(job: FarmJob, folder: Path) -> WrittenJob:
    """Write the job file, the script of a task, and the script that submits the job.

    Raises:
        OutputError: a file cannot be written.
    """
    folder = make_folder(folder, "Slurm")
    job.save(folder / JOB_FILE)
    for name, text in ((TASK, _TASK), (SUBMIT, _SUBMIT.format(last=len(job.chunks) - 1))):
        with write_whole(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
            partial.chmod(0o755)
    return WrittenJob(folder / SUBMIT, "submits an array of chunks; its arguments go to sbatch")


def submit_slurm(job: FarmJob, folder: Path) -> list[str]:
    """Run the submitting script; return Slurm's job ids of the three steps.

    Raises:
        ReenactError: sbatch is not installed, or refuses a job.
    """
    script = folder.absolute() / SUBMIT
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReenactError(f"{script}: {' '.join(done.stderr.split()) or f'exit code {done.returncode}'}")
    return done.stdout.split()


SLURM = Queue("slurm", "Write an array job for Slurm.", write_slurm, submit_slurm, files=(JOB_FILE, TASK, SUBMIT))
