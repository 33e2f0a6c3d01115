"""Hosts that do anything in any order, with engines that answer anything, against the plug-in under sanitizers.

``PYTHONPATH=tests python -m openfx.fuzz --seconds 600 --seed 1`` builds the plug-in with the sanitizers of addresses
and undefined behaviour and prints what was done, as JSON. It fails where the plug-in touches memory that is not its
own, leaks it, does what the standard does not allow in answer to a host that keeps to it, or leaves a process, a file
or a file descriptor; and where a step takes minutes.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import faulthandler
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openfx.compilers import SANITIZED, compile_library, find_runtime

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "openfx"
NAME = "Reenact.ofx"
# Of gcc; clang's have other names, and are in the program itself.
RUNTIMES = ("libasan.so", "libubsan.so")
# Seconds for a step, for which a hung engine is waited at most.
LONGEST = 150
_LEAK = re.compile(r"(?:Direct|Indirect) leak of .*?(?=\n\n|\Z)", re.DOTALL)
_SHOWN = 40


def can_run() -> bool:
    """Tell whether this machine has what is needed."""
    return sys.platform == "linux" and all(map(find_runtime, RUNTIMES))


def build_sanitized(folder: Path, sources: Sequence[Path] = ()) -> Path:
    """Build the plug-in, or another one, with sanitizers."""
    chosen = sources or sorted(SOURCES.glob("*.c"))
    options = () if sources else ("-fvisibility=hidden",)
    return compile_library(chosen, folder / NAME, *SANITIZED, *options, "-pthread", "-lm", "-ldl")


@dataclass(frozen=True)
class Ended:
    """How a process ended: its code, what it printed, and what the sanitizers report."""

    code: int
    output: str
    errors: str
    report: str

    @property
    def leaks(self) -> list[str]:
        """The leaks that are the plug-in's."""
        return leaks_in(self.report)


def run_sanitized(arguments: Sequence[str], folder: Path, timeout: float) -> Ended:
    """Run Python with arguments under sanitizers, whose reports go into a folder."""
    logs = folder / "reports"
    options = {
        "detect_leaks": 1, "leak_check_at_exit": 0, "exitcode": 99, "log_path": logs, "allocator_may_return_null": 1,
        "detect_stack_use_after_return": 1, "malloc_context_size": 12, "stack_trace_format": '"#%n %F %L (%m)"',
    }  # fmt: skip
    environment = os.environ | {
        "LD_PRELOAD": " ".join(map(find_runtime, RUNTIMES)), "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join(sys.path),
        # Leaks are looked for when the plug-in is done, not among those of Python itself at its end.
        "ASAN_OPTIONS": ":".join(f"{name}={value}" for name, value in options.items()),
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={logs}",
    }  # fmt: skip
    command = [sys.executable, *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=timeout)
        code, output, errors = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, output, errors = -1, "", f"did not end in {timeout} s"
    return Ended(code, output, errors, read_reports(folder))


def read_reports(folder: Path) -> str:
    """Return what the sanitizers have reported until now."""
    return "\n".join(path.read_text("utf-8", "replace") for path in sorted(folder.glob("reports.*")))


def leaks_in(report: str) -> list[str]:
    """Return the leaks that a report has of the plug-in; Python has some of its own."""
    return [leak for leak in _LEAK.findall(report) if NAME in leak]


def check_leaks() -> None:
    """Have the sanitizer report what was lost until now."""
    ctypes.CDLL(None).__lsan_do_recoverable_leak_check()


def fuzz(seconds: float, seed: int, engine: str) -> dict[str, object]:
    """Fuzz in a process of its own; returns what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_sanitized(folder)
        options = [f"--seconds={seconds}", f"--seed={seed}", f"--engine={engine}"]
        arguments = ["-m", "openfx.fuzz", "--child", name, *options]
        ended = run_sanitized(arguments, folder, seconds + 2 * LONGEST)
        trace = (folder / "trace").read_text("utf-8").splitlines() if (folder / "trace").exists() else []
        found = json.loads(ended.output) if ended.code == 0 else {}
        failures = [*found.pop("violations", []), *ended.leaks]
        if ended.code != 0:
            failures += [f"ended with code {ended.code} after {len(trace)} steps", *trace[-_SHOWN:]]
            failures += [ended.errors[-4000:], ended.report[:8000]]
        return {"seed": seed, "steps": len(trace), **found, "failures": failures}


def _child(folder: Path, seconds: float, seed: int, engine: str) -> None:
    """Do steps until the time is over, and look at what is left."""
    from openfx.fuzz_world import World

    faulthandler.enable()
    counts: collections.Counter[str] = collections.Counter()

    def has_leaked() -> bool:
        check_leaks()
        return bool(leaks_in(read_reports(folder)))

    world = World(folder, seed, engine, has_leaked)
    with (folder / "trace").open("w", encoding="utf-8") as trace:
        for step in world.steps(seconds):
            trace.write(step + "\n")
            trace.flush()
            counts[step.split(" ")[0]] += 1
            faulthandler.dump_traceback_later(LONGEST, exit=True)
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps({"counts": counts, "rendered": world.rendered, "said": world.said,
                      "violations": world.violations + world.left()}))  # fmt: skip


def main() -> int:
    """Fuzz as the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("fake", "real"), default="fake")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        _child(chosen.child, chosen.seconds, chosen.seed, chosen.engine)
        return 0
    if not can_run():
        sys.exit("there is no compiler with the sanitizers of addresses and undefined behaviour")
    found = fuzz(chosen.seconds, chosen.seed, chosen.engine)
    print(json.dumps(found, indent=1, ensure_ascii=False))
    return 1 if found["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
