"""Files are written completely or not at all, errors of reading explain themselves, and locks work."""

import hashlib
import os

import pytest

from ofx_reenact import files
from ofx_reenact.errors import EngineLost, Exit, OutputError, ReenactError, SettingsError, TrackingError
from ofx_reenact.files import locked, read_json, sha256_of, write_json
from ofx_reenact.resources import SHIPPED, resource, shipped_weights


def test_json_is_read_as_it_was_written(tmp_path):
    content = {"schema": "x/1", "name": "Ü 顔", "values": [1, None, 0.5]}
    write_json(tmp_path / "a" / "x.json", content)
    assert read_json(tmp_path / "a" / "x.json", "x/1") == read_json(tmp_path / "a" / "x.json") == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"x\.json: the note cannot be read \(No such file or directory\); ask"),
        (b"{", r"x\.json: the note cannot be read \(not JSON: .* line 1 column 2.*\); ask"),
        (b"\xff\xfe", r"not JSON: .*utf-8.*; ask"),
        (b"[" * 200_000, r"not JSON: nested too deeply\); ask"),
        (b'{"n": ' + b"9" * 5000 + b"}", r"not JSON: .*; ask"),
        (b'{"n": ' + b"9" * 30 + b"}", r"not JSON: a whole number has more than 64 bits\); ask"),
        (b'{"n": [{"m": 1e999}]}', r"not JSON: a number is not finite\); ask"),
        (b'{"n": NaN}', r"not JSON: NaN is not a number\); ask"),
        (b'{"n": "\\ud800"}', r"not JSON: .*surrogates.*\); ask"),
        (b'{"\\udfff": 1}', r"not JSON: .*surrogates.*\); ask"),
        (b'{"n": ' + b"[" * 70 + b"]" * 70 + b"}", r"not JSON: nested too deeply\); ask"),
        (b'{"n": ' + b'{"n": ' * 900 + b"1" + b"}" * 901, r"not JSON: nested too deeply\); ask"),
        (b'{"n": "' + bytes(range(65, 91)) * 700_000 + b'"}', r"cannot be read \(it has more than 16 MiB\); ask"),
        (b"[1]", r"expected a note: one JSON object; ask"),
        (b'{"schema": "x/2"}', r'expected a note with "schema": "x/1"; ask'),
        (b'{"schema": ["x/1"]}', r'expected a note with "schema": "x/1"; ask'),
    ],
)
def test_errors_of_reading_json_explain_themselves(tmp_path, content, message):
    if content is not None:
        (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(TrackingError, match=message):
        read_json(tmp_path / "x.json", "x/1", what="note", hint="ask", error=TrackingError)


def test_a_folder_is_not_json(tmp_path):
    with pytest.raises(ReenactError, match=r"cannot be read \(Is a directory\)"):
        read_json(tmp_path)


def test_a_lock_is_waited_for_and_released(tmp_path):
    path = tmp_path / "new" / "x.json"
    with (
        locked(path),
        pytest.raises(OutputError, match=r"another process has locked \.x\.json\.lock for 0\.2 s"),
        locked(path, 0.2),
    ):
        pass
    with locked(path, 0.2):
        # Another user may render into the same folder.
        assert path.with_name(".x.json.lock").stat().st_mode & 0o777 == 0o666
    assert not path.exists()


def test_errors_inside_a_lock_pass_through(tmp_path):
    with pytest.raises(OSError, match="mine"), locked(tmp_path / "x.json"):
        raise OSError("mine")
    with locked(tmp_path / "x.json", 0.2):
        pass


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root can write everywhere")
def test_a_folder_that_cannot_be_written_to_cannot_be_locked(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"), locked(tmp_path / "x.json"):
        pass


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"x\.json: cannot be written"), locked(tmp_path / "file" / "x.json"):
        pass


def test_digests_of_large_files_are_of_their_ends(tmp_path, monkeypatch):
    paths = [tmp_path / name for name in "abc"]
    contents = [bytes(range(256)) * 4, b"x" * 10, b""]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    whole = hashlib.sha256(b"".join(contents)).hexdigest()
    monkeypatch.setattr(files, "_MOST_READ", 1034)
    monkeypatch.setattr(files, "_END_READ", 64)
    assert sha256_of(*paths) == whole, "at the limit"
    monkeypatch.setattr(files, "_MOST_READ", 1033)
    ends = b"".join(len(c).to_bytes(8, "little") + (c[:64] + c[-64:] if len(c) > 128 else c) for c in contents)
    assert sha256_of(*paths) == hashlib.sha256(ends).hexdigest()
    assert sha256_of(*paths, whole=True) == whole
    assert sha256_of(paths[0]) == hashlib.sha256(contents[0]).hexdigest(), "below the limit by itself"
    middle = bytearray(contents[0])
    for place, seen in ((63, True), (64, False), (959, False), (960, True)):
        paths[0].write_bytes(middle[:place] + b"!" + middle[place + 1 :])
        assert (sha256_of(*paths) != hashlib.sha256(ends).hexdigest()) == seen
    paths[0].write_bytes(middle[:500] + middle[501:])
    monkeypatch.setattr(files, "_MOST_READ", 0)
    assert sha256_of(*paths) != hashlib.sha256(ends).hexdigest(), "another length"


@pytest.mark.parametrize("size", [100, 128, 129, 65])
def test_every_byte_of_a_short_file_is_read_once(tmp_path, monkeypatch, size):
    path, content = tmp_path / "x", bytes(i % 251 for i in range(size))
    path.write_bytes(content)
    monkeypatch.setattr(files, "_MOST_READ", 0)
    monkeypatch.setattr(files, "_END_READ", 64)
    read = content[:64] + content[max(64, size - 64) :]
    assert sha256_of(path) == hashlib.sha256(size.to_bytes(8, "little") + read).hexdigest()


def test_the_shipped_files_are_those_listed():
    root = resource("NOTICE.md").parent
    found = {
        path.relative_to(root).as_posix()
        for folder in ("models", "weights", "teeth", "demo")
        for path in (root / folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert found == set(SHIPPED)
    assert len(shipped_weights()) == sum(name.startswith("weights/") for name in SHIPPED) == 4


def test_errors_have_exit_codes():
    codes = [error.exit for error in (ReenactError, TrackingError, SettingsError, EngineLost)]
    assert codes == [Exit.FAILED, Exit.FAILED, Exit.USAGE, Exit.LOST] == [1, 1, 2, 75]
