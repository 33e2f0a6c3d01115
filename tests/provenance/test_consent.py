"""Consent files: written, read, checked; each mistake named with its field."""

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.provenance.consent import read_consent

RELEASE = b"I agree."
GOOD = {
    "schema": "ofx-reenact/consent/1", "performer": "A. Person", "release": "R-17",
    "scope": ["feature film", "Trailer"], "expires": "2027-12-31", "sha256": hashlib.sha256(RELEASE).hexdigest(),
    "document": "legal/release.pdf",
}  # fmt: skip


def consent(folder: Path, without: str = "", **changes) -> Path:
    path = folder / "consent.json"
    path.write_text(json.dumps({name: value for name, value in {**GOOD, **changes}.items() if name != without}))
    return path


def release(folder: Path, content: bytes = RELEASE) -> Path:
    path = folder / "legal" / "release.pdf"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_consent_is_read(tmp_path):
    found = read_consent(consent(tmp_path, performer="Ä. Person"))
    assert (found.performer, found.release, found.scope) == ("Ä. Person", "R-17", ("feature film", "Trailer"))
    assert (found.expires, found.document) == (date(2027, 12, 31), tmp_path / "legal" / "release.pdf")
    assert read_consent(consent(tmp_path, without="document")).document is None


def test_it_is_valid_to_the_end_of_its_last_day(tmp_path):
    found = read_consent(consent(tmp_path))
    assert found.problems(on=date(2027, 12, 31)) == ()
    assert "expired on 2027-12-31" in found.problems(on=date(2028, 1, 1))[0]


def test_warnings_are_those_of_today(tmp_path):
    assert read_consent(consent(tmp_path, expires="2999-12-31")).warnings == ()
    assert "expired on 2020-01-01" in read_consent(consent(tmp_path, expires="2020-01-01")).warnings[0]


def test_scope_is_checked_if_a_use_is_given(tmp_path):
    found, day = read_consent(consent(tmp_path)), date(2027, 1, 1)
    assert found.problems(on=day, scope="trailer") == found.problems(on=day) == ()
    assert "'game' is not in the scope of R-17" in found.problems(on=day, scope="game")[0]


def test_release_is_compared_if_it_exists(tmp_path):
    found, day = read_consent(consent(tmp_path)), date(2027, 1, 1)
    assert found.problems(on=day) == (), "the document is not on this machine"
    other = release(tmp_path)
    assert found.problems(on=day) == found.problems(on=day, release=other) == ()
    release(tmp_path, RELEASE + b" ")
    assert "not the release" in found.problems(on=day)[0]
    assert "cannot be read" in found.problems(on=day, release=tmp_path / "gone.pdf")[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"without": "performer"}, "field 'performer' is missing"),
        ({"without": "scope"}, "field 'scope'"),
        ({"release": " "}, "field 'release' is missing or empty"),
        ({"release": "R-17\nreenact:x"}, "field 'release'"),
        ({"release": 17}, "field 'release'"),
        ({"scope": "feature film"}, "field 'scope' is not a list"),
        ({"scope": []}, "field 'scope'"),
        ({"scope": ["film", ""]}, "field 'scope'"),
        ({"expires": "soon"}, "field 'expires' is not a date"),
        ({"expires": "20271231"}, "field 'expires' is not a date"),
        ({"expires": "2027-02-30"}, "field 'expires' is not a date"),
        ({"sha256": "00"}, "field 'sha256'"),
        ({"document": 3}, "field 'document'"),
        ({"expiry": "2027-12-31"}, "unknown field 'expiry'"),
        ({"schema": "x"}, "schema"),
    ],
)
def test_errors_name_the_field(tmp_path, changes, says):
    with pytest.raises(ReenactError, match=says) as raised:
        read_consent(consent(tmp_path, **changes))
    assert str(raised.value).startswith(str(tmp_path / "consent.json"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]", b""])
def test_files_that_are_not_consent_files(tmp_path, content):
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(ReenactError, match=r"c\.json"):
        read_consent(tmp_path / "c.json")


def template(folder: Path, **changes) -> list[str]:
    options = {
        "performer": "A. Person", "id": "R-17", "release": str(release(folder)), "scope": "feature film, trailer",
        "expires": "2999-12-31", **changes,
    }  # fmt: skip
    return ["consent", "template", str(folder / "c.json"), *(f"--{name}={value}" for name, value in options.items())]


def test_template_then_check(tmp_path, capsys):
    assert run(template(tmp_path)) == 0
    found = read_consent(tmp_path / "c.json")
    assert (found.sha256, found.scope) == (hashlib.sha256(RELEASE).hexdigest(), ("feature film", "trailer"))
    assert run(["consent", "check", str(tmp_path / "c.json"), "--scope", "trailer"]) == 0
    assert capsys.readouterr().out.endswith("\nvalid\n")
    assert run(["consent", "check", str(tmp_path / "c.json"), "--on", "3000-01-01", "--scope", "game"]) == 1
    said = capsys.readouterr().out
    assert "expired" in said and "'game' is not in the scope" in said and said.endswith("\nnot valid\n")
    release(tmp_path, b"I do not agree.")
    assert run(["consent", "check", str(tmp_path / "c.json")]) == 1


def test_check_reports_that_the_release_was_not_compared(tmp_path, capsys):
    path = consent(tmp_path, expires="2999-12-31")
    assert run(["consent", "check", str(path)]) == 0
    assert "not compared" in capsys.readouterr().out
    assert run(["consent", "check", str(path), "--release", str(tmp_path / "gone.pdf")]) == 1


def test_a_template_is_written_whole_or_not_at_all(tmp_path, capsys):
    for changes in ({"expires": "soon"}, {"scope": ","}, {"release": str(tmp_path / "gone.pdf")}):
        assert run(template(tmp_path, **changes)) == 1
        assert not (tmp_path / "c.json").exists(), changes
    assert run(template(tmp_path)) == 0
    before = (tmp_path / "c.json").read_bytes()
    assert run(template(tmp_path, performer="B. Person")) == 1
    assert (tmp_path / "c.json").read_bytes() == before


def test_check_of_an_invalid_day(tmp_path, capsys):
    assert run(["consent", "check", str(consent(tmp_path)), "--on", "tomorrow"]) == 2
    assert "--on tomorrow" in capsys.readouterr().err


def test_the_example_in_the_docs_is_valid(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "consent.md").read_text(encoding="utf-8")
    example = page.split("```json\n")[1].split("```")[0]
    (tmp_path / "c.json").write_text(example)
    assert read_consent(tmp_path / "c.json").scope == ("feature film", "trailer")
    assert all(f"| `{field}` |" in page for field in json.loads(example))
