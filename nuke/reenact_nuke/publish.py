"""The publish plugins' tasks in Nuke: done by the engine's Python, since Nuke's own has not its libraries."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Dict, Mapping

from reenact_nuke import knobs, layout, log, paths, process, session
from reenact_nuke.errors import EngineError, ReenactError

VARIABLE = "OFX_REENACT_PUBLISH_SECONDS"
# Seconds that one task may take: a version of thousands of frames is copied and its files are hashed.
SECONDS = 3600.0


def call(task: str, output: str, options: Mapping[str, Any], **values: Any) -> Any:
    """Do one task of ``ofx_reenact.publish.tasks``.

    Raises:
        ReenactError: the task says why it cannot be done, or the engine's Python failed.
    """
    job = dict(values, task=task, output=output, options=dict(options))
    python, seconds = paths.find_python(), session.seconds(VARIABLE, SECONDS)
    try:
        done = subprocess.run(
            process.command(python, "ofx_reenact.publish"),
            input=json.dumps(job),
            capture_output=True,
            encoding="utf-8",
            env=process.environment(),
            creationflags=process.FLAGS,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"publish: '{task}' took more than {seconds:g} s and was ended; raise {VARIABLE}") from error
    except OSError as error:
        reason = error.strerror or error
        raise EngineError(f"publish: {python} cannot be started ({reason}); name the engine's Python") from error
    try:
        said = json.loads(done.stdout)
    except ValueError:
        log.write(f"publish, {task}: {done.stderr}")
        raise EngineError(f"publish: the engine's Python failed at '{task}'; log: {log.path()}") from None
    if "error" in said:
        raise ReenactError(said["error"])
    return said["result"]


def sequences() -> Dict[str, str]:
    """The outputs of the script's Reenact nodes that have one and are not disabled: output → name of the node."""
    found: Dict[str, str] = {}
    for node in knobs.nodes():
        output = knobs.path(knobs.knob(node, layout.PREFIX + "output"))
        if output and not node["disable"].value():
            found.setdefault(output, node.fullName())
    return found
