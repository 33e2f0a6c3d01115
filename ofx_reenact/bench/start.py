"""Times commands from their launch to the first frame, and to the end."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ofx_reenact.bench.figures import Timed, timed_fields
from ofx_reenact.bench.plates import Shot
from ofx_reenact.bench.processes import last_line, render_line
from ofx_reenact.errors import ReenactError
from ofx_reenact.launch import command
from ofx_reenact.service import client

HELP, RENDER, ENGINE = "--help", "render of one frame", "engine run of one frame"
BEGUN, END = "first frame begun", "end"
# Seconds after which an engine that has not started counts as failed.
_READY = 300.0


@dataclass(frozen=True)
class Start(Timed):
    """A command from its launch ``until`` its first frame begins, or until its end."""

    what: str
    until: str


def bench(shot: Shot, runs: int, device: str) -> list[Start]:
    """Launch each command ``runs`` times, taking turns, after a warm-up.

    The analysis is made before, as for the chunks of a job on a farm. ``render`` loads everything; ``engine run`` finds
    an engine that has rendered the same frame before.

    Raises:
        ReenactError: a command failed, or the engine does not start.
    """
    made = ["--performance", str(shot.tracked), "--identity", str(shot.tracked.with_name("target.safetensors"))]
    # The last frame: in the first, the driver is at rest and less has to be done.
    line = [*render_line(shot, shot.output, device), *made, "--frames", str(shot.frames), "--progress", "json"]
    session = shot.tracked.with_name("session")
    lines = {
        HELP: ["--help"],
        RENDER: line,
        ENGINE: ["engine", "run", "--session", str(session), *line[1:]],
    }
    took: dict[tuple[str, str], list[float]] = defaultdict(list)
    with _engine(session):
        for run in range(runs + 1):
            for what, words in lines.items():
                for until, seconds in time_launch(words).items():
                    if run:
                        took[what, until].append(seconds)
    return [Start(what, until, **timed_fields(seconds)) for (what, until), seconds in took.items()]


def time_launch(words: Sequence[str]) -> dict[str, float]:
    """Run a command; returns the seconds from its launch until each of :data:`BEGUN`, if it has frames, and END.

    Raises:
        ReenactError: it failed; the message is its last line.
    """
    found: dict[str, float] = {}
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        with subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if BEGUN not in found and _is_begun(line):
                    found[BEGUN] = time.perf_counter() - started
        found[END] = time.perf_counter() - started
        if process.returncode:
            raise ReenactError(f"{words[0]}, which was being timed, failed: {last_line(errors)}")
    return found


def _is_begun(line: bytes) -> bool:
    """Return whether a line of a command's progress means that its first frame has begun."""
    if not line.startswith(b"{"):
        return False
    step = json.loads(line)
    return step["event"] == "progress" and step["stage"] == "render"


@contextlib.contextmanager
def _engine(session: Path) -> Iterator[None]:
    """Run an engine; it is a child of this process, so that its CPU time does not count as that of others."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command("engine", "listen", f"--session={session}"), stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
        )
        try:
            until = time.monotonic() + _READY
            while (link := client.connect(session)) is None:
                if process.poll() is not None or time.monotonic() > until:
                    raise ReenactError(f"the engine did not start: {last_line(errors)}")
                time.sleep(0.02)
            link.close()
            yield
        finally:
            process.terminate()
            process.wait()
