"""Publish: each validator fails on its own fault; weights and consent must be what a studio approved."""

import json
from pathlib import Path

import pytest
from rendered import (
    change_target,
    deepen,
    edit_sidecar,
    failed,
    other_rate,
    put_nan,
    repeat,
    rewrite,
    untag,
    write_consent,
)

from ofx_reenact.cli.main import run
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.names import frame_path
from ofx_reenact.publish.checks import weights
from ofx_reenact.publish.options import Options
from ofx_reenact.publish.pyblish_run import publish
from ofx_reenact.resources import resource
from ofx_reenact.verify.checked_sequence import inspect_sequence

pytestmark = pytest.mark.usefixtures("no_studio")


def forget_version(spec, pixels):
    spec.erase_attribute("reenact:version")


def other_release(spec, pixels):
    spec.attribute("reenact:consent_id", "R-18")


def no_release(spec, pixels):
    spec.attribute("reenact:consent_id", "none")


def other_confidence(spec, pixels):
    spec.attribute("reenact:confidence", 0.5)


FAULTS = {
    "Frames": lambda s: frame_path(s, 33).unlink(),
    "Finite": lambda s: rewrite(s, 33, put_nan),
    "Repeats": lambda s: repeat(s, 33, of=32),
    "Plate": lambda s: rewrite(s, 33, deepen),
    "Colour": lambda s: rewrite(s, 33, untag),
    "Timing": lambda s: rewrite(s, 33, other_rate),
    "Sidecar": change_target,
    "Faces": lambda s: edit_sidecar(s, lambda c: c["frames"]["33"].pop("face")),
    "Provenance": lambda s: rewrite(s, 33, forget_version),
}


@pytest.mark.parametrize("validator", FAULTS)
def test_each_validator_finds_its_own_fault(spoilt, tmp_path, validator, capsys):
    FAULTS[validator](spoilt)
    target_dir = tmp_path / "published"
    assert run(["publish", spoilt, "--target-dir", str(target_dir), "--json", str(tmp_path / "p.json")]) == 1
    report = json.loads((tmp_path / "p.json").read_text())
    assert failed(report) == {validator} and report["published"] is None and not target_dir.exists()
    shown = capsys.readouterr()
    assert "not published" in shown.out and "Traceback" not in shown.out + shown.err


def test_a_frame_with_another_confidence_is_found(spoilt):
    rewrite(spoilt, 33, other_confidence)
    assert failed(publish(spoilt, Options())) == {"Provenance"}


def test_weights_must_be_on_the_list(spoilt, tmp_path, monkeypatch):
    used = json.loads((Path(spoilt).parent / "o.reenact.json").read_text())["weights"]["sha256"]
    listed = tmp_path / "approved.txt"
    listed.write_text(f"# ours\n{used.upper()}  ldnet.safetensors\n\n")
    assert publish(spoilt, Options(approved=str(listed)))["good"]
    listed.write_text("0" * 64 + "\n")
    assert failed(publish(spoilt, Options(approved=str(listed)))) == {"Weights"}
    monkeypatch.setenv("OFX_REENACT_APPROVED", str(listed))
    assert failed(publish(spoilt, Options())) == {"Weights"}
    for wrong in ("nonsense\n", None):
        listed.write_text(wrong) if wrong else listed.unlink()
        report = publish(spoilt, Options())
        assert failed(report) == {"Weights"} and "approved.txt" in report["failed"]["ValidateReenactWeights"]


@pytest.mark.parametrize("path", sorted(resource("weights").glob("*")), ids=lambda path: path.stem)
def test_all_shipped_weights_are_approved(spoilt, path):
    network, digest = "fdgan" if path.name.startswith("fdgan") else "weights", sha256_of(path)
    rewrite(spoilt, 33, lambda spec, pixels: spec.attribute(f"reenact:{network}_sha256", digest))
    edit_sidecar(spoilt, lambda c: c.update({network: {"sha256": digest}}))
    assert weights(inspect_sequence(spoilt, frames="33"), "").good


def test_other_weights_need_a_list(spoilt):
    edit_sidecar(spoilt, lambda c: c.update(fdgan={"sha256": "1" * 64}))
    for frame in range(30, 36):
        rewrite(spoilt, frame, lambda spec, pixels: spec.attribute("reenact:fdgan_sha256", "1" * 64))
    report = publish(spoilt, Options())
    assert "Weights" in failed(report) and "fdgan 1111" in report["failed"]["ValidateReenactWeights"]


def test_consent_must_exist_and_be_valid(spoilt, tmp_path):
    def said(**changes) -> str:
        report = publish(spoilt, Options(consent=str(write_consent(tmp_path, **changes))))
        assert failed(report) <= {"Consent"}
        return report["failed"].get("ValidateReenactConsent", "")

    assert said() == ""
    assert "expired on 2020-01-01" in said(expires="2020-01-01")
    assert "rendered under release R-17" in said(release="R-99")
    assert "field 'performer'" in said(performer="")
    edit_sidecar(spoilt, lambda c: c["settings"].update(consent="gone.json"))
    assert "name one with --consent" in publish(spoilt, Options())["failed"]["ValidateReenactConsent"]


def test_frames_without_consent_are_not_published(spoilt):
    rewrite(spoilt, 33, no_release)
    report = publish(spoilt, Options())
    assert "frame 33: rendered without --consent" in report["failed"]["ValidateReenactConsent"]
    rewrite(spoilt, 33, other_release)
    assert failed(publish(spoilt, Options())) == {"Consent", "Provenance"}


def test_nothing_to_publish(tmp_path, capsys):
    assert run(["publish", str(tmp_path / "o.####.exr")]) == 1
    assert "no frames of this name" in capsys.readouterr().out
    assert run(["publish", str(tmp_path / "o.exr")]) == 2
