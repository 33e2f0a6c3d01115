"""Output that cannot be printed (full disk, reader ended, closed stream): a command's work decides its exit code."""

import array
import errno
import fcntl
import json
import os
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from conftest import TARGET

from ofx_reenact.cli.streams import Tolerant

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


def command(shell: str, *arguments: object, **more) -> subprocess.CompletedProcess:
    """Run a line of shell in which OFX, or ``$0 -m ofx_reenact "$@"``, is ofx-reenact with ``arguments``."""
    line = ["sh", "-c", shell.replace("OFX", 'exec "$0" -m ofx_reenact "$@"'), sys.executable, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ, **more})


class Broken:
    """A stream that takes ``left`` characters, then fails with the error ``number``."""

    encoding = "utf-8"

    def __init__(self, left: int, number: int) -> None:
        self.left, self.number, self.taken = left, number, ""

    def write(self, text: str) -> int:
        if len(text) > self.left:
            raise OSError(self.number, os.strerror(self.number))
        self.left -= len(text)
        self.taken += text
        return len(text)

    def flush(self) -> None:
        if not self.left:
            raise OSError(self.number, os.strerror(self.number))

    def fileno(self) -> int:
        raise OSError(errno.EBADF, "none")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EDQUOT, errno.EBADF])
def test_a_stream_that_fails_raises_no_error(number):
    broken = Broken(7, number)
    stream = Tolerant(broken)
    print("one", file=stream, flush=True)
    assert stream.lost is None
    for text in ("two", "three", "four"):
        print(text, file=stream, flush=True)
    stream.writelines(["five", "six"])
    assert stream.lost.errno == number and broken.taken.startswith("one\ntwo") and stream.encoding == "utf-8"
    with pytest.raises(TypeError):
        print(1, 2, sep=b"", file=stream)


@pytest.mark.slow
@needs_full
def test_a_full_disk_for_messages_does_not_fail_a_render(performance_file, tmp_path):
    line = ["render", "-t", TARGET, "--performance", performance_file, "-o", tmp_path / "o.####.exr", "-f", "30",
            "--repair", "off"]  # fmt: skip
    done = command("OFX >/dev/full", *line, "--progress", "json")
    assert done.returncode == 0 and (tmp_path / "o.0030.exr").exists() and (tmp_path / "o.reenact.json").exists()
    assert done.stderr == (
        "error: standard output cannot be written (No space left on device); output is incomplete\n"
    )


@pytest.mark.slow
@needs_full
@pytest.mark.parametrize(
    ("shell", "progress"),
    [
        ("OFX >&-", "json"), ("OFX <&-", "deadline"), ("OFX <&- >&- 2>&-", "none"), ("OFX 2>&-", "rich"),
        ("OFX 2>/dev/full", "rich"), ("OFX >/dev/full 2>/dev/full", "openjd"),
    ],
)  # fmt: skip
def test_closed_and_full_streams_do_not_fail_a_render(performance_file, tmp_path, shell, progress):
    line = ["render", "-t", TARGET, "--performance", performance_file, "-o", tmp_path / "o.####.exr", "-f", "30",
            "--repair", "off", "--progress", progress]  # fmt: skip
    done = command(shell, *line)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    # A frame's file can get the number of a closed standard stream; no library's message was written into it.
    verified = command("OFX", "verify", tmp_path / "o.####.exr")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.slow
def test_a_render_continues_after_its_reader_has_ended(performance_file, tmp_path):
    line = ["render", "-t", TARGET, "--performance", performance_file, "-o", tmp_path / "o.####.exr", "-f", "30-32",
            "--repair", "off", "--progress", "json"]  # fmt: skip
    done = command('{ "$0" -m ofx_reenact "$@"; echo $? >&2; } | head -n 1', *line)
    assert done.stderr == "0\n" and json.loads(done.stdout)["event"] == "progress"
    assert len(list(tmp_path.glob("*.exr"))) == 3


@needs_full
def test_the_exit_code_of_verify_does_not_depend_on_streams(spoilt):
    good = command("OFX >/dev/full", "verify", spoilt)
    (Path(spoilt).parent / "o.0032.exr").unlink()
    bad = command("OFX >/dev/full", "verify", spoilt, "--progress", "json")
    assert (good.returncode, bad.returncode) == (0, 1)
    assert good.stderr == bad.stderr and good.stderr.count("\n") == 1


@needs_full
@pytest.mark.parametrize("arguments", [["settings", "--json"], ["--help"], ["render", "--help"], ["--version"]])
def test_a_command_that_only_prints_fails_if_it_cannot_print(arguments):
    done = command("OFX >/dev/full", *arguments)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "error: standard output cannot be written" in done.stderr


@pytest.mark.slow
def test_a_reader_may_stop_reading(tmp_path):
    done = command('{ "$0" -m ofx_reenact "$@"; echo $? >&2; } | head -n 1', "settings", "--json")
    assert (done.stdout, done.stderr) == ("{\n", "0\n")
    done = command('{ "$0" -m ofx_reenact "$@"; echo $? >&2; } | :', "render", "--target", "t", "--output", "o.exr")
    assert "error:" in done.stderr and done.stderr.endswith("\n2\n") and "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["OFX 2>/dev/full", "OFX 2>&-"])
def test_exit_codes_are_the_same_if_stderr_cannot_be_written(shell):
    assert command(shell, "verify", "o.exr").returncode == 2
    assert command(shell, "render", "--no-such-option").returncode == 2


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes have one size here")
def test_a_non_blocking_pipe_with_a_slow_reader():
    """Output waits for the reader and is not given up."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    size = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    child = subprocess.Popen([sys.executable, "-m", "ofx_reenact", "settings", "--json"], stdout=writing)
    os.close(writing)
    waiting = array.array("i", [0])
    while waiting[0] < size and child.poll() is None:
        fcntl.ioctl(reading, termios.FIONREAD, waiting)
        time.sleep(0.02)
    time.sleep(0.2)
    with os.fdopen(reading) as file:
        assert json.load(file)["schema"] == "ofx-reenact/settings/1"
    assert child.wait() == 0


@pytest.mark.skipif(os.name != "posix", reason="names of files are text elsewhere")
@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
def test_file_names_that_are_not_utf_8(tmp_path, encoding):
    name = os.fsdecode(b"o\xff \xe9\xa1\x94.####.exr")
    done = command("OFX", "verify", tmp_path / name, PYTHONIOENCODING=encoding)
    assert done.returncode == 2 and "not UTF-8" in done.stderr and "Traceback" not in done.stderr
