"""Versions on disk: what is in one, that none is written over, that nothing is left of one that failed."""

import hashlib
import json
from pathlib import Path

import pytest
from rendered import CHECKED, copied, failed

from ofx_reenact.cli.main import run
from ofx_reenact.errors import OutputError
from ofx_reenact.publish.options import Options
from ofx_reenact.publish.run import publish
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


def test_versions_are_never_written_over(sequence, tmp_path):
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


def test_what_cannot_be_copied_leaves_nothing(tmp_path):
    (tmp_path / "a.exr").write_bytes(b"a")
    place = Place(tmp_path / "p", "o", 1)
    missing = [{"name": "exr", "files": ["a.exr", "b.exr"], "stagingDir": str(tmp_path)}]
    with pytest.raises(OutputError, match="cannot be published"):
        integrate(place, missing, {})
    twice = [{"name": name, "files": ["a.exr"], "stagingDir": str(tmp_path)} for name in ("one", "two")]
    with pytest.raises(OutputError, match="the same name"):
        integrate(place, twice, {})
    assert list(place.folder.parent.iterdir()) == []
    integrate(place, twice[:1], {})
    with pytest.raises(OutputError, match="not overwritten"):
        integrate(place, twice[:1], {})
