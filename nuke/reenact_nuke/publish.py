"""Tasks of the publish plug-ins, done by the engine's Python, since Nuke's does not have its libraries."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Dict, Mapping

from reenact_nuke import engine_command, engine_python, engine_session, knobs, layout, log
from reenact_nuke.errors import EngineError, ReenactError

VARIABLE = "OFX_REENACT_PUBLISH_SECONDS"
# Longest time of one task: thousands of frames may be copied and hashed.
SECONDS = 3600.0


def call(task: str, output: str, options: Mapping[str, Any], **values: Any) -> Any:
    """Do one task of ``ofx_reenact.publish.tasks`` and return its result.

    Args:
        task: its name.
        output: the sequence.
        options, values: of the task.

    Raises:
        ReenactError: the task failed, with its message.
        EngineError: the engine's Python failed or took too long.
    """
    job = dict(values, task=task, output=output, options=dict(options))
    python, seconds = engine_python.find_python(), engine_session.read_seconds(VARIABLE, SECONDS)
    try:
        done = subprocess.run(
            engine_command.module_command(python, "ofx_reenact.publish"),
            input=json.dumps(job),
            capture_output=True,
            encoding="utf-8",
            env=engine_command.environment(),
            creationflags=engine_command.FLAGS,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"publish: '{task}' took more than {seconds:g} s and was ended: raise {VARIABLE}") from error
    except OSError as error:
        reason = error.strerror or error
        raise EngineError(f"publish: {python} cannot be started ({reason}): name the engine's Python") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        log.write(f"publish, {task}: {done.stderr}")
        raise EngineError(f"publish: the engine's Python failed in '{task}'. Log: {log.path()}") from None
    if "error" in answer:
        raise ReenactError(answer["error"])
    return answer["result"]


def sequences() -> Dict[str, str]:
    """Map the output of each Reenact node that is not disabled to the node's full name."""
    found: Dict[str, str] = {}
    for node in knobs.reenact_nodes():
        output = knobs.path(knobs.knob(node, layout.PREFIX + "output"))
        if output and not node["disable"].value():
            found.setdefault(output, node.fullName())
    return found
