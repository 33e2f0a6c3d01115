"""How long it takes to begin: a command from its launch to its first frame, and to its end."""

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

from ofx_reenact.bench.figures import Timed, spread
from ofx_reenact.bench.plates import Shot
from ofx_reenact.bench.processes import last_said, render_line
from ofx_reenact.errors import ReenactError
from ofx_reenact.launch import command
from ofx_reenact.service import client

HELP, RENDER, ENGINE = "--help", "render of one frame", "engine run of one frame"
BEGUN, END = "first frame begun", "end"
# Seconds that an engine has to load.
_READY = 300.0


@dataclass(frozen=True)
class Start(Timed):
    """A command from its launch ``until`` its first frame is begun, or until its end."""

    what: str
    until: str


def bench(shot: Shot, runs: int, device: str) -> list[Start]:
    """Launch each command ``runs`` times, taking turns, after once that does not count.

    Driver and target are tracked before, as for the chunks of a job on a farm. ``render`` loads all anew, ``engine
    run`` finds an engine that has done the same frame.

    Raises:
        ReenactError: a command failed, or the engine does not start.
    """
    made = ["--performance", str(shot.tracked), "--identity", str(shot.tracked.with_name("target.safetensors"))]
    # The last frame: in the first the driver is at rest, and there is less to do.
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
                for until, seconds in launched(words).items():
                    if run:
                        took[what, until].append(seconds)
    return [Start(what, until, **spread(seconds)) for (what, until), seconds in took.items()]


def launched(words: Sequence[str]) -> dict[str, float]:
    """Run a command; returns the seconds from its launch until each of :data:`BEGUN`, if it has frames, and END.

    Raises:
        ReenactError: it failed; what it said.
    """
    found: dict[str, float] = {}
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        with subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=said) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if BEGUN not in found and _is_begun(line):
                    found[BEGUN] = time.perf_counter() - started
        found[END] = time.perf_counter() - started
        if process.returncode:
            raise ReenactError(f"{words[0]}, which was to be timed, failed: {last_said(said)}")
    return found


def _is_begun(line: bytes) -> bool:
    """Tell whether a line of a command's progress says that its first frame is begun."""
    if not line.startswith(b"{"):
        return False
    step = json.loads(line)
    return step["event"] == "progress" and step["stage"] == "render"


@contextlib.contextmanager
def _engine(session: Path) -> Iterator[None]:
    """Have an engine that listens; it is a child of this process, so that what it takes counts as ours."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command("engine", "listen", f"--session={session}"), stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        try:
            until = time.monotonic() + _READY
            while (link := client.connect(session)) is None:
                if process.poll() is not None or time.monotonic() > until:
                    raise ReenactError(f"the engine did not start: {last_said(said)}")
                time.sleep(0.02)
            link.close()
            yield
        finally:
            process.terminate()
            process.wait()
