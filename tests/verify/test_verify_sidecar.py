"""Verify of the sidecar: its faults, its inputs, and the frames that should exist."""

import contextlib
import itertools
import json
from pathlib import Path

import pytest
from rendered import bad, edit_sidecar, rewrite, shift

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.publish.checks import checks_for
from ofx_reenact.publish.options import Options
from ofx_reenact.verify.checked_sequence import inspect_sequence, read_expected
from ofx_reenact.verify.report import report_on, verify


def test_faces_must_be_in_the_sidecar(spoilt):
    edit_sidecar(spoilt, lambda content: content["frames"]["33"].pop("face"))
    assert bad(verify(spoilt)) == {"faces": ("frame 33: the sidecar does not tell how the driver's face was found",)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["inputs"]["target"].update(sha256="0" * 64), "another SHA-256"),
        (lambda c: c.update(schema="other"), "schema"),
        (lambda c: c["settings"].update(brightness=2), "unknown option brightness"),
        (lambda c: c.update(frames=[1]), "'frames' is not a table"),
        (lambda c: c.update(settings="none"), "settings"),
    ],
    ids=["hash", "schema", "settings", "frames", "text"],
)
def test_faults_of_the_sidecar_are_found(spoilt, change, says):
    edit_sidecar(spoilt, change)
    assert says in bad(verify(spoilt))["sidecar"][0]


def test_a_sidecar_that_is_no_json_is_a_fault(spoilt):
    (Path(spoilt).parent / "o.reenact.json").write_text("{")
    assert "cannot be read" in bad(verify(spoilt))["sidecar"][0]


def places(content, at=()):
    """Every place in a sidecar; of the lists of frames and options, only the first few."""
    for name in list(content)[:12]:
        yield (*at, name)
        if isinstance(content[name], dict):
            yield from places(content[name], (*at, name))


def test_wrong_values_in_a_sidecar_are_faults_not_crashes(spoilt):
    path = Path(spoilt).parent / "o.reenact.json"
    good = path.read_text()
    # Two kinds of wrong values, in turn at each place.
    nonsense = itertools.cycle((None, -5, "x", [], [1], {"a": []}, 0.5))
    for at in [place for place in places(json.loads(good)) for _ in range(2)]:
        content = json.loads(good)
        inside = content
        for name in at[:-1]:
            inside = inside[name]
        inside[at[-1]] = next(nonsense)
        path.write_text(json.dumps(content))
        with contextlib.suppress(ReenactError):
            report_on(inspect_sequence(spoilt, frames="33"), checks_for(Options(), None)).as_dict()


def test_a_sequence_that_was_renamed_is_noted(spoilt):
    for path in list(Path(spoilt).parent.iterdir()):
        path.rename(path.with_name("hero" + path.name.removeprefix("o")))
    report = verify(str(Path(spoilt).with_name("hero.%04d.exr")))
    assert report.good and report.answers["sidecar"].notes == ("rendered as o.####.exr, and renamed since",)


def test_inputs_that_are_gone_are_named(spoilt, capsys):
    edit_sidecar(
        spoilt, lambda c: (c["inputs"]["target"].update(name="gone.exr"), c["settings"].update(target="gone.exr"))
    )
    assert run(["verify", spoilt]) == 0
    said = capsys.readouterr().out
    assert "note: target gone.exr: gone" in said and "note: not compared with the plate: gone.exr" in said
    assert set(bad(verify(spoilt, strict=True))) == {"plate", "timing", "sidecar"}
    rewrite(spoilt, 33, shift)
    assert "in most frames" in bad(verify(spoilt))["plate"][0]


@pytest.mark.parametrize(
    ("known", "asked", "frames"),
    [
        ((1, 2, 3, 7, 8, 9), "7-9", "1-9"),
        ((1, 3, 5, 9), "5,9", "1-9x2"),
        ((1, 2), "1-4", "1-4"),
        ((1, 5, 6), "1,5-6", "1,5-6"),
    ],
)
def test_frames_that_should_exist(tmp_path, known, asked, frames):
    content = {
        "schema": "ofx-reenact/sidecar/1", "settings": {"frames": asked}, "frames": {str(f): {} for f in known},
    }  # fmt: skip
    (tmp_path / "o.reenact.json").write_text(json.dumps(content))
    assert str(read_expected(str(tmp_path / "o.####.exr"), "", {})[2]) == frames
