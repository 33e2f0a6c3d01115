"""``ofx install`` and ``ofx remove``: whole or not at all, and nothing else is touched where hosts look."""

import ctypes
import errno
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ofx_reenact import __version__
from ofx_reenact.cli.main import run
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.openfx import install as installing
from ofx_reenact.openfx.build import this_platform
from ofx_reenact.openfx.bundle import BINARY, NAME, binary_of, info, python_file_of, version_of
from ofx_reenact.resources import openfx_folder

BUNDLE = openfx_folder() / NAME
PYTHON = Path(sys.executable)
posix = pytest.mark.skipif(os.name != "posix", reason="needs scripts, modes and links")


@pytest.fixture
def plugins(tmp_path):
    return tmp_path / "OFX" / "Plugins"


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def there(folder: Path) -> set[str]:
    """What lies in a folder, besides the file by which one process at a time works there."""
    return {path.name for path in folder.iterdir()} - {".Reenact.lock"}


def write_earlier(plugins: Path) -> Path:
    """A bundle of an earlier version, with a file that this one has not."""
    bundle = plugins / NAME
    (bundle / "Contents" / "Old").mkdir(parents=True)
    (bundle / "Contents" / "Info.plist").write_bytes(info().replace(__version__.encode(), b"0.0.7"))
    (bundle / "Contents" / "Old" / BINARY).write_bytes(b"earlier")
    return bundle


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


def test_the_whole_bundle_is_installed_with_its_python(plugins, capsys):
    plugins.mkdir(parents=True)
    (plugins / "Other.ofx.bundle").mkdir()
    assert run(["ofx", "install", "--to", str(plugins)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{plugins / NAME}: installed, version {__version__}",
        f"engines are started with {PYTHON}",
        f"hosts search it if the variable OFX_PLUGIN_PATH names {plugins}",
    ]
    python = str(python_file_of(Path(NAME)).relative_to(NAME))
    assert files_of(plugins / NAME) == {**files_of(BUNDLE), python: f"{PYTHON}\n".encode()}
    assert there(plugins) == {NAME, "Other.ofx.bundle"} and version_of(plugins / NAME) == __version__
    library = ctypes.CDLL(str(binary_of(plugins / NAME, this_platform().folder)))
    assert library.OfxGetNumberOfPlugins() == 1


def test_without_a_folder_it_goes_where_all_hosts_look(plugins, monkeypatch, capsys):
    monkeypatch.setattr(installing, "default_folder", lambda: plugins)
    assert run(["ofx", "install"]) == 0
    assert "OFX_PLUGIN_PATH" not in capsys.readouterr().out and version_of(plugins / NAME)
    assert run(["ofx", "remove"]) == 0
    assert capsys.readouterr().out == f"{plugins / NAME}: removed, version {__version__}\n" and not there(plugins)
    assert run(["ofx", "remove"]) == 0 and capsys.readouterr().out == f"{plugins}: the plug-in is not here\n"


def test_every_system_has_a_folder_in_which_hosts_look(monkeypatch):
    monkeypatch.setenv("COMMONPROGRAMFILES", "C:/Common")
    folders = [installing.default_folder(system).as_posix() for system in ("linux", "darwin", "win32")]
    assert folders == ["/usr/OFX/Plugins", "/Library/OFX/Plugins", "C:/Common/OFX/Plugins"]


def test_ofx_path_is_the_folder_of_the_bundle(capsys):
    assert run(["ofx-path"]) == 0
    assert (Path(capsys.readouterr().out.strip()) / NAME / "Contents" / "Info.plist").is_file()


@posix
def test_everybody_may_read_what_an_administrator_installed(plugins):
    before = os.umask(0o077)
    try:
        installing.install(BUNDLE, plugins, PYTHON)
    finally:
        os.umask(before)
    for path in (plugins.parent, plugins, plugins / NAME, *(plugins / NAME).rglob("*")):
        wanted = 0o755 if path.is_dir() or path.name == BINARY else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_an_earlier_one_is_replaced_whole(plugins, capsys):
    write_earlier(plugins)
    assert run(["ofx", "install", "--to", str(plugins)]) == 0
    assert "replaced version 0.0.7" in capsys.readouterr().out.splitlines()
    assert {*files_of(plugins / NAME)} - {"Contents/Resources/python"} == {*files_of(BUNDLE)}
    assert there(plugins) == {NAME}


def untouched(path):
    """What changes when somebody writes; reading changes the time of access."""
    found = path.lstat()
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


@pytest.mark.parametrize("way", ["empty folder", "no plist", "another's", "file", "link", "link to nothing"])
@pytest.mark.parametrize("command", ["install", "remove"])
def test_what_is_not_ours_is_not_touched(plugins, tmp_path, capsys, way, command):
    place = plugins / NAME
    plugins.mkdir(parents=True)
    if way.startswith("link"):
        ours = write_earlier(tmp_path / "elsewhere") if way == "link" else tmp_path / "nothing"
        place.symlink_to(ours)
    elif way == "file":
        place.write_text("theirs")
    else:
        (place / "Contents").mkdir(parents=True)
        content = {"no plist": b"broken", "another's": info().replace(b"org.ofx-reenact", b"com.another")}.get(way)
        if content is not None:
            (place / "Contents" / "Info.plist").write_bytes(content)
    before = untouched(place), files_of(tmp_path)
    assert run(["ofx", command, "--to", str(plugins)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {place}: this is not a bundle of ofx-reenact") and "move it away" in said
    assert untouched(place) == before[0] and there(plugins) == {NAME}
    assert {name: content for name, content in files_of(tmp_path).items() if ".lock" not in name} == before[1]


@pytest.fixture
def of_another():
    """A folder of plug-ins, with an earlier one, that this user may not change; root becomes nobody for it."""
    with tempfile.TemporaryDirectory() as folder:
        write_earlier(Path(folder))
        Path(folder).chmod(0o555)
        user = os.geteuid()
        os.seteuid(user or 65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)
            Path(folder).chmod(0o755)


@posix
@pytest.mark.parametrize("deeper", ["", "deeper/down"])
@pytest.mark.parametrize("command", ["install", "remove"])
def test_no_right_to_write_is_said_with_what_to_do(of_another, command, deeper):
    before, folder = files_of(of_another), of_another / deeper
    if command == "install":
        with pytest.raises(OutputError) as caught:
            installing.install(BUNDLE, folder, PYTHON)
    elif deeper:
        assert installing.remove(folder) == ""
        return
    else:
        with pytest.raises(OutputError) as caught:
            installing.remove(folder)
    assert caught.value.exit == 1
    assert str(caught.value).startswith(f"{folder}: not writable; use 'sudo {PYTHON} -m ofx_reenact'")
    assert "--to DIR" in str(caught.value) and "OFX_PLUGIN_PATH" in str(caught.value)
    assert files_of(of_another) == before and there(of_another) == {NAME}


@pytest.mark.parametrize("at", ["copying", "taking away", "putting in place"])
def test_where_it_fails_the_earlier_one_stays(plugins, monkeypatch, at):
    before = files_of(write_earlier(plugins))
    write, rename = installing._write, Path.rename

    def full(file, content, mode=0o644):
        if "Win64" in str(file):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, content, mode)

    def fail(path, to):
        if (path.name == NAME) == (at == "taking away") and path.name != "@Reenact.earlier":
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, to)

    if at == "copying":
        monkeypatch.setattr(installing, "_write", full)
    else:
        monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputError, match="No space left" if at == "copying" else "Input/output error"):
        installing.install(BUNDLE, plugins, PYTHON)
    assert files_of(plugins / NAME) == before and there(plugins) == {NAME}


KILLED = """
import os, sys
from pathlib import Path
from ofx_reenact.openfx import install as installing
at, rename, write = sys.argv[1], Path.rename, installing._write
def dying_rename(path, to):
    if at == "before the copy is in place" and path.name == "@Reenact.copy":
        os._exit(9)
    done = rename(path, to)
    if at == "while it is taken away" or (at == "after that" and path.name == "@Reenact.copy"):
        os._exit(9)
    return done
def dying_write(file, content, mode=0o644):
    write(file, content, mode)
    if at == "half-copied" and file.name == "Reenact.ofx":
        os._exit(9)
Path.rename, installing._write = dying_rename, dying_write
plugins = Path(sys.argv[3])
if at == "while it is taken away":
    installing.remove(plugins)
else:
    installing.install(Path(sys.argv[2]), plugins, Path(sys.executable))
"""


@pytest.mark.parametrize("at", ["half-copied", "before the copy is in place", "after that", "while it is taken away"])
def test_what_a_killed_process_left_is_put_right_by_the_next(plugins, monkeypatch, at):
    before = files_of(write_earlier(plugins))
    line = [sys.executable, "-c", KILLED, at, str(BUNDLE), str(plugins)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(line, env=environment, check=False).returncode == 9
    left = there(plugins)
    assert left & {"@Reenact.copy", "@Reenact.earlier"}

    def full(file, content, mode=0o644):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OutputError):
        patched.setattr(installing, "_write", full)
        installing.install(BUNDLE, plugins, PYTHON)
    # The earlier one is back, or the new one was whole already.
    is_new = at == "after that"
    assert version_of(plugins / NAME) == (__version__ if is_new else "0.0.7") and there(plugins) == {NAME}
    assert is_new or files_of(plugins / NAME) == before
    assert installing.install(BUNDLE, plugins, PYTHON).replaced == (__version__ if is_new else "0.0.7")
    assert there(plugins) == {NAME} and {*files_of(BUNDLE)} < {*files_of(plugins / NAME)}


def test_remove_takes_away_what_killed_processes_left_and_nothing_else(plugins):
    (plugins / "@Reenact.copy" / "Contents").mkdir(parents=True)
    (plugins / "Other.ofx.bundle").mkdir()
    assert installing.remove(plugins) == "" and there(plugins) == {"Other.ofx.bundle"}
    assert installing.remove(plugins / "nowhere") == "" and not (plugins / "nowhere").exists()


def test_several_at_once_leave_one_whole(plugins):
    line = [sys.executable, "-m", "ofx_reenact", "ofx", "install", "--to", str(plugins)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen(line, env=environment, stdout=subprocess.PIPE) for _ in range(4)]
    assert [one.communicate() and one.returncode for one in running] == [0] * 4
    assert there(plugins) == {NAME} and {*files_of(BUNDLE)} < {*files_of(plugins / NAME)}


@posix
def test_another_python_is_kept_as_it_is_named(plugins, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    script(tmp_path / "real", f'exec "{PYTHON}" "$@"')
    (tmp_path / "pÿthon").symlink_to("real")
    assert run(["ofx", "install", "--to", str(plugins), "--python", "pÿthon"]) == 0
    assert f"engines are started with {tmp_path / 'pÿthon'}" in capsys.readouterr().out
    assert python_file_of(plugins / NAME).read_text(encoding="utf-8") == f"{tmp_path / 'pÿthon'}\n"


@posix
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("exit 1",), "ofx-reenact cannot be run with it; name the Python that ofx-reenact is installed in"),
        (("exit 0",), "ofx-reenact cannot be run with it"),
        (("echo ofx-reenact 0.0.9",), f"it has ofx-reenact 0.0.9, this plug-in is {__version__}"),
        ((), "ofx-reenact cannot be run with it"),
    ],
)
def test_a_python_without_this_ofx_reenact_is_refused(plugins, tmp_path, capsys, lines, said):
    named = script(tmp_path / "python", *lines) if lines else tmp_path / "nothing"
    assert run(["ofx", "install", "--to", str(plugins), "--python", str(named)]) == 2
    assert capsys.readouterr().err.startswith(f"error: --python {named}: {said}") and not plugins.exists()


def test_a_python_that_no_line_can_name_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/a/new\nline/python")
    with pytest.raises(SettingsError, match="line break"):
        installing.find_python(None)


def test_a_bundle_that_is_not_built_is_said(plugins, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ofx_reenact.cli.ofx.openfx_folder", lambda: tmp_path)
    assert run(["ofx", "install", "--to", str(plugins)]) == 1
    assert "python -m ofx_reenact.openfx build" in capsys.readouterr().err and not plugins.exists()


def test_nothing_heavy_is_loaded(plugins):
    code = (
        "import sys; from ofx_reenact.cli.main import run; "
        f"assert run(['ofx', 'install', '--to', {str(plugins)!r}]) == 0; "
        "print(sorted({'torch', 'numpy', 'cv2', 'OpenImageIO', 'numba'} & {*sys.modules}))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"
