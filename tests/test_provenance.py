"""Provenance: consent, sidecars that chunks share, what every frame says of itself."""

import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest
from conftest import TARGET

from ofx_reenact.engine.run import render_sequence
from ofx_reenact.engine.settings import Settings
from ofx_reenact.errors import OutputError, ReenactError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.provenance import read_consent, sidecar_path, write_sidecar

GOOD = {
    "schema": "ofx-reenact/consent/1", "performer": "A. Person", "release": "R-17", "scope": "shot 10",
    "expires": "2999-12-31", "sha256": "00",
}  # fmt: skip


def consent(folder: Path, **changes) -> Path:
    path = folder / "consent.json"
    path.write_text(json.dumps({**GOOD, **changes}))
    return path


def test_consent_is_read(tmp_path):
    found = read_consent(consent(tmp_path))
    assert (found.performer, found.release, found.warnings) == ("A. Person", "R-17", ())


def test_expired_consent_warns(tmp_path):
    assert "expired on 2020-01-01" in read_consent(consent(tmp_path, expires="2020-01-01")).warnings[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"release": ""}, "field 'release'"), ({"expires": "soon"}, "field 'expires'"), ({"schema": "x"}, "schema")],
)
def test_consent_errors_name_the_field(tmp_path, changes, says):
    with pytest.raises(ReenactError, match=says):
        read_consent(consent(tmp_path, **changes))


@pytest.mark.parametrize(
    ("output", "name"),
    [("a/o.####.exr", "o.reenact.json"), ("o_%04d.exr", "o.reenact.json"), ("x.y.@@@.exr", "x.y.reenact.json")],
)
def test_sidecar_path(output, name):
    assert sidecar_path(output).name == name


def add(path: str, frame: int) -> None:
    write_sidecar(Path(path), {"output": "o"}, {frame: {"confidence": 1.0}})


def test_many_processes_share_one_sidecar(tmp_path):
    path = tmp_path / "o.reenact.json"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add, args=(str(path), frame)) for frame in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(json.loads(path.read_text())["frames"]) == ["0", "1", "2", "3", "4"]
    assert [p.name for p in tmp_path.iterdir()] == ["o.reenact.json"]


def test_a_lock_left_by_a_killed_process_is_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr("ofx_reenact.provenance._LOCK_SECONDS", 0.2)
    path = tmp_path / "o.reenact.json"
    lock = tmp_path / "o.reenact.json.lock"
    lock.touch()
    os.utime(lock, (time.time() - 60, time.time() - 60))
    add(str(path), 1)
    assert path.exists() and not lock.exists()


def test_sidecar_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="sidecar"):
        add(str(tmp_path / "file" / "o.reenact.json"), 1)


def test_consent_reaches_frames_and_sidecar(performance_file, tmp_path):
    report = render_sequence(
        Settings(
            target=str(TARGET),
            performance=performance_file,
            output=str(tmp_path / "o.####.exr"),
            frames="36",
            consent=str(consent(tmp_path, expires="2020-01-01")),
        )
    )
    assert "expired" in report.warnings[0]
    attributes = read_plate(tmp_path / "o.0036.exr").attributes
    assert attributes.get_string_attribute("reenact:consent_id") == "R-17"
    assert attributes.get_string_attribute("Software").startswith("ofx-reenact ")
    assert len(attributes.get_string_attribute("reenact:weights_sha256")) == 64
    assert json.loads((tmp_path / "o.reenact.json").read_text())["consent"] == "R-17"
