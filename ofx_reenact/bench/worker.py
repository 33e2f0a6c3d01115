"""Times renders of one state of the package, in a process of its own.

It is run as a script, also with earlier states of the package that do not have this file. From a state it uses only
the render and, for single stages, the state's own :mod:`ofx_reenact.bench.stages`. It reads requests from standard
input, one JSON object a line, and answers each with one.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def about() -> dict[str, Any]:
    """Return the package's folder and version, and the names that it has for profiles; none if it does not tell."""
    import ofx_reenact

    try:
        from ofx_reenact.settings import Settings

        profiles = list(Settings.__dataclass_fields__["profile"].metadata["choices"])
    except (ImportError, AttributeError, KeyError):
        profiles = []
    folder = str(Path(ofx_reenact.__file__).resolve().parent)
    return {"package": folder, "version": ofx_reenact.__version__, "profiles": profiles}


def render(settings: dict[str, Any]) -> dict[str, Any]:
    """Render a shot; returns seconds, CPU seconds, and the number of frames written."""
    from ofx_reenact.settings import Settings

    try:
        module = importlib.import_module("ofx_reenact.api")
    except ImportError:
        # A state without a public interface.
        module = importlib.import_module("ofx_reenact.engine.run")
    return _time(lambda: len(module.render_sequence(Settings(**settings)).written))


def analyse(settings: dict[str, Any]) -> dict[str, Any]:
    """Track the driver, and a target that moves, even if their files exist."""
    from ofx_reenact.engine.analyse import analyse_inputs
    from ofx_reenact.settings import Settings

    def track() -> int:
        about = analyse_inputs(Settings(**settings), fresh=True)
        return int(about["last"]) - int(about["first"]) + 1

    return _time(track)


def stages(shot: dict[str, Any], device: str, profile: str) -> dict[str, Any]:
    """Render a shot stage by stage; returns the seconds of each, or why this state cannot time stages."""
    try:
        from ofx_reenact.bench import stages as own
        from ofx_reenact.bench.clock import Clock
        from ofx_reenact.bench.plates import Shot
        from ofx_reenact.stages import observe_stages

        made = Shot(**{**shot, "target": Path(shot["target"]), "tracked": Path(shot["tracked"])})
        clock, samples = Clock(), own._Samples()
        with observe_stages(clock):
            own._pass(made, clock, samples, device, profile)
        return {"seconds": {stage: seconds for stage, seconds in samples.seconds.items() if seconds}}
    except (ImportError, AttributeError, TypeError) as error:
        return {"lacking": f"{type(error).__name__}: {error}"}


def _time(work: Callable[[], int]) -> dict[str, Any]:
    """Run work, which returns a number of frames; returns it with the wall and CPU seconds."""
    cpu, started = time.process_time(), time.perf_counter()
    frames = work()
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu, "frames": frames}


def serve() -> None:
    """Answer requests until standard input ends."""
    # Answers have a stream of their own: what a library prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = DO[request.pop("do")](**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


DO: dict[str, Callable[..., dict[str, Any]]] = {
    "about": about, "render": render, "analyse": analyse, "stages": stages,
}  # fmt: skip

if __name__ == "__main__":
    serve()
