"""The publish plugins' tasks in Nuke: done by the engine's Python, since Nuke's own has not its libraries."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Dict, Mapping

from reenact_nuke import knobs, layout, link, log, paths
from reenact_nuke.errors import EngineError, ReenactError


def call(task: str, output: str, options: Mapping[str, Any], **values: Any) -> Any:
    """Do one task of ``ofx_reenact.publish.tasks``.

    Raises:
        ReenactError: the task says why it cannot be done, or the engine's Python failed.
    """
    job = dict(values, task=task, output=output, options=dict(options))
    done = subprocess.run(
        [paths.find_python(), "-m", "ofx_reenact.publish"],
        input=json.dumps(job),
        capture_output=True,
        encoding="utf-8",
        env=link.environment(),
        check=False,
    )
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
    import nuke

    found: Dict[str, str] = {}
    for node in nuke.allNodes("Group"):
        held = node.knob(layout.PREFIX + "output")
        if held is not None and not node["disable"].value() and knobs.path(held):
            found.setdefault(knobs.path(held), node.name())
    return found
