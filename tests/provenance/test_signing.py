"""C2PA signatures made with test certificates, and every way to break them."""

import contextlib
import json
import shutil
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import write_exr

pytest.importorskip("c2pa", reason="c2pa-python is not installed; pip install '.[provenance]'")
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.provenance import FrameEntry, Input, Sidecar, frame_attributes, sidecar_path
from ofx_reenact.provenance.credentials import read_credentials, read_trusted
from ofx_reenact.provenance.signing import sign_sequence, verify_sequence

FRAMES = range(1001, 1005)
PEM = serialization.Encoding.PEM


class Authority:
    """A studio's own certificate authority."""

    def __init__(self, name: str = "Studio CA") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.issue(name, self.key, timedelta(days=-900), timedelta(days=900), authority=True)

    def issue(self, name, key, begin, end, authority=False) -> x509.Certificate:
        now = datetime.now(timezone.utc)
        subject = _name(name)
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
             "decipher_only"), False,
        )  # fmt: skip
        builder = (
            x509.CertificateBuilder(subject_name=subject, public_key=key.public_key(), serial_number=1000)
            .issuer_name(subject if authority else self.certificate.subject)
            .not_valid_before(now + begin)
            .not_valid_after(now + end)
            .add_extension(x509.BasicConstraints(authority, None), True)
            .add_extension(
                x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **usage),
                True,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        )
        if not authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return builder.sign(self.key, hashes.SHA256())

    def write(self, folder: Path, key=None, begin=timedelta(days=-1), end=timedelta(days=90), password=None):
        """A signer's certificate and key, and the trusted certificates, as files."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / name for name in ("cert.pem", "key.pem", "trust.pem")]
        lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        files[0].write_bytes(self.issue("Pipeline", key, begin, end).public_bytes(PEM))
        files[1].write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock))
        files[2].write_bytes(self.certificate.public_bytes(PEM))
        return files


def _name(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A Studio")]
    )


def sequence(folder: Path, driver: str = "d" * 64) -> str:
    """Small rendered frames."""
    folder.mkdir(exist_ok=True)
    said = frame_attributes(weights_sha256="a" * 64, fdgan_sha256="off", target="t.exr", driver="d.mov", consent=None)
    output = str(folder / "o.####.exr")
    for frame in FRAMES:
        pixels = np.random.default_rng(frame).random((16, 24), np.float32)
        write_exr(folder / f"o.{frame}.exr", dict.fromkeys("RGB", pixels), attributes=said)
    Sidecar(
        output="o.####.exr", weights={"sha256": "a" * 64}, fdgan="off", consent="none",
        inputs={"target": Input("/secret/t.exr", "b" * 64), "driver": Input("d", driver)},
        frames={frame: FrameEntry(0.9, "tracked") for frame in FRAMES},
    ).save(sidecar_path(output))  # fmt: skip
    return output


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Authority().write(tmp_path_factory.mktemp("studio"))


@pytest.fixture
def signed(tmp_path, studio):
    output = sequence(tmp_path / "shot")
    sign_sequence(output, read_credentials(*studio[:2]))
    return output


def problems(output: str, trust: Path, frames=None) -> dict[str, str]:
    found = verify_sequence(output, read_trusted(trust), frames)
    return {verdict.path.name: "; ".join(verdict.problems) for verdict in found if verdict.problems}


def file(output: str, frame: int | str, suffix: str = ".exr") -> Path:
    return Path(output.replace("####", str(frame))).with_suffix(suffix)


def swap(a: Path, b: Path) -> None:
    a_bytes, b_bytes = a.read_bytes(), b.read_bytes()
    a.write_bytes(b_bytes)
    b.write_bytes(a_bytes)


def test_signed_frames_verify_and_are_unchanged(tmp_path, studio, monkeypatch, capsys):
    output = sequence(tmp_path / "shot")
    before = {frame: file(output, frame).read_bytes() for frame in FRAMES}
    monkeypatch.setenv("OFX_REENACT_C2PA_CERT", str(studio[0]))
    monkeypatch.setenv("OFX_REENACT_C2PA_KEY", str(studio[1]))
    monkeypatch.setenv("OFX_REENACT_C2PA_TRUST", str(studio[2]))
    assert run(["provenance", "verify", output]) == 1
    assert "not signed" in capsys.readouterr().out
    assert run(["provenance", "sign", output]) == 0
    assert {frame: file(output, frame).read_bytes() for frame in FRAMES} == before
    capsys.readouterr()
    assert run(["provenance", "verify", output]) == 0
    assert "4 frames are as they were signed by Pipeline, A Studio" in capsys.readouterr().out
    assert run(["provenance", "show", str(file(output, 1001))]) == 0
    assert "signature: by Pipeline" in capsys.readouterr().out


def test_what_is_signed(signed, studio):
    import c2pa

    verdict = verify_sequence(signed, read_trusted(studio[2]), FrameRange((1002,)))[0]
    assert (verdict.facts["frame"], verdict.facts["consent_id"], verdict.facts["fdgan_sha256"]) == (1002, "none", "off")
    with file(signed, 1002).open("rb") as frame:
        reader = c2pa.Reader("image/x-exr", frame, file(signed, 1002, ".c2pa").read_bytes())
        manifest = reader.get_active_manifest()
    actions = next(a["data"]["actions"] for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))
    assert [action["action"] for action in actions] == ["c2pa.created", "c2pa.placed"]
    assert all(action["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia") for action in actions)
    made_from = {i["title"]: (i["relationship"], i["instance_id"]) for i in manifest["ingredients"]}
    assert made_from["t.exr"] == ("componentOf", "sha256:" + "b" * 64)
    assert made_from["d"] == ("inputTo", "sha256:" + "d" * 64)
    assert "secret" not in json.dumps(manifest)


def test_a_changed_pixel(signed, studio):
    path = file(signed, 1003)
    pixels = oiio.ImageBuf(str(path))
    assert pixels.setpixel(3, 3, (0.25, 0.25, 0.25)) is None and pixels.write(str(path))
    assert problems(signed, studio[2]) == {"o.1003.exr": "its bytes are not those that were signed"}


def test_a_changed_attribute(signed, studio):
    path = file(signed, 1003)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"d.mov", b"e.mov"))
    assert content != path.read_bytes()
    assert problems(signed, studio[2]) == {"o.1003.exr": "its bytes are not those that were signed"}


def test_swapped_frames(signed, studio):
    swap(file(signed, 1001), file(signed, 1002))
    assert set(problems(signed, studio[2])) == {"o.1001.exr", "o.1002.exr"}
    swap(file(signed, 1001, ".c2pa"), file(signed, 1002, ".c2pa"))
    assert problems(signed, studio[2]) == {"o.1001.exr": "signed as frame 1002", "o.1002.exr": "signed as frame 1001"}


def test_a_frame_of_another_sequence(signed, studio, tmp_path):
    other = sequence(tmp_path / "other", driver="e" * 64)
    sign_sequence(other, read_credentials(*studio[:2]))
    for suffix in (".exr", ".c2pa"):
        shutil.copy(file(other, 1002, suffix), file(signed, 1002, suffix))
    found = problems(signed, studio[2])
    assert list(found) == ["o.1002.exr"] and "another sequence" in found["o.1002.exr"]


def renamed(output: str, name: str) -> str:
    """Give a whole sequence, its sidecar and its signatures another name."""
    for path in Path(output).parent.iterdir():
        path.rename(path.with_name(name + path.name.removeprefix("o")))
    return str(Path(output).with_name(f"{name}.####.exr"))


def test_a_whole_sequence_under_another_name(signed, studio):
    other = renamed(signed, "hero")
    found = problems(other, studio[2])
    assert found == {f"hero.{frame}.exr": f"signed as o.{frame}.exr" for frame in FRAMES}
    # Signed under its new name, it is valid, even if the sidecar has the old one.
    sign_sequence(other, read_credentials(*studio[:2]), existing="overwrite")
    assert problems(other, studio[2]) == {}


def test_a_frame_number_with_another_number_of_digits(signed, studio):
    """o.01001.exr is no frame of o.####.exr."""
    for suffix in (".exr", ".c2pa"):
        file(signed, 1001, suffix).rename(file(signed, "01001", suffix))
    found = problems(signed.replace("####", "#####"), studio[2])
    assert found == {"o.01001.exr": "signed as o.1001.exr"}


@pytest.mark.parametrize("name", ["o.%04d.exr", "o.#.exr", "o.@@@@.exr"])
def test_a_sequences_name_written_in_another_way(signed, studio, name):
    assert problems(str(Path(signed).with_name(name)), studio[2]) == {}
    sign_sequence(str(Path(signed).with_name(name)), read_credentials(*studio[:2]), existing="overwrite")
    assert problems(signed, studio[2]) == {}


@pytest.mark.parametrize(
    ("said", "instead", "says"),
    [
        ('"confidence": 0.9', '"confidence": 0.95', "confidence of frames 1001-1004 is not what was signed"),
        ('"face": "tracked"', '"face": "held"', "face of frames 1001-1004 is not what was signed"),
        ('"consent": "none"', '"consent": "R-1"', "consent_id of frames 1001-1004 is not what was signed"),
        ("a" * 64, "c" * 64, "weights_sha256 of frames 1001-1004 is not what was signed"),
        ('"1003"', '"1009"', "confidence of frames 1003 is not what was signed; face of frames 1003 is not"),
    ],
)
def test_an_edited_sidecar(signed, studio, said, instead, says):
    path = sidecar_path(signed)
    assert said in path.read_text()
    path.write_text(path.read_text().replace(said, instead))
    found = problems(signed, studio[2])
    assert list(found) == ["o.reenact.json"] and says in found["o.reenact.json"]


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"reenact:frame": 1003}, "o.1004.exr: was rendered as frame 1003"),
        ({"reenact:pixels_sha256": "f" * 64}, "o.1004.exr: its pixels are not those that were rendered"),
        ({"reenact:face": "held"}, "o.1004.exr: the driver's face was held, the sidecar says tracked"),
    ],
)
def test_no_frame_is_signed_that_contradicts_itself(tmp_path, studio, attributes, says):
    output = sequence(tmp_path / "shot")
    buffer = oiio.ImageBuf(str(file(output, 1004)))
    for name, value in attributes.items():
        buffer.specmod().attribute(name, value)
    assert buffer.write(str(file(output, 1004)))
    with pytest.raises(ReenactError, match=says):
        sign_sequence(output, read_credentials(*studio[:2]))
    assert not list((tmp_path / "shot").glob("*.c2pa"))


def test_missing_files(signed, studio):
    file(signed, 1002, ".c2pa").unlink()
    file(signed, 1003).unlink()
    found = problems(signed, studio[2])
    assert set(found) == {"o.1002.exr", "o.1003.c2pa"}
    assert "not signed" in found["o.1002.exr"] and found["o.1003.c2pa"] == "its frame is gone"
    assert problems(signed, studio[2], FrameRange((1003,)))["o.1003.exr"] == "no such file"


def test_a_sidecar_that_contradicts_the_signatures(signed, studio):
    path = sidecar_path(signed)
    path.write_text(path.read_text().replace("d" * 64, "e" * 64))
    assert problems(signed, studio[2]) == {"o.reenact.json": "names other inputs than those that were signed"}


@pytest.mark.parametrize("damage", ["truncated", "nonsense", "changed"])
def test_a_damaged_manifest(signed, studio, damage):
    path = file(signed, 1001, ".c2pa")
    content = path.read_bytes()
    changed = content.replace(b"tracked", b"bridged")
    path.write_bytes({"truncated": content[:-500], "nonsense": b"hello", "changed": changed}[damage])
    assert changed != content
    assert list(problems(signed, studio[2])) == ["o.1001.exr"]


@pytest.mark.parametrize("with_real", [False, True])
def test_a_forged_certificate(signed, studio, tmp_path, with_real):
    """Same names everywhere, and the real authority's certificate put after it: that authority did not sign it."""
    certificate, key, own = Authority().write(tmp_path / "forger")
    if with_real:
        certificate.write_bytes(certificate.read_bytes() + studio[2].read_bytes())
    sign_sequence(signed, read_credentials(certificate, key), existing="overwrite")
    found = problems(signed, studio[2])
    assert len(found) == 4 and all("does not lead back to one that is trusted" in text for text in found.values())
    assert with_real or problems(signed, own) == {}


def test_a_certificate_that_has_expired(tmp_path):
    output = sequence(tmp_path / "shot")
    for seconds in (3, 20, 120, 900):
        # A machine that is busy needs longer to sign.
        until = time.monotonic() + seconds + 1
        certificate, key, trust = Authority().write(tmp_path / f"studio{seconds}", end=timedelta(seconds=seconds))
        with contextlib.suppress(ReenactError):
            sign_sequence(output, read_credentials(certificate, key), FrameRange((1001,)), existing="overwrite")
            break
    time.sleep(max(0.0, until - time.monotonic()))
    found = problems(output, trust, FrameRange((1001,)))
    assert found == {"o.1001.exr": "its certificate does not hold today"}


@pytest.mark.parametrize("days", [(-20, -5), (5, 20)])
def test_no_signing_with_a_certificate_that_is_not_valid_today(tmp_path, days):
    begin, end = (timedelta(days=d) for d in days)
    certificate, key, _ = Authority().write(tmp_path, begin=begin, end=end)
    with pytest.raises(ReenactError, match="not today"):
        read_credentials(certificate, key)


def test_a_key_that_is_not_the_certificates(tmp_path, studio):
    _, key, _ = Authority().write(tmp_path)
    with pytest.raises(ReenactError, match="not the key of"):
        read_credentials(studio[0], key)


@pytest.mark.parametrize("kind", ["p384", "p521", "rsa", "ed25519"])
def test_other_kinds_of_key(tmp_path, kind):
    key = {
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
    }[kind]()
    certificate, key_file, trust = Authority().write(tmp_path / "studio", key)
    output = sequence(tmp_path / "shot")
    sign_sequence(output, read_credentials(certificate, key_file))
    assert problems(output, trust) == {}


def test_keys_and_certificates_that_cannot_be_used(tmp_path, studio, capsys):
    output = sequence(tmp_path / "shot")
    locked = Authority().write(tmp_path / "locked", password=b"secret")
    own = tmp_path / "own.pem"
    authority = Authority()
    own.write_bytes(authority.certificate.public_bytes(PEM))
    own_key = tmp_path / "own_key.pem"
    own_key.write_bytes(
        authority.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    for certificate, key, says in (
        (locked[0], locked[1], "passphrase"),
        (studio[1], studio[1], "not certificates in PEM"),
        (studio[0], studio[0], "not a private key"),
        (tmp_path / "gone.pem", studio[1], "cannot be read"),
        (own, own_key, "C2PA does not sign with this certificate"),
    ):
        assert run(["provenance", "sign", output, "--cert", str(certificate), "--key", str(key)]) == 1
        said = capsys.readouterr().err
        assert says in said and said.count("\n") == 1
    assert run(["provenance", "verify", output, "--trust", str(studio[1])]) == 1
    assert "not certificates in PEM" in capsys.readouterr().err
    assert not list((tmp_path / "shot").glob("*.c2pa*"))


def test_existing_signatures(signed, studio, capsys):
    line = ["provenance", "sign", signed, "--cert", str(studio[0]), "--key", str(studio[1])]
    assert run(line) == 1
    assert "signed already" in capsys.readouterr().err
    kept = file(signed, 1001, ".c2pa").read_bytes()
    file(signed, 1002, ".c2pa").unlink()
    assert run([*line, "--existing", "skip"]) == 0
    assert "1 frames signed" in capsys.readouterr().out
    assert file(signed, 1001, ".c2pa").read_bytes() == kept
    assert run([*line, "--existing", "overwrite", "--frames", "1001"]) == 0
    assert file(signed, 1001, ".c2pa").read_bytes() != kept
    assert problems(signed, studio[2]) == {}


def test_only_whole_rendered_frames_are_signed(tmp_path, studio, capsys):
    output = sequence(tmp_path / "shot")
    line = ["provenance", "sign", output, "--cert", str(studio[0]), "--key", str(studio[1])]
    last = file(output, 1004)
    good, content = last.read_bytes(), np.ones((8, 8), np.float32)
    sidecar = sidecar_path(output)
    noted = sidecar.read_text()

    def refused(says: str) -> None:
        assert run(line) == 1
        assert says in capsys.readouterr().err
        assert not list((tmp_path / "shot").glob("*.c2pa*"))

    last.write_bytes(good[:-40])
    refused("damaged or not complete")
    write_exr(last, dict.fromkeys("RGB", content))
    refused("has no provenance")
    last.write_bytes(good.replace(b"a" * 64, b"c" * 64))
    refused("weights_sha256 differs from the sidecar's")
    last.write_bytes(good)
    sidecar.write_text(noted.replace('"1004"', '"1009"'))
    refused("has no entry for this frame")
    sidecar.write_text(noted.replace('"inputs"', '"input"'))
    refused("names no inputs")
    sidecar.write_text(noted.replace('"name": "d"', '"named": "d"'))
    refused("input 'driver' has no name or no sha256")
    sidecar.unlink()
    refused("o.reenact.json: the sidecar cannot be read")


@pytest.mark.parametrize("name", ["a b'c\";$(touch x)", "Übung-角色", "-f", "l" * 200])
def test_folders_of_any_name(tmp_path, studio, name, monkeypatch):
    output = sequence(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with_key = ["--cert", str(studio[0]), "--key", str(studio[1])]
    assert run(["provenance", "sign", *with_key, "--", f"{name}/o.####.exr"]) == 0
    assert len(list((tmp_path / name).glob("*.c2pa"))) == 4 and [p.name for p in tmp_path.iterdir()] == [name]
    assert problems(output, studio[2]) == {}


def test_json_for_programs(signed, studio, capsys):
    file(signed, 1001).write_bytes(file(signed, 1002).read_bytes())
    assert run(["provenance", "verify", signed, "--trust", str(studio[2]), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["good"] is False
    assert [bool(entry["problems"]) for entry in said["files"]] == [True, False, False, False]
    assert said["files"][1]["signed"]["frame"] == 1002


@pytest.mark.parametrize("output", ["o.exr", "o.####.png"])
def test_names_that_are_no_sequence_of_exrs(studio, tmp_path, output, capsys):
    assert run(["provenance", "verify", str(tmp_path / output), "--trust", str(studio[2])]) == 2
    assert output in capsys.readouterr().err
