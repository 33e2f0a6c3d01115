"""The command line itself: help, mistakes, exit codes, and that heavy packages are loaded only when they are needed."""

import importlib
import json
import os
import signal
import subprocess
import sys

import pytest

from ofx_reenact import __version__
from ofx_reenact.cli import commands, main
from ofx_reenact.cli.main import run
from ofx_reenact.errors import EngineLost, Exit, ReenactError, SettingsError
from ofx_reenact.settings import Settings

# Loading one of these takes longer than printing a page of help, or than a running engine takes to begin a frame.
HEAVY = {"torch", "cv2", "OpenImageIO", "PyOpenColorIO", "scipy", "numpy", "numba", "av", "safetensors", "fileseq"}


def loaded_by(*arguments: str) -> tuple[set[str], str]:
    """Run a command line in a new process; return the names of all modules that it loaded, and what it printed."""
    code = (
        "import sys\n"
        "from ofx_reenact.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    environment = {**os.environ, "COLUMNS": "200"}
    line = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split()), done.stdout


def test_help_of_render_lists_every_option_and_loads_nothing_heavy():
    loaded, said = loaded_by("render", "--help")
    assert not HEAVY & loaded
    for name in Settings().as_dict():
        assert "--" + name.replace("_", "-") in said, name


def test_the_list_of_commands_loads_no_command():
    loaded, said = loaded_by("--help")
    assert not HEAVY & loaded
    assert not {f"ofx_reenact.cli.{entry.module}" for entry in commands.ENTRIES.values()} & loaded
    assert all(f" {name} " in said and entry.help.split(",")[0] in said for name, entry in commands.ENTRIES.items())


def test_a_render_loads_no_more_than_it_needs():
    """Packages for videos and for the tracker's networks are loaded with the first video and the first face."""
    code = (
        "import sys, ofx_reenact.engine.render_job\n"
        "needless = {'av', 'tflite', 'fileseq', 'sympy', 'matplotlib', 'typer', 'rich'} & set(sys.modules)\n"
        "assert 'torch' in sys.modules and not needless, needless"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", commands.ENTRIES)
def test_the_list_of_commands_has_each_commands_own_help(name):
    entry = commands.ENTRIES[name]
    found = getattr(importlib.import_module(f"ofx_reenact.cli.{entry.module}"), entry.attribute)
    assert entry.help == (found.info.help if entry.attribute == "app" else found.__doc__)
    assert commands.load(name).name == name


def test_version():
    """In a new process, as ``python -m ofx_reenact``."""
    done = subprocess.run(
        [sys.executable, "-m", "ofx_reenact", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"ofx-reenact {__version__}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["render", "--motion", "sideways"],
        ["render", "--weight-mouth", "7"],
        ["render", "--layers", "rgba,nonsense"],
        ["render", "--no-such-option"],
        ["render"],
        ["render", "--target", "t.exr", "--output", "o.exr"],
        ["render", "--target", "t.exr", "--output", "o.####.exr", "--progress", "loud"],
        ["track", "--input", "d.mp4"],
        ["nonsense"],
    ],
)
def test_wrong_options_exit_with_2(arguments, capsys):
    assert run(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture
def ended_by(monkeypatch):
    """Return a function that runs ``render`` and lets it end with a given error before it does anything."""

    def end(error: BaseException, *more: str) -> int:
        def broken(*_, **__):
            raise error

        monkeypatch.setattr("ofx_reenact.engine.render_job.render_sequence", broken)
        return run(["render", "--target", "t", "--output", "o.####.exr", *more])

    return end


def test_defects_leave_a_log_and_no_traceback(ended_by, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ended_by(ZeroDivisionError("oops")) == 70
    said = capsys.readouterr().err
    log = next(tmp_path.glob("ofx-reenact-*.log"))
    assert str(log) in said and "Traceback" not in said and "ZeroDivisionError" in log.read_text()
    monkeypatch.setenv("OFX_REENACT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        ended_by(ZeroDivisionError("oops"))


def test_the_log_of_a_defect_replaces_no_file(ended_by, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / f"ofx-reenact-{os.getpid()}.log").symlink_to(precious)
    assert ended_by(ZeroDivisionError("oops")) == 70 and precious.read_text() == "mine"
    (log,) = [path for path in tmp_path.glob("ofx-reenact-*.log") if not path.is_symlink()]
    assert os.name != "posix" or log.stat().st_mode & 0o777 == 0o600
    assert ended_by(ZeroDivisionError("oops")) == 70 and len(list(tmp_path.glob("ofx-reenact-*.log"))) == 3
    capsys.readouterr()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert ended_by(ZeroDivisionError("oops")) == 70
    assert "no log could be written: set OFX_REENACT_DEBUG=1 to see the traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError("400 GiB"), "not enough memory (400 GiB)"),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), "set TMPDIR to a folder"),
    ],
)
def test_failures_of_the_machine_are_not_called_defects(ended_by, capsys, error, says):
    assert ended_by(error) == 1
    said = capsys.readouterr().err
    assert says in said and "defect" not in said


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has other signals")
def test_signals_interrupt_as_ctrl_c_does(monkeypatch):
    names = ("SIGTERM", "SIGHUP")
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    try:
        for name in names:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        main._take_signals()
        for name in names:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(getattr(signal, name))
        # Under nohup, a process ignores SIGHUP, the signal that its terminal was closed.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        main._take_signals()
        signal.raise_signal(signal.SIGHUP)
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def test_interrupt(ended_by, capsys):
    assert ended_by(KeyboardInterrupt(), "--progress", "json") == 130
    said = capsys.readouterr()
    assert said.err == "error: interrupted; frames that were finished are whole\n"
    assert json.loads(said.out) == {"event": "error", "message": "interrupted; frames that were finished are whole"}


@pytest.mark.parametrize(
    ("error", "code"), [(ReenactError("why"), 1), (SettingsError("why"), 2), (EngineLost("why"), 75)]
)
def test_each_error_has_its_exit_code(ended_by, capsys, error, code):
    assert ended_by(error) == code == Exit(code) and capsys.readouterr().err == "error: why\n"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--progress", "json"], '{"event": "error", "message": "a b"}\n'),
        (["--progress=openjd"], "openjd_fail: a b\n"),
        (["--progress", "deadline"], ""),
        (["--progress", "json", "--progress=none"], ""),
        ([], ""),
    ],
)
def test_errors_follow_the_progress_option(ended_by, capsys, asked, said):
    assert ended_by(ReenactError("a\nb"), *asked) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (said, "error: a b\n")


@pytest.mark.parametrize(("given", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_do_not_keep_cores_busy(given, found):
    """This makes two renders at the same time twice as fast."""
    text = (
        "import atexit, os, sys; sys.argv = ['ofx-reenact', '--version']; "
        "atexit.register(lambda: print(os.environ['OMP_WAIT_POLICY'])); from ofx_reenact.cli.main import main; main()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": given} if given else {}
    done = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == found
