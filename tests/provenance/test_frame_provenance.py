"""Provenance: the attributes of every frame, and the content of the sidecar."""

import json
from pathlib import Path

import cv2
import pytest
from conftest import DRIVER, TARGET

from ofx_reenact import __version__
from ofx_reenact.cli.main import run
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.fdgan.weights import shipped_repair
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.digest import pixels_sha256
from ofx_reenact.ldnet.weights import shipped_ldnet
from ofx_reenact.provenance import SOURCE_TYPE, Sidecar, frame_attributes
from ofx_reenact.provenance.attributes import read_attributes
from ofx_reenact.provenance.consent import write_consent
from ofx_reenact.settings import Settings


@pytest.fixture(scope="module")
def rendered(performance_file, tmp_path_factory):
    """A frame rendered with every kind of input, and the inputs' paths."""
    folder = tmp_path_factory.mktemp("rendered")
    release = folder / "release.pdf"
    release.write_bytes(b"signed")
    write_consent(
        folder / "consent.json", performer="A. Person", release="R-17", scope=("shot 10",), expires="2999-12-31",
        document=release,
    )  # fmt: skip
    target, other = folder / "target.jpg", folder / "other.jpg"
    target.write_bytes(cv2.imencode(".jpg", cv2.resize(cv2.imread(str(TARGET)), (320, 320)))[1].tobytes())
    other.write_bytes(target.read_bytes())
    files = {
        "target": target, "performance": Path(performance_file), "driver": DRIVER, "identity": folder / "i.npz",
        "consent": folder / "consent.json", "appearance_1": other,
    }  # fmt: skip
    settings = Settings(
        target=str(target),
        driver=str(DRIVER),
        performance=performance_file,
        identity=str(files["identity"]),
        appearance=(str(other),),
        consent=str(files["consent"]),
        output=str(folder / "o.####.exr"),
        frames="36",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFX_REENACT_JOB", "night 7")
        render_sequence(settings)
    return folder, files


def test_every_frame_has_its_attributes(rendered):
    said = read_attributes(rendered[0] / "o.0036.exr")
    assert said.pop("reenact:confidence") == pytest.approx(1, abs=0.3)
    assert said.pop("reenact:made_of") in Sidecar.load(rendered[0] / "o.reenact.json").takes
    assert said.pop("reenact:pixels_sha256") == pixels_sha256(read_channels(rendered[0] / "o.0036.exr")[1])
    assert said == {
        "reenact:frame": 36,
        "reenact:still": 0,
        "Software": f"ofx-reenact {__version__}",
        "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE,
        "reenact:version": __version__,
        "reenact:weights_sha256": sha256_of(shipped_ldnet()),
        "reenact:fdgan_sha256": sha256_of(shipped_repair()),
        "reenact:target": "target.jpg",
        "reenact:driver": "driver.mpg",
        "reenact:consent_id": "R-17",
        "reenact:face": "tracked",
        "reenact:job": "night 7",
    }


def test_the_docs_name_every_attribute_and_field(rendered):
    page = (Path(__file__).resolve().parents[2] / "docs" / "provenance.md").read_text(encoding="utf-8")
    fields = {*Sidecar.load(rendered[0] / "o.reenact.json").as_dict(), *read_attributes(rendered[0] / "o.0036.exr")}
    assert not [name for name in fields - {"schema"} if f"`{name}`" not in page]


def test_the_sidecar_names_every_input_with_its_digest(rendered):
    folder, files = rendered
    sidecar = Sidecar.load(folder / "o.reenact.json")
    assert {what: entry.sha256 for what, entry in sidecar.inputs.items()} == {
        what: sha256_of(path) for what, path in files.items()
    }
    assert {what: entry.name for what, entry in sidecar.inputs.items()} == {
        what: str(path) for what, path in files.items()
    }
    assert sidecar.weights["sha256"] == sha256_of(shipped_ldnet())
    assert sidecar.fdgan["sha256"] == sha256_of(shipped_repair())
    assert (sidecar.consent, sidecar.job) == ("R-17", "night 7")
    assert Settings.from_dict(sidecar.settings).frames == "36"
    assert sidecar.versions["ofx-reenact"] == __version__ and sidecar.frames[36].face == "tracked"


def test_an_expired_consent_is_warned_of_and_recorded(performance_file, tmp_path):
    (tmp_path / "release.pdf").write_bytes(b"signed")
    about = {"performer": "A. Person", "release": "R-17", "scope": ("shot 10",), "expires": "2020-01-01"}
    write_consent(tmp_path / "consent.json", document=tmp_path / "release.pdf", **about)
    settings = Settings(
        target=str(TARGET),
        performance=performance_file,
        output=str(tmp_path / "o.####.exr"),
        frames="36",
        consent=str(tmp_path / "consent.json"),
        repair="off",
    )
    assert "expired on 2020-01-01" in render_sequence(settings).warnings[0]
    sidecar = Sidecar.load(tmp_path / "o.reenact.json")
    assert "expired on 2020-01-01" in sidecar.warnings[0] and sidecar.consent == "R-17"
    assert sorted(sidecar.inputs) == ["consent", "performance", "target"]
    assert sidecar.fdgan == read_attributes(tmp_path / "o.0036.exr")["reenact:fdgan_sha256"] == "off"


def test_a_frame_without_consent_has_none(monkeypatch):
    monkeypatch.delenv("OFX_REENACT_JOB", raising=False)
    said = frame_attributes(weights_sha256="a", fdgan_sha256="b", target="t", driver="d", consent=None)
    assert (said["reenact:consent_id"], said["reenact:job"]) == ("none", "desk")


def test_show_prints_frame_and_sidecar(rendered, capsys):
    assert run(["provenance", "show", str(rendered[0] / "o.0036.exr")]) == 0
    said = capsys.readouterr().out
    assert "reenact:consent_id: R-17" in said and "face: tracked" in said and "signature: none" in said
    assert run(["provenance", "show", str(rendered[0] / "o.0036.exr"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sidecar"]["face"] == "tracked"


@pytest.mark.parametrize(("name", "says"), [("other.jpg", "has no provenance"), ("gone.exr", "no such file")])
def test_show_of_other_files(rendered, capsys, name, says):
    assert run(["provenance", "show", str(rendered[0] / name)]) == 1
    assert says in capsys.readouterr().err
