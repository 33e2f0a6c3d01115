"""Published versions: their content, that none is overwritten, and that a failed one leaves nothing."""

import hashlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rendered import CHECKED, copied, failed

from ofx_reenact.cli.main import run
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.publish.options import Options
from ofx_reenact.publish.pyblish_run import publish
from ofx_reenact.publish.version import Place, integrate, name_of, place_of

pytestmark = pytest.mark.usefixtures("no_studio")


def test_a_good_sequence_is_published(spoilt, tmp_path, capsys):
    target_dir = tmp_path / "published"
    assert run(["publish", spoilt, "--target-dir", str(target_dir)]) == 0
    folder = target_dir / "o" / "v001"
    assert f"published: {folder}" in capsys.readouterr().out
    frames = [f"o.{frame:04d}.exr" for frame in range(30, 36)]
    names = [*frames, "o.reenact.json", "o.contact.png", "o.mp4"]
    assert sorted(p.name for p in folder.iterdir()) == sorted([*names, "publish.json"])
    said = json.loads((folder / "publish.json").read_text())
    assert (said["name"], said["version"], said["frameStart"], said["frameEnd"]) == ("o", 1, 30, 35)
    assert said["fps"] == pytest.approx(24000 / 1001) and set(said["checks"]) == {name.lower() for name in CHECKED}
    assert [one["name"] for one in said["representations"]] == ["exr", "sidecar", "contact", "preview"]
    for name in names:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == said["sha256"][name]
    assert sorted(p.name for p in Path(spoilt).parent.iterdir()) == [*frames, "o.reenact.json"]
    assert [p.name for p in folder.parent.iterdir()] == ["v001"]


def test_versions_are_never_overwritten(sequence, tmp_path):
    spoilt = copied(sequence, tmp_path / "s")
    for path in Path(spoilt).parent.iterdir():
        path.rename(path.with_name("shot_v003" + path.name[1:]))
    named, options = str(Path(spoilt).with_name("shot_v003.####.exr")), Options(target_dir=str(tmp_path / "p"))
    first = publish(named, options)
    folder = tmp_path / "p" / "shot" / "v003"
    assert first["good"] and first["published"]["folder"] == str(folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = publish(named, options)
    assert failed(again) == {"Version"} and "not overwritten" in again["failed"]["ValidateReenactVersion"]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_names_without_a_version_take_the_next(sequence, tmp_path):
    (tmp_path / "o" / "v007").mkdir(parents=True)
    assert publish(sequence, Options(target_dir=str(tmp_path)))["published"]["version"] == 8
    assert place_of(sequence, str(tmp_path)).version == 9
    assert name_of("a/shot_010.v12.####.exr") == ("shot_010", 12) and name_of("v12.####.exr") == ("v12", None)
    assert name_of("a/####.exr") == name_of("...####.exr") == ("reenact", None)


def test_files_that_cannot_be_copied_leave_nothing_behind(tmp_path):
    (tmp_path / "a.exr").write_bytes(b"a")
    place = Place(tmp_path / "p", "o", 1)
    missing = [{"name": "exr", "files": ["a.exr", "b.exr"], "stagingDir": str(tmp_path)}]
    with pytest.raises(OutputError, match="cannot be published"):
        integrate(place, missing, {})
    twice = [{"name": name, "files": ["a.exr"], "stagingDir": str(tmp_path)} for name in ("one", "two")]
    with pytest.raises(OutputError, match="the same name"):
        integrate(place, twice, {})
    assert {path.name for path in place.folder.parent.iterdir()} <= {".v001.lock"}
    integrate(place, twice[:1], {})
    assert [path.name for path in place.folder.parent.iterdir()] == ["v001"]
    with pytest.raises(OutputError, match="not overwritten"):
        integrate(place, twice[:1], {})


@pytest.mark.parametrize("name", [".._v007", "._v007", "..._v1", " _v2", "-_v3"])
def test_names_that_cannot_be_folders(tmp_path, name, capsys):
    (tmp_path / f"{name}.0001.exr").write_bytes(b"x")
    line = ["publish", str(tmp_path / f"{name}.####.exr"), "--target-dir", str(tmp_path / "a" / "b")]
    assert run(line) == 2
    assert "cannot be a version's name" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.0001.exr"]
    with pytest.raises(SettingsError):
        place_of(str(tmp_path / f"{name}.####.exr"), str(tmp_path / "a" / "b"))


def one_file(folder: Path) -> list[dict]:
    (folder / "a.exr").write_bytes(b"a")
    return [{"name": "exr", "files": ["a.exr"], "stagingDir": str(folder)}]


def test_files_that_a_killed_publish_left_are_removed(tmp_path):
    place = Place(tmp_path / "p", "o", 1)
    for left in (".v001.tmp-123", ".v001.tmp-0123456789ab", ".v002.tmp-123", "v001.tmp-mine"):
        (place.folder.parent / left).mkdir(parents=True)
        (place.folder.parent / left / "o.0001.exr").write_bytes(b"half")
    integrate(place, one_file(tmp_path), {})
    assert sorted(path.name for path in place.folder.parent.iterdir()) == [".v002.tmp-123", "v001", "v001.tmp-mine"]


def test_two_publishers_of_one_version(tmp_path, monkeypatch):
    """Both have the same process id, as in two containers: the second waits, then finds the version and stops."""
    place, files = Place(tmp_path / "p", "o", 1), one_file(tmp_path)
    monkeypatch.setattr("os.getpid", lambda: 7)
    began, waiting = threading.Event(), threading.Event()
    copy = shutil.copyfile

    def slow(*arguments):
        began.set()
        waiting.wait(0.5)
        return copy(*arguments)

    monkeypatch.setattr("shutil.copyfile", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(integrate, place, files, {"by": "first"})
        assert began.wait(30)
        second = pool.submit(integrate, place, files, {"by": "second"})
        assert len(first.result()) == 2
        with pytest.raises(OutputError, match="not overwritten"):
            second.result()
    assert json.loads((place.folder / "publish.json").read_text())["by"] == "first"
    assert [path.name for path in place.folder.parent.iterdir()] == ["v001"]


def test_a_users_own_files_in_the_staging_folder_stay(spoilt, tmp_path):
    mine = Path(spoilt).parent / "o.publish" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert publish(spoilt, Options(target_dir=str(tmp_path / "p")))["published"]
    assert [path.name for path in mine.parent.iterdir()] == ["notes.txt"]
