"""Renders to be timed, in a process of its own, with the state of the package that is on its path.

It is run as a script, also with states of the package that do not have it, and uses no more of them than their
renders and, for single stages, their own :mod:`ofx_reenact.bench.stages`. Requests come in on standard input, a JSON
object a line; each is answered with one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def about() -> dict[str, Any]:
    """Say which package this is."""
    import ofx_reenact

    return {"package": str(Path(ofx_reenact.__file__).resolve().parent), "version": ofx_reenact.__version__}


def render(settings: dict[str, Any]) -> dict[str, Any]:
    """Render a shot; says how many frames were written."""
    from ofx_reenact.engine.run import render_sequence
    from ofx_reenact.settings import Settings

    return _timed(lambda: len(render_sequence(Settings(**settings)).written))


def analyse(settings: dict[str, Any]) -> dict[str, Any]:
    """Track what is driven by and, if it moves, what is driven, whatever is there already."""
    from ofx_reenact.engine.analyse import analyse_inputs
    from ofx_reenact.settings import Settings

    def track() -> int:
        about = analyse_inputs(Settings(**settings), fresh=True)
        return int(about["last"]) - int(about["first"]) + 1

    return _timed(track)


def stages(shot: dict[str, Any], device: str, profile: str) -> dict[str, Any]:
    """Render a shot stage by stage; says the seconds of each, or what this state lacks to tell them apart."""
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


def _timed(work: Callable[[], int]) -> dict[str, Any]:
    """Do work; returns the wall and CPU seconds that it took, and how many frames it was."""
    cpu, started = time.process_time(), time.perf_counter()
    frames = work()
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu, "frames": frames}


def serve() -> None:
    """Do what is asked until standard input ends."""
    # What a library prints must not come between the answers.
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
