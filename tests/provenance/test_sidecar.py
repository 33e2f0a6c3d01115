"""The sidecar: read, written, merged by chunks that run at the same time, refused if it is not valid."""

import errno
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ofx_reenact.errors import OutputError, ReenactError
from ofx_reenact.files import locked
from ofx_reenact.provenance import FrameEntry, Input, Sidecar, sidecar_path

LOCK = ".o.reenact.json.lock"
WHOLE = {
    "schema": "ofx-reenact/sidecar/1", "output": "o.####.exr",
    "inputs": {
        "target": {"name": "t.exr", "sha256": "a"}, "driver": {"name": "d.#.exr", "sha256": "b", "files": 3, "take": 7},
    },
    "settings": {"target": "t.exr", "target_frame": None}, "reference": 2, "tracker": "mesh",
    "weights": {"sha256": "c", "files": "not a number, and need not be"}, "fdgan": "off",
    "colour": {"space": "ACEScg", "reason": "its tag", "config": "ocio"}, "versions": {"torch": "2"},
    "consent": "none", "job": "desk", "digital_source_type": "x", "warnings": ["old"], "studio": {"shot": 10},
    "frames": {"1": {"confidence": 0.5, "face": "held", "note": "soft"}, "2": {}},
}  # fmt: skip


def written(folder: Path, content: object) -> Path:
    path = folder / "o.reenact.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def add(path: Path, *frames: int) -> None:
    Sidecar(output="o", frames={frame: FrameEntry(1.0) for frame in frames}).save(path)


@pytest.mark.parametrize(
    ("output", "name"),
    [("a/o.####.exr", "o.reenact.json"), ("o_%04d.exr", "o.reenact.json"), ("x.y.@@@.exr", "x.y.reenact.json")],
)
def test_sidecar_path(output, name):
    assert sidecar_path(output).name == name


def test_a_file_round_trip(tmp_path):
    sidecar = Sidecar.load(written(tmp_path, WHOLE))
    assert sidecar.inputs["driver"] == Input("d.#.exr", "b", 3, {"take": 7})
    assert sidecar.frames == {1: FrameEntry(0.5, "held", extra={"note": "soft"}), 2: FrameEntry()}
    assert sidecar.as_dict() == WHOLE
    sidecar.save(tmp_path / "other.json")
    assert json.loads((tmp_path / "other.json").read_text()) == WHOLE
    assert list(sidecar.as_dict())[-2:] == ["studio", "frames"]


def test_attributes_that_all_frames_must_have(tmp_path):
    claims = Sidecar.load(written(tmp_path, WHOLE)).claims
    assert claims == {"reenact:weights_sha256": "c", "reenact:fdgan_sha256": "off", "reenact:consent_id": "none"}
    assert Sidecar(fdgan={"sha256": "d"}).claims["reenact:fdgan_sha256"] == "d"
    assert set(Sidecar(fdgan="on").claims.values()) == {None}


def test_chunks_are_merged(tmp_path):
    path = written(tmp_path, WHOLE)
    entry = FrameEntry(0.25, "tracked")
    Sidecar(output="p", frames={1: entry, -3: entry}).save(path, earlier={2: entry, 9: entry})
    merged = Sidecar.load(path)
    assert (merged.output, merged.consent, list(merged.frames)) == ("p", None, [-3, 1, 2, 9])
    assert merged.frames[1] == merged.frames[9] == entry and merged.frames[2] == FrameEntry(), "what was known stays"


def test_with_existing_frames_only_the_other_fields_stay(tmp_path):
    path = written(tmp_path, WHOLE)
    Sidecar(output="p").save(path, earlier={9: FrameEntry(0.25)})
    assert json.loads(path.read_text()) == {**WHOLE, "frames": {**WHOLE["frames"], "9": {"confidence": 0.25}}}


@pytest.mark.parametrize("content", ["{", "[]", {**WHOLE, "frames": [1]}])
def test_a_file_that_is_not_a_sidecar_is_replaced(tmp_path, content):
    path = written(tmp_path, content)
    add(path, 3)
    assert list(Sidecar.load(path).frames) == [3]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read .not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "one JSON object"),
        ({"schema": "other"}, '"schema": "ofx-reenact/sidecar/1"'),
        ({"schema": WHOLE["schema"], "inputs": {}}, "no frames"),
        ({**WHOLE, "frames": {"x": {}}}, "'frames' has 'x', which is no frame number"),
        ({**WHOLE, "frames": {"7": []}}, "frame 7 is not an object"),
        ({**WHOLE, "frames": {"7": {"confidence": True}}}, "'confidence' of frame 7 is not a whole number or a number"),
        ({**WHOLE, "inputs": []}, "'inputs' of the sidecar is not an object"),
        ({**WHOLE, "inputs": {"driver": {"name": 5}}}, "'name' of input 'driver' is not text"),
        ({**WHOLE, "settings": "none"}, "'settings' of the sidecar is not an object"),
        ({**WHOLE, "weights": {"sha256": 5}}, "'sha256' of weights is not text"),
    ],
)
def test_files_that_are_not_sidecars(tmp_path, content, says):
    path = written(tmp_path, content)
    with pytest.raises(ReenactError, match=says) as raised:
        Sidecar.load(path)
    assert str(raised.value).startswith(f"{path}: ")


def process(code: str, *arguments: object) -> subprocess.Popen:
    """Start a process that imports what ``add`` needs, and prints a line when it is ready."""
    head = (
        "import sys, time\nfrom pathlib import Path\nfrom ofx_reenact.files import locked\n"
        "from ofx_reenact.provenance import FrameEntry, Sidecar\npath = Path(sys.argv[1])\n"
    )
    line = [sys.executable, "-c", head + code, *map(str, arguments)]
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def end_together(workers):
    """Start all waiting processes at once by closing their input; assert that each succeeds."""
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.close()
    assert [worker.wait() for worker in workers] == [0] * len(workers)


def test_many_processes_share_one_sidecar(tmp_path):
    path = tmp_path / "o.reenact.json"
    code = (
        "print('ready', flush=True)\nsys.stdin.read()\nfirst = int(sys.argv[2])\n"
        "for f in range(first, first + 5): Sidecar(output='o', frames={f: FrameEntry(1.0)}).save(path)"
    )
    end_together([process(code, path, 5 * number) for number in range(5)])
    assert list(Sidecar.load(path).frames) == list(range(25))
    assert {p.name for p in tmp_path.iterdir()} <= {"o.reenact.json", LOCK}


@pytest.mark.slow
def test_eight_workers_that_end_together_lose_no_frame(tmp_path):
    """Each adds 500 frames in five chunks; the lock file of a dead process exists."""
    path = tmp_path / "o.reenact.json"
    (tmp_path / LOCK).write_text("4711\nsome-other-machine\n")
    code = (
        "print('ready', flush=True)\nsys.stdin.read()\nfirst = int(sys.argv[2])\n"
        "for chunk in range(first, first + 500, 100):\n"
        "    entries = {f: FrameEntry(1.0, 'tracked') for f in range(chunk, chunk + 100)}\n"
        "    Sidecar(output='o', frames=entries).save(path)"
    )
    end_together([process(code, path, 500 * number) for number in range(8)])
    assert list(Sidecar.load(path).frames) == list(range(4000))


@pytest.mark.slow
def test_a_killed_worker_loses_no_frame(tmp_path):
    """Each is killed as soon as another has added its next chunk, whatever it is doing then."""
    path, noted = tmp_path / "o.reenact.json", set()
    add(path, 0)
    code = (
        "first = int(sys.argv[2])\n"
        "for f in range(first, first + 10_000):\n"
        "    Sidecar(output='o', frames={f: FrameEntry(1.0)}).save(path)\n"
        "    print(f, flush=True)"
    )
    for number in range(1, 5):
        pair = [process(code, path, 100_000 * number + 50_000 * half) for half in (0, 1)]
        for _ in range(3):
            noted |= {int(worker.stdout.readline()) for worker in pair}
        for worker in pair:
            worker.kill()
            # What it printed before it was killed counts as well.
            noted |= {int(line) for line in worker.stdout.read().splitlines(True) if line.endswith("\n")}
            worker.wait()
    add(path, 1)
    assert {0, 1, *noted} <= set(Sidecar.load(path).frames)


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    path = tmp_path / "o.reenact.json"
    holder = process("with locked(path): print('ready', flush=True); time.sleep(900)", path)
    assert holder.stdout.readline() == "ready\n"
    writer = threading.Thread(target=add, args=(path, 1))
    writer.start()
    writer.join(0.3)
    assert writer.is_alive() and not path.exists(), "another process holds it"
    holder.kill()
    holder.wait()
    writer.join(300)
    assert not writer.is_alive() and list(Sidecar.load(path).frames) == [1]


def test_sidecar_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"o\.reenact\.json: cannot be written"):
        add(tmp_path / "file" / "o.reenact.json", 1)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, None])
def test_a_file_system_without_locks(tmp_path, monkeypatch, number):
    """Existing entries stay, and the error tells what to do."""
    path = written(tmp_path, WHOLE)

    def refuse(lock):
        raise NotImplementedError("no flock here") if number is None else OSError(number, "none")

    monkeypatch.setattr("filelock.FileLock.__enter__", refuse)
    with pytest.raises(OutputError, match=r"has no locks.*mounted with locks.*frames are whole.*--existing skip"):
        add(path, 3)
    assert json.loads(path.read_text()) == WHOLE


def test_a_lock_held_by_another_process(tmp_path, monkeypatch):
    path = written(tmp_path, WHOLE)
    monkeypatch.setattr("ofx_reenact.provenance.sidecar.locked", lambda path: locked(path, 0.2))
    with (
        locked(path),
        pytest.raises(OutputError, match=r"another process has locked.*frames are whole.*--existing skip to add them"),
    ):
        add(path, 3)
    assert json.loads(path.read_text()) == WHOLE


def test_a_sidecar_that_cannot_be_read_just_now_is_not_replaced(tmp_path):
    """It has entries of other chunks; here reading it fails with too many links."""
    path = tmp_path / "o.reenact.json"
    path.symlink_to(path.name)
    with pytest.raises(OutputError, match=r"cannot be read .*frames are whole"):
        add(path, 3)
    assert path.is_symlink()
