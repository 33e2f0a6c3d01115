"""Kill renders at random moments and look at what is left.

``OMP_NUM_THREADS=1 PYTHONPATH=tests python tests/engine/kills.py --kills 100 --seed 1`` prints what was found, as JSON.

A render of a small picture is begun in a process of its own, with all that it reads loaded, and killed: mostly by
SIGKILL, as by a queue or for want of memory, else by SIGTERM. It is begun again, as a queue does, until its frames are
there; then the next one begins.
"""

import argparse
import dataclasses
import json
import os
import platform
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import cv2
import OpenImageIO as oiio
from conftest import DRIVER, TARGET

from ofx_reenact import __version__
from ofx_reenact.cli.main import _take_signals
from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.render_job import Job
from ofx_reenact.errors import Exit, ReenactError
from ofx_reenact.frames.channels import is_whole
from ofx_reenact.progress import Watch
from ofx_reenact.provenance import Sidecar, sidecar_path
from ofx_reenact.settings import Settings

FRAMES = range(1, 7)
# One of so many renders that are hit gets SIGTERM.
GENTLE = 5
COUNTED = (
    "kills", "terminations", "sequences", "frames", "partial", "wrong", "sidecars damaged", "left behind",
    "left by kills",
)  # fmt: skip
# Tries for each kill that is to hit a render at work.
PATIENCE = 6


def main(kills: int, seed: int) -> dict[str, object]:
    """Return what was found."""
    one_thread()
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings, cache = prepare(folder)
        expected = undisturbed(settings, cache, folder / "undisturbed")
        began = time.monotonic()
        undisturbed(settings, cache, folder / "again")
        usual = time.monotonic() - began
        found: dict[str, int] = dict.fromkeys(COUNTED, 0)
        number = 0
        while (hits := found["kills"] + found["terminations"]) < kills and number < PATIENCE * kills:
            number += 1
            output = folder / f"out{found['sequences']}" / "o.####.exr"
            # Some begin over frames that are there already.
            existing = "overwrite" if found["sequences"] % 3 == 2 else "skip"
            # By hits, not by tries: one that comes too late is tried again, however fast the machine is.
            gentle = hits % GENTLE == GENTLE - 1
            hit, process = kill(settings, cache, output, existing, gentle, rng.uniform(0, usual))
            if hit:
                found["terminations" if gentle else "kills"] += 1
                look(output, expected, found, f"*.tmp-*-{process}-*" if gentle else "")
            if not hit or (existing == "overwrite" and rng.random() < 0.2):
                finish(settings, cache, output, expected, found)
                if found["sequences"] % 3 == 2:
                    shutil.copytree(folder / "undisturbed", folder / f"out{found['sequences']}")
        return {"seed": seed, "python": platform.python_version(), "system": platform.platform(),
                "version": __version__, "usual seconds": round(usual, 2), **found}  # fmt: skip


def one_thread() -> None:
    """Keep libraries from starting threads, which a forked process would wait for in vain."""
    cv2.setNumThreads(1)
    oiio.attribute("threads", 1)
    # None at all: with 1 the OpenEXR library has one thread that does the work.
    oiio.attribute("exr_threads", -1)


def prepare(folder: Path) -> tuple[Settings, JobCache]:
    """Load and compile all that the renders need; no thread may be left, because the processes are forked."""
    picture = cv2.resize(cv2.imread(str(TARGET)), (160, 160), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "target.png"), picture)
    settings = Settings(
        target=str(folder / "target.png"), driver=str(DRIVER), performance=str(folder / "p.npz"),
        identity=str(folder / "i.safetensors"), output=str(folder / "x.####.exr"), repair="off",
        frames=f"{FRAMES[0]}-{FRAMES[-1]}", layers=("rgba", "motion", "matte", "confidence"), depth="float",
    )  # fmt: skip
    cache = JobCache()
    Job(settings, Watch(), cache).run()
    return settings, cache


def begin(settings: Settings, cache: JobCache, output: Path, existing: str) -> int:
    """Begin a render in a process of its own; returns its number."""
    process = os.fork()
    if process:
        return process
    code = Exit.DEFECT
    try:
        _take_signals()
        wanted = dataclasses.replace(settings, output=str(output), existing=existing)
        Job(wanted, Watch(), cache).run()
        code = Exit.DONE
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except ReenactError as error:
        print(error, file=sys.stderr)
        code = Exit.FAILED
    finally:
        os._exit(code)


def ended(process: int) -> int:
    """Wait for a process; returns its exit code, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def undisturbed(settings: Settings, cache: JobCache, folder: Path) -> dict[str, bytes]:
    """Render undisturbed; returns the frames' bytes by name."""
    code = ended(begin(settings, cache, folder / "o.####.exr", "error"))
    assert code == 0, f"an undisturbed render ended with {code}"
    return {path.name: content(path) for path in sorted(folder.glob("*.exr"))}


def content(path: Path) -> bytes:
    """Return a frame's bytes, without the time at which it was written."""
    return re.sub(rb"[0-9]{4}:[0-9]{2}:[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", b"", path.read_bytes())


def kill(
    settings: Settings, cache: JobCache, output: Path, existing: str, gentle: bool, after: float
) -> tuple[bool, int]:
    """Begin a render and kill it; returns whether it was still at work, and its number."""
    process = begin(settings, cache, output, existing)
    time.sleep(after)
    os.kill(process, signal.SIGTERM if gentle else signal.SIGKILL)
    code = ended(process)
    if gentle:
        assert code in (0, Exit.INTERRUPTED, -signal.SIGTERM), f"SIGTERM: exit code {code}"
    return code != 0, process


def look(output: Path, expected: dict[str, bytes], found: dict[str, int], none: str) -> None:
    """Look at what is there after a kill; of the temporary files that ``none`` names there must be none."""
    for path in output.parent.glob("o.????.exr"):
        found["frames"] += 1
        if content(path) != expected[path.name]:
            found["wrong" if is_whole(path) else "partial"] += 1
    beside = sidecar_path(str(output))
    if beside.exists():
        try:
            Sidecar.load(beside)
        except ReenactError:
            found["sidecars damaged"] += 1
    # A render that could still do something leaves none of its own; what one that was killed leaves, the next one
    # removes, if it is not ended before it comes to that.
    found["left behind" if none else "left by kills"] += len(list(output.parent.glob(none or "*.tmp-*")))


def finish(
    settings: Settings, cache: JobCache, output: Path, expected: dict[str, bytes], found: dict[str, int]
) -> None:
    """Render what is missing, and look at the whole sequence."""
    code = ended(begin(settings, cache, output, "skip"))
    assert code == 0, f"the last render ended with {code}"
    look(output, expected, found, "*.tmp-*")
    found["sequences"] += 1
    there = {path.name for path in output.parent.glob("*.exr")}
    found["partial"] += len(expected.keys() ^ there)
    found["sidecars damaged"] += set(Sidecar.load(sidecar_path(str(output))).frames) != set(FRAMES)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    made = main(chosen.kills, chosen.seed)
    print(json.dumps(made, indent=1))
    sys.exit(any(made[name] for name in ("partial", "wrong", "sidecars damaged", "left behind")))
