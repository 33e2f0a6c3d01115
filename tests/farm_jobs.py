"""Helpers for the farm's tests: a small target, and an ofx-reenact that only records its arguments."""

import json
import os
import stat
import sys
from pathlib import Path

import cv2
import numpy as np
from conftest import DRIVER, TARGET

from ofx_reenact.frames.sequence import Sequence

_RECORDER = """\
#!{python}
import json, os, pathlib, sys
path = pathlib.Path({log!r})
with path.open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
{more}
"""


def small_target(folder: Path) -> Path:
    """The demo target at a third of its size."""
    picture = cv2.imread(str(TARGET))
    path = folder / "target.png"
    small = cv2.resize(picture, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    cv2.imencode(".png", small)[1].tofile(path)
    return path


def small_take(folder: Path, frames: int) -> str:
    """Every third frame of the demo driver, 25 at most, so that no two are alike, as pictures from 1 on."""
    driver = Sequence.open(DRIVER)
    for frame in range(1, frames + 1):
        shown = np.rint(driver.read(3 * frame).rgb * 255).astype(np.uint8)
        cv2.imencode(".png", shown[..., ::-1])[1].tofile(folder / f"take.{frame:04d}.png")
    return str(folder / "take.####.png")


def recorder(folder: Path, more: str = "") -> Path:
    """An interpreter for OFX_REENACT_PYTHON that appends its arguments to calls.jsonl and then does ``more``."""
    path = folder / "recorder"
    path.write_text(_RECORDER.format(python=sys.executable, log=str(folder / "calls.jsonl"), more=more))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def calls(folder: Path) -> list[list[str]]:
    """The recorded arguments of ofx-reenact, without the calls of ``--version``."""
    recorded = [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
    return [arguments[2:] for arguments in recorded if arguments[2:] != ["--version"]]


def same_frames(one: str, other: str) -> list[int]:
    """Assert that two sequences have the same pixels, bit for bit; return their frames."""
    a, b = Sequence.open(one), Sequence.open(other)
    assert a.frames == b.frames
    for frame in a.frames:
        first, second = a.read(frame), b.read(frame)
        assert np.array_equal(first.rgb, second.rgb), frame
    assert not list(Path(one).parent.glob("*.tmp-*"))
    return list(a.frames)


def processes(mark: str) -> list[int]:
    """Processes other than this one whose environment contains a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [number for number in found if number != os.getpid()]
