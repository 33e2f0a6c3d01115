"""Publish: each validator fails on its own fault, versions are never written over, repairs repair, Nuke can do it."""

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import nuke_session
import pyblish.api
import pyblish.util
import pytest
from rendered import copied, edit_sidecar, rewrite, write_consent
from test_verify import deepen, other_rate, put_nan, repeat, untag

from ofx_reenact.cli.main import run
from ofx_reenact.errors import OutputError
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.sequence import frame_path
from ofx_reenact.publish import PLUGINS
from ofx_reenact.publish.options import Options
from ofx_reenact.publish.run import publish, register
from ofx_reenact.publish.version import Place, integrate, name_of, place_of

ROOT = Path(__file__).resolve().parents[1]
CHECKED = {
    "Frames", "Finite", "Repeats", "Plate", "Colour", "Timing", "Sidecar", "Faces", "Weights", "Consent", "Provenance",
    "Version",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_studio(monkeypatch):
    for name in ("PYBLISHPLUGINPATH", "OFX_REENACT_APPROVED", "OFX_REENACT_PUBLISH_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def spoilt(sequence, tmp_path) -> str:
    return copied(sequence, tmp_path / "s")


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
    "Sidecar": lambda s: edit_sidecar(s, lambda c: c["inputs"]["target"].update(sha256="0" * 64)),
    "Faces": lambda s: edit_sidecar(s, lambda c: c["frames"]["33"].pop("face")),
    "Provenance": lambda s: rewrite(s, 33, forget_version),
}


def failed(report) -> set[str]:
    return {name.removeprefix("ValidateReenact") for name in report["failed"]}


@pytest.mark.parametrize("validator", FAULTS)
def test_each_validator_finds_its_own_fault(spoilt, tmp_path, validator, capsys):
    FAULTS[validator](spoilt)
    target_dir = tmp_path / "published"
    assert run(["publish", spoilt, "--target-dir", str(target_dir), "--json", str(tmp_path / "p.json")]) == 1
    report = json.loads((tmp_path / "p.json").read_text())
    assert failed(report) == {validator} and report["published"] is None and not target_dir.exists()
    shown = capsys.readouterr()
    assert "not published" in shown.out and "Traceback" not in shown.out + shown.err


def test_a_frame_in_anothers_place_is_found(spoilt):
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


def test_weights_that_do_not_travel_with_the_package_need_a_list(spoilt):
    edit_sidecar(spoilt, lambda c: c.update(fdgan={"sha256": "1" * 64}))
    for frame in range(30, 36):
        rewrite(spoilt, frame, lambda spec, pixels: spec.attribute("reenact:fdgan_sha256", "1" * 64))
    report = publish(spoilt, Options())
    assert failed(report) == {"Weights"} and "fdgan 1111" in report["failed"]["ValidateReenactWeights"]


def test_consent_must_be_there_and_hold(spoilt, tmp_path):
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


def test_missing_frames_are_rendered_again(spoilt, tmp_path):
    _, before = read_channels(frame_path(spoilt, 33))
    frame_path(spoilt, 33).unlink()
    cut = frame_path(spoilt, 34)
    cut.write_bytes(cut.read_bytes()[:-2000])
    report = publish(spoilt, Options(target_dir=str(tmp_path / "p")), repair=True)
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
    assert failed(publish(spoilt, Options(), repair=False)) == {"Sidecar", "Faces"}
    report = publish(spoilt, Options(), repair=True)
    assert report["good"] and report["repaired"] == {"Write the sidecar again": "done"}


def test_a_repair_does_not_make_a_hash_fit(spoilt):
    FAULTS["Sidecar"](spoilt)
    assert failed(publish(spoilt, Options(), repair=True)) == {"Sidecar"}


def test_what_cannot_be_repaired_is_said(spoilt, capsys):
    frame_path(spoilt, 33).unlink()
    edit_sidecar(spoilt, lambda c: c["settings"].update(performance="gone.npz", target="gone.exr"))
    assert run(["publish", spoilt, "--repair"]) == 1
    assert "repair: Render missing frames: gone.exr: no such file" in capsys.readouterr().out


def test_nothing_to_publish(tmp_path, capsys):
    assert run(["publish", str(tmp_path / "o.####.exr")]) == 1
    assert "no frames of this name" in capsys.readouterr().out
    assert run(["publish", str(tmp_path / "o.exr")]) == 2


def test_pyblish_finds_the_plugins(capsys):
    assert run(["pyblish-path"]) == 0 and capsys.readouterr().out.strip() == str(PLUGINS)
    register()
    register()
    found = {plugin.__name__ for plugin in pyblish.api.discover()}
    assert {f"ValidateReenact{name}" for name in CHECKED} <= found
    assert {"CollectReenactSequences", "CollectReenactNodes", "ExtractReenactRepresentations"} <= found
    assert "IntegrateReenactVersion" in found


def test_pyblish_itself_publishes(spoilt, tmp_path):
    """PYBLISHPLUGINPATH alone, and pyblish's own command line."""
    environment = {
        **os.environ, "PYBLISHPLUGINPATH": str(PLUGINS), "OFX_REENACT_PUBLISH_DIR": str(tmp_path / "p"),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    line = [sys.executable, "-m", "pyblish", "publish", spoilt]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    assert "There were errors" not in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "p" / "o" / "v001" / "publish.json").is_file()


def test_a_studios_own_plugin_runs_too(spoilt, tmp_path, monkeypatch):
    studio = tmp_path / "studio"
    studio.mkdir()
    (studio / "validate_studio.py").write_text(
        "import pyblish.api\n"
        "class ValidateStudio(pyblish.api.InstancePlugin):\n"
        "    order, families = pyblish.api.ValidatorOrder, ['reenact']\n"
        "    def process(self, instance):\n"
        "        raise pyblish.api.PyblishError(f\"not on a {instance.data['frameStart']}\")\n"
    )
    monkeypatch.setenv("PYBLISHPLUGINPATH", str(studio))
    report = publish(spoilt, Options(target_dir=str(tmp_path / "p")))
    assert report["failed"] == {"ValidateStudio": "not on a 30"} and not (tmp_path / "p").exists()


@pytest.mark.parametrize("path", sorted(PLUGINS.glob("*.py")), ids=lambda path: path.stem)
def test_plugins_are_old_python(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


def in_nuke(monkeypatch, tmp_path, sequence):
    """A script with a node that has rendered, one without an output, and one that is off."""
    nuke = nuke_session.begin(monkeypatch, tmp_path)
    for output, off in ((sequence, False), ("", False), ("/off/x.####.exr", True)):
        made = nuke_session.wired(nuke, "t.exr", "d.####.exr", output)
        made["disable"].setValue(off)
    nuke.nodes.Group()
    return nuke


@pytest.mark.parametrize("installed", [True, False], ids=["installed in Nuke", "in its own Python"])
def test_nuke_publishes_what_its_nodes_rendered(monkeypatch, tmp_path, spoilt, installed):
    in_nuke(monkeypatch, tmp_path, spoilt)
    if not installed:
        monkeypatch.setitem(sys.modules, "ofx_reenact.publish.tasks", None)
        engine = nuke_session.python_of(tmp_path / "python", sys.executable, environment={"PYTHONPATH": str(ROOT)})
        monkeypatch.setenv("OFX_REENACT_PYTHON", engine)
    monkeypatch.setenv("OFX_REENACT_PUBLISH_DIR", str(tmp_path / "p"))
    register()
    context = pyblish.util.publish()
    assert [(one.data["output"], one.data["node"]) for one in context] == [(spoilt.replace("####", "%04d"), "Reenact")]
    assert not [result["error"] for result in context.data["results"] if result["error"]]
    assert (tmp_path / "p" / "o" / "v001" / "publish.json").is_file()


def test_nuke_asks_the_engines_python(monkeypatch, tmp_path, spoilt):
    in_nuke(monkeypatch, tmp_path, spoilt)
    from reenact_nuke.errors import EngineError, ReenactError
    from reenact_nuke.publish import call

    environment = {"PYTHONPATH": str(ROOT)}
    engine = nuke_session.python_of(tmp_path / "python", sys.executable, environment=environment)
    monkeypatch.setenv("OFX_REENACT_PYTHON", engine)
    options = {"target_dir": str(tmp_path / "p")}
    assert call("collect", spoilt, options)["frames"] == "30-35"
    assert call("examine", spoilt, options)["good"]
    with pytest.raises(ReenactError, match="no frames of this name"):
        call("collect", str(tmp_path / "no.####.exr"), options)
    monkeypatch.setenv("OFX_REENACT_PYTHON", nuke_session.python_of(tmp_path / "broken", "false"))
    with pytest.raises(EngineError, match="log"):
        call("collect", spoilt, options)
