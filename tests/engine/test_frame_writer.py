"""Writing while rendering: several frames at once, handed back in order, and what the disk does not take named."""

import platform
import subprocess
import sys
import threading

import pytest
from jobs import job, pixels

from ofx_reenact.engine import writer
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.errors import OutputError


def test_one_frame_is_written_while_another_is(performance_file, tmp_path, monkeypatch):
    real, both = writer.write_frame, threading.Barrier(2, timeout=30)

    def together(path, *arguments, **more):
        if path.name in ("o.0001.exr", "o.0002.exr"):
            both.wait()
        real(path, *arguments, **more)

    monkeypatch.setattr(writer, "write_frame", together)
    seen = []
    settings = job(tmp_path, performance_file, frames="1-4", repair="off")
    report = render_sequence(settings, lambda step: seen.append(step.frame) if step.stage == "render" else None)
    assert report.written == (1, 2, 3, 4) and [frame for frame in seen if frame is not None] == [1, 2, 3, 4]
    assert sorted(pixels(tmp_path)) == [1, 2, 3, 4]


def test_frames_are_handed_back_in_order_whichever_is_done_first(performance_file, tmp_path, monkeypatch):
    real, second = writer.write_frame, threading.Event()

    def late(path, *arguments, **more):
        if path.name == "o.0001.exr":
            assert second.wait(30)
        real(path, *arguments, **more)
        if path.name == "o.0002.exr":
            second.set()

    monkeypatch.setattr(writer, "write_frame", late)
    report = render_sequence(job(tmp_path, performance_file, frames="1-3", repair="off"))
    assert report.written == (1, 2, 3) and not report.failed


def test_a_frame_that_fails_beside_another_fails_alone(performance_file, tmp_path, monkeypatch):
    real, both, waited = writer.write_frame, threading.Barrier(2, timeout=30), {"o.0003.exr"}

    def failing(path, *arguments, **more):
        # What fails is tried once more, alone.
        if path.name not in waited:
            waited.add(path.name)
            both.wait()
        if path.name == "o.0002.exr":
            raise OutputError(f"{path}: cannot be written (no space left)")
        real(path, *arguments, **more)

    monkeypatch.setattr(writer, "write_frame", failing)
    report = render_sequence(job(tmp_path, performance_file, frames="1-3", repair="off"))
    assert report.written == (1, 3) and "no space left" in report.failed[2]
    assert sorted(path.name for path in tmp_path.glob("o.*.exr*")) == ["o.0001.exr", "o.0003.exr"]


FAULTS = """
import resource
from ofx_reenact.engine.malloc import keep_freed_memory
assert not keep_freed_memory(1920 * 1080 * 12)
assert keep_freed_memory(64 << 20)
b"x" * (64 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    b"x" * (64 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver() < ("glibc", "2.36"), reason="others are left as they are, or may refuse")
def test_memory_of_a_picture_is_used_again():
    child = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    # Of ten blocks of 64 MiB; their pages of 4 KiB are 163 840.
    assert int(child.stdout) < 16_384
