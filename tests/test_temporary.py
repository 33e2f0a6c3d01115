"""Temporary files: which process they belong to, and that those of killed processes are removed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ofx_reenact import temporary
from ofx_reenact.files import write_json
from ofx_reenact.temporary import private_folder, remove_leftovers, temporary_beside, user_cache

posix = pytest.mark.skipif(os.name != "posix", reason="processes are found as on POSIX")


@pytest.fixture
def dead(tmp_path) -> Path:
    """Return the temporary file of a process that was killed while it wrote."""
    code = (
        "import os, sys; from pathlib import Path; from ofx_reenact.temporary import temporary_beside\n"
        "path = temporary_beside(Path(sys.argv[1]))\n"
        "path.write_bytes(b'half'); print(path, flush=True); os.kill(os.getpid(), 9)"
    )
    child = [sys.executable, "-c", code, str(tmp_path / "o.0001.exr")]
    return Path(subprocess.run(child, capture_output=True, text=True, check=False).stdout.strip())


@posix
def test_files_of_killed_processes_are_removed_at_the_next_run(dead, tmp_path):
    assert dead.exists() and dead.parent == tmp_path and dead.suffix == ".exr"
    mine, other = temporary_beside(tmp_path / "o.0002.exr"), tmp_path / "o.0003.tmp-notes.exr"
    for path in (mine, other):
        path.touch()
    write_json(tmp_path / "o.reenact.json", {})
    assert not dead.exists() and mine.exists() and other.exists()


@posix
def test_the_file_of_a_running_process_stays_however_old_it_is(tmp_path):
    code = (
        "import sys; from pathlib import Path; from ofx_reenact.temporary import temporary_beside\n"
        "path = temporary_beside(Path(sys.argv[1])); path.touch(); print(path, flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "o.exr")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    path = Path(child.stdout.readline().strip())
    os.utime(path, (0, 0))
    assert remove_leftovers(tmp_path) == () and path.exists()
    child.communicate("")
    assert remove_leftovers(tmp_path) == (path,) and not path.exists()


@posix
def test_a_process_number_that_was_given_again_is_not_the_writers(tmp_path):
    mine = temporary_beside(tmp_path / "o.exr")
    system, process, started, random = mine.name.removeprefix("o.exr.tmp-").removesuffix(".exr").split("-")
    before = mine.with_name(f"o.exr.tmp-{system}-{process}-{int(started) - 1}-{random}.exr")
    for path in (mine, before):
        path.touch()
    assert remove_leftovers(tmp_path) == ((before,) if int(started) else ())


def test_files_of_other_machines_stay_for_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr(temporary, "_system_id", lambda: "0" * 8)
    theirs = temporary_beside(tmp_path / "o.exr")
    monkeypatch.undo()
    theirs.touch()
    assert remove_leftovers(tmp_path) == () and theirs.exists()
    os.utime(theirs, (0, 0))
    assert remove_leftovers(tmp_path) == (theirs,)


def test_folders_links_and_other_names_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(temporary, "_system_id", lambda: "0" * 8)
    names = [temporary_beside(tmp_path / "o.exr") for _ in range(2)]
    monkeypatch.undo()
    (tmp_path / "kept").touch()
    names[0].mkdir()
    names[1].symlink_to(tmp_path / "kept")
    for path in (tmp_path / "o.exr.tmp-0123456789ab.exr", tmp_path / "o.tmp"):
        path.touch()
        os.utime(path, (0, 0))
    before = sorted(tmp_path.iterdir())
    assert remove_leftovers(tmp_path) == () and sorted(tmp_path.iterdir()) == before
    assert remove_leftovers(tmp_path / "none") == ()


@pytest.mark.parametrize("name", ["顔" * 80 + ".exr", "a" * 250 + ".exr"])
def test_names_are_not_too_long_for_a_file_system(tmp_path, name):
    path = temporary_beside(tmp_path / name)
    path.touch()
    assert path.suffix == ".exr" and len({temporary_beside(tmp_path / name) for _ in range(20)}) == 20


@posix
def test_only_this_user_can_use_the_private_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = private_folder()
    assert folder == private_folder() and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="belongs to another user"):
        private_folder()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        private_folder()


def test_a_user_without_a_home_has_a_cache_folder(tmp_path, monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert user_cache().parent == tmp_path
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert not user_cache().exists()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path
