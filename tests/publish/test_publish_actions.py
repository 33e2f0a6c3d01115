"""Actions of a publish: missing frames and entries are restored, and no hash is changed."""

import json
from pathlib import Path

import pytest
from rendered import change_target, edit_sidecar, failed

from ofx_reenact.cli.main import run
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.names import frame_path
from ofx_reenact.publish.options import Options
from ofx_reenact.publish.pyblish_run import publish

pytestmark = pytest.mark.usefixtures("no_studio")


def test_missing_frames_are_rendered_again(spoilt, tmp_path):
    _, before = read_channels(frame_path(spoilt, 33))
    frame_path(spoilt, 33).unlink()
    cut = frame_path(spoilt, 34)
    cut.write_bytes(cut.read_bytes()[:-2000])
    report = publish(spoilt, Options(target_dir=str(tmp_path / "p")), run_actions=True)
    assert report["good"] and report["repaired"] == {"Render missing frames": "done"}
    _, after = read_channels(frame_path(spoilt, 33))
    assert all((after[name] == pixels).all() for name, pixels in before.items())
    assert report["report"]["frames"] == "30-35"


def test_a_lost_sidecar_is_written_again(spoilt, sequence, performance_file, capsys):
    (Path(spoilt).parent / "o.reenact.json").unlink()
    consent = str(Path(sequence).parent / "consent.json")
    line = ["publish", spoilt, "--performance", performance_file, "--consent", consent]
    assert run(line) == 1
    assert run([*line, "--repair"]) == 0
    assert "note: target target.exr: its SHA-256 is not known" in capsys.readouterr().out
    content = json.loads((Path(spoilt).parent / "o.reenact.json").read_text())
    assert content["frames"]["33"]["face"] == "tracked" and "lost" in content["rebuilt"]


def test_frames_the_sidecar_lacks_are_added(spoilt):
    edit_sidecar(spoilt, lambda c: c["frames"].pop("33"))
    assert failed(publish(spoilt, Options(), run_actions=False)) == {"Sidecar", "Faces"}
    report = publish(spoilt, Options(), run_actions=True)
    assert report["good"] and report["repaired"] == {"Write the sidecar again": "done"}


def test_actions_do_not_change_a_hash(spoilt):
    change_target(spoilt)
    assert failed(publish(spoilt, Options(), run_actions=True)) == {"Sidecar"}


def test_an_action_that_fails_is_reported(spoilt, capsys):
    frame_path(spoilt, 33).unlink()
    edit_sidecar(spoilt, lambda c: c["settings"].update(performance="gone.npz", target="gone.exr"))
    assert run(["publish", spoilt, "--repair"]) == 1
    assert "repair: Render missing frames: gone.exr: no such file" in capsys.readouterr().out
