"""The engine as a server: a real process at the end of pipes, through what a host does to one."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import DRIVER, TARGET, driver_pictures

from ofx_reenact import __version__
from ofx_reenact.cli.main import run
from ofx_reenact.farm.farm_job import FarmJob
from ofx_reenact.frames.sequence import Sequence, existing_frames
from ofx_reenact.service.jobs import JOBS
from ofx_reenact.tracking.edit import place
from ofx_reenact.tracking.performance import Performance

SERVE = ("-m", "ofx_reenact", "engine", "serve")


class Engine:
    """A client in as few lines as it takes."""

    def __init__(self, log: Path, *arguments: str, **environment: str) -> None:
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *(arguments or SERVE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **environment},
            )
        self.number = 0
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def event(self) -> dict:
        """The next event; {} when there are no more."""
        line = self._lines.get(timeout=1200)
        return json.loads(line) if line else {}

    def write(self, line: bytes) -> None:
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def send(self, do: str, **fields) -> int:
        self.number += 1
        self.write(json.dumps({"id": self.number, "do": do, **fields}).encode() + b"\n")
        return self.number

    def events(self, number: int) -> list[dict]:
        """All events of a request, the last included; nothing else may come between."""
        seen = [self.event()]
        while seen[-1]["event"] == "progress":
            seen.append(self.event())
        assert {event["id"] for event in seen} == {number}, seen
        return seen

    def ask(self, do: str, **fields) -> dict:
        return self.events(self.send(do, **fields))[-1]

    def last_of(self, *numbers: int) -> dict[int, dict]:
        """The last event of each of several requests, in whatever order they come."""
        last: dict[int, dict] = {}
        while set(last) != set(numbers):
            event = self.event()
            if event["event"] != "progress":
                assert event["id"] in numbers and event["id"] not in last, event
                last[event["id"]] = event
        return last

    def wait_for(self, stage: str, done: int) -> None:
        while (event := self.event())["stage"] != stage or event["done"] < done:
            pass


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine") / "log")
    hello = made.event()
    assert hello == {"event": "hello", "protocol": 1, "version": __version__, "pid": made.process.pid}
    yield made
    number = made.send("quit")
    assert made.event() == {"event": "done", "id": number} and made.event() == {}
    assert made.process.wait(60) == 0


def settings_of(folder: Path, performance: str, **options) -> dict:
    return {"target": str(TARGET), "output": str(folder / "o.####.exr"), "performance": performance, **options}


def pixels(folder: Path) -> dict[int, np.ndarray]:
    frames = Sequence.open(str(folder / "o.####.exr"))
    return {frame: frames.read(frame).rgb for frame in frames.frames}


def assert_same_pixels(one: Path, other: Path) -> None:
    a, b = pixels(one), pixels(other)
    assert a.keys() == b.keys() and all(np.array_equal(a[frame], b[frame]) for frame in a)


def clip(folder: Path) -> str:
    """Eight frames of the demo driver, the fourth black."""
    folder.mkdir(parents=True, exist_ok=True)
    driven = driver_pictures()
    for frame in range(1, 9):
        cv2.imencode(".png", next(driven) * (frame != 4))[1].tofile(folder / f"d.{frame:04d}.png")
    return str(folder / "d.####.png")


def test_hello_comes_before_anything_heavy():
    code = (
        "import sys; from ofx_reenact.cli.main import run; code = run(['engine', 'serve'])\n"
        "heavy = {'torch', 'cv2', 'OpenImageIO', 'PyOpenColorIO', 'scipy', 'numpy', 'numba'} & set(sys.modules)\n"
        "assert code == 0 and not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["event"] == "hello" and done.stdout.count(b"\n") == 1


@pytest.mark.slow
def test_analyse_writes_performance_and_identity(engine, tmp_path):
    files = {"performance": str(tmp_path / "p.npz"), "identity": str(tmp_path / "i.safetensors")}
    settings = {"target": str(TARGET), "driver": clip(tmp_path), "reference": 7, **files}
    *steps, done = engine.events(engine.send("analyse", settings=settings))
    assert [(s["stage"], s["done"]) for s in steps] == [
        ("target", 0), ("target", 1), *(("driver", frame) for frame in range(1, 9))
    ]  # fmt: skip
    assert {"frame", "message", "rate", "eta", "total"} < set(steps[-1]) and steps[5]["message"] == "no face"
    found = Performance.load(tmp_path / "p.npz")
    assert done == {
        "event": "done", "id": engine.number, **files, "target_performance": "", "parts_file": "",
        "first": 1, "last": 8, "reference": found.reference,
        "tracked": "1-3,5-8", "bridged": "4", "held": "", "absent": "", "hand_made": "",
        "confidence": pytest.approx(found.confidence[[0, 1, 2, 4, 5, 6, 7]].min(), abs=1e-4), "size": [360, 288],
        "fps": "",
    }  # fmt: skip
    assert not found.chosen, "the reference of a render is that render's alone"
    before = Path(files["performance"]).stat()
    again = engine.ask("analyse", settings=settings, fresh=False)
    assert again | {"id": 0} == done | {"id": 0} and Path(files["performance"]).stat() == before
    assert engine.ask("analyse", settings=settings)["event"] == "done"
    assert Path(files["performance"]).stat().st_ino != before.st_ino, "made anew"


@pytest.mark.slow
def test_renders_are_those_of_the_command_line(engine, performance_file, tmp_path):
    folders = [tmp_path / name for name in ("first", "second", "line")]
    target = tmp_path / "target.jpg"
    target.write_bytes(TARGET.read_bytes())  # so that nothing of it is warm, whatever ran before
    for folder in folders[:2]:
        settings = settings_of(folder, performance_file, target=str(target), frames="34-37")
        number = engine.send("render", settings=settings)
        engine.wait_for("render", 0)
        done = engine.events(number)[-1]
        assert (done["event"], done["written"], done["failed"]) == ("done", [34, 35, 36, 37], {})
        assert set(done["confidence"]) == {"34", "35", "36", "37"}
    line = ["render", "-t", str(target), "--performance", performance_file, "-f", "34-37"]
    assert run([*line, "-o", str(folders[2] / "o.####.exr"), "--progress", "json"]) == 0
    for folder in folders[:2]:
        assert_same_pixels(folder, folders[2])


def test_report_is_that_of_the_command_line(engine, performance_file, tmp_path, capfd):
    settings = settings_of(tmp_path, performance_file, frames="36", existing="overwrite")
    done = engine.ask("preview", settings=settings)
    line = ["render", "-t", str(TARGET), "--performance", performance_file, "-f", "36", "-o", settings["output"]]
    assert run([*line, "--existing", "overwrite", "--progress", "json"]) == 0
    report = json.loads(capfd.readouterr().out.splitlines()[-1])
    for event in (done, report):
        event.pop("event"), event.pop("seconds")
    assert done.pop("id") == engine.number and done == report
    assert engine.ask("preview", settings=settings | {"frames": "36-37"})["code"] == 2


def test_landmarks_place_curves(engine, performance, performance_file, tmp_path):
    got = engine.ask("landmarks", performance=performance_file, frames="36-37")
    assert got["size"] == [360, 288] and list(got["frames"]) == ["36", "37"]
    assert np.array_equal(np.float32(got["frames"]["36"]), performance.raw_landmarks[35])
    assert len(engine.ask("landmarks", performance=performance_file)["frames"]) == 75
    points = np.add(got["frames"]["36"], [[0, 2]])
    output = str(tmp_path / "p.npz")
    done = engine.ask("place", performance=performance_file, frames={"36": points.tolist()}, output=output)
    assert (done["hand_made"], done["performance"], done["tracked"]) == ("36", output, "1-75")
    wanted, found = place(performance, {36: points}), Performance.load(Path(output))
    assert np.array_equal(found.frontal, wanted.frontal) and np.array_equal(found.hand_made, wanted.hand_made)
    curves = engine.ask("curves", performance=output)
    assert curves["frames"] == list(range(1, 76)) and len(curves["blendshapes"]) == 52
    assert np.allclose(curves["blendshapes"]["jawOpen"], found.blendshapes[:, 25], atol=1e-5)
    assert {name: len(curve) for name, curve in curves["rotation"].items()} == {"pitch": 75, "yaw": 75, "roll": 75}
    for wrong in ({"36": points.tolist()[:67]}, {"99": points.tolist()}, {"*": points.tolist()}, {}, None):
        error = engine.ask("place", performance=performance_file, frames=wrong, output=output)
        assert (error["event"], error["code"]) == ("error", 1), error
    assert engine.ask("place", performance="", frames={}, output=output)["code"] == 2
    assert engine.ask("landmarks", performance=performance_file, frames="1:9")["code"] == 1
    assert "no such performance file" in engine.ask("curves", performance=str(tmp_path / "no.npz"))["message"]


def test_cancel_leaves_whole_frames_and_a_second_job_is_refused(engine, performance_file, tmp_path):
    job = engine.send("render", settings=settings_of(tmp_path, performance_file, preview=str(tmp_path / "p.mp4")))
    engine.wait_for("render", 2)
    refused, cancel = engine.send("curves", performance=performance_file), engine.send("cancel", job=job)
    last = engine.last_of(job, refused, cancel)
    assert last[refused]["code"] == 1 and last[refused]["message"].startswith(f"busy: render {job} ")
    assert last[cancel] == {"event": "done", "id": cancel}
    written = last[job]["written"]
    assert last[job]["event"] == "cancelled" and 2 <= len(written) < 75
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"o.{frame:04d}.exr" for frame in written], "nothing else, nothing half-written"
    output = str(tmp_path / "o.####.exr")
    assert list(existing_frames(output, Sequence.open(output).frames)) == written
    assert engine.ask("cancel", job=job)["event"] == "done", "has ended already"
    assert engine.ask("cancel", job=10**6)["code"] == 2
    assert engine.ask("curves", performance=performance_file)["event"] == "done", "and goes on working"


def test_cancel_while_tracking_leaves_the_old_file(engine, tmp_path):
    kept = tmp_path / "p.npz"
    kept.write_bytes(b"as it was")
    job = engine.send("analyse", settings={"driver": str(DRIVER), "performance": str(kept)})
    engine.wait_for("driver", 2)
    cancel = engine.send("cancel", job=job)
    last = engine.last_of(job, cancel)
    assert (last[job], last[cancel]["event"]) == ({"event": "cancelled", "id": job, "written": []}, "done")
    assert kept.read_bytes() == b"as it was" and [path.name for path in tmp_path.iterdir()] == ["p.npz"]


def test_lines_that_are_no_requests(engine):
    latest = engine.number
    for line in (
        b"", b"{", b"[]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"do": "curves"}', b'{"id": 10000}',
        b'{"id": 10000, "do": 3}', b'{"id": "10000", "do": "quit"}', b'{"id": true, "do": "quit"}',
        b'{"id": %d, "do": "quit"}' % latest,
    ):  # fmt: skip
        engine.write(line + b"\n")
        event = engine.event()
        assert (event["event"], event["id"], event["code"]) == ("error", None, 2), line
        assert event["message"].startswith("not a request: ") and "\n" not in event["message"]
    assert engine.ask("dance")["code"] == 2


def test_errors_are_the_command_lines(engine, performance_file, tmp_path):
    good = settings_of(tmp_path, performance_file)
    for settings, code, says in (
        (None, 2, "settings are needed"),
        ({"colour": "red"}, 2, "unknown option colour"),
        ({}, 2, "--target is needed"),
        (good | {"neck": "wide"}, 2, "--neck 'wide': give a number"),
        (good | {"motion": "sideways"}, 2, "--motion sideways: choose from"),
        (good | {"output": str(tmp_path / "o.exr")}, 2, "put #### where"),
        (good | {"frames": "900"}, 1, "--frames 900: the driver has frames 1-75"),
        (good | {"target": str(tmp_path / "no.exr")}, 1, "no.exr: no such file"),
        (good | {"weights": str(tmp_path / "no.pt")}, 1, "no.pt: no such weights file"),
    ):
        event = engine.ask("render", settings=settings)
        assert (event["event"], event["code"]) == ("error", code) and says in event["message"], event
    for settings, code, says in (
        ({"driver": str(DRIVER)}, 2, "--performance is needed: analyse writes this file"),
        ({"performance": str(tmp_path / "p.npz")}, 2, "--driver is needed"),
        ({"performance": str(tmp_path / "p.npz"), "driver": "d.mp4", "identity": "i"}, 2, "--target is needed"),
    ):
        event = engine.ask("analyse", settings=settings)
        assert event["code"] == code and says in event["message"], event
    assert not list(tmp_path.iterdir())


def test_paths_of_every_kind(engine, performance_file, tmp_path):
    folder = tmp_path / 'it\'s a "földer" $(x); 顔'
    target = folder / "a b.jpg"
    driver = clip(folder)
    target.write_bytes(TARGET.read_bytes())
    files = {"performance": str(folder / "p ü.npz"), "identity": str(folder / "i 顔.safetensors")}
    settings = {"target": str(target), "driver": driver, "output": str(folder / "o ü.####.exr"), **files}
    done = engine.ask("analyse", settings=settings)
    assert (done["performance"], done["identity"]) == (files["performance"], files["identity"])
    assert engine.ask("render", settings=settings | {"frames": "2"})["output"] == settings["output"]
    assert (folder / "o ü.0002.exr").is_file() and all(Path(path).is_file() for path in files.values())


def test_a_job_is_written_as_the_farm_reads_it(engine, performance_file, tmp_path):
    settings = settings_of(tmp_path, performance_file, frames="1-50")
    file = tmp_path / "j.json"
    done = engine.ask("job", settings=settings, file=str(file), name="shot/10")
    job = FarmJob.load(file)
    assert (job.name, str(job.frames), job.settings.existing) == ("shot_10", "1-50", "skip")
    assert done == {
        "event": "done", "id": engine.number, **json.loads(file.read_text()), "chunks": ["1-20", "21-40", "41-50"],
        "file": str(file), "command": ["-m", "ofx_reenact", "job", "task", str(file), "render"],
    }  # fmt: skip
    assert engine.ask("job", settings=settings, file=str(file))["name"] == "o"
    for fields, code, says in (
        ({"settings": settings}, 2, "file: a path is needed"),
        ({"settings": settings, "file": str(file), "name": 3}, 2, "name 3: give the job's, as text"),
        ({"settings": settings | {"preview": "p.mp4"}, "file": str(file)}, 2, "--preview"),
        ({"settings": settings | {"frames": "90"}, "file": str(file)}, 1, "the driver has frames 1-75"),
        ({"settings": settings, "file": str(file / "x")}, 1, "cannot be written"),
    ):
        event = engine.ask("job", **fields)
        assert (event["event"], event["code"]) == ("error", code) and says in event["message"], event


def test_every_request_is_described():
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
    assert [name for name in (*JOBS, "cancel", "quit") if f"\n| `{name}` |" not in page] == []


@pytest.mark.slow
def test_the_end_of_stdin_ends_it_with_whole_frames(performance_file, tmp_path):
    engine = Engine(tmp_path / "log")
    assert engine.event()["event"] == "hello"
    out = tmp_path / "out"
    job = engine.send("render", settings=settings_of(out, performance_file))
    engine.wait_for("render", 1)
    engine.process.stdin.write(b'{"id": 2, "do": "cur')
    engine.process.stdin.close()
    last = engine.last_of(job)[job]
    assert last["event"] == "cancelled" and engine.event() == {}
    assert engine.process.wait(60) == 0
    assert sorted(path.name for path in out.iterdir()) == [f"o.{frame:04d}.exr" for frame in last["written"]]


def test_quit_while_a_job_runs(tmp_path):
    engine = Engine(tmp_path / "log")
    assert engine.event()["event"] == "hello"
    job = engine.send("analyse", settings={"driver": str(DRIVER), "performance": str(tmp_path / "p.npz")})
    engine.wait_for("driver", 1)
    end = engine.send("quit")
    events = [event for event in iter(engine.event, {}) if event["event"] != "progress"]
    assert [(event["event"], event["id"]) for event in events] == [("cancelled", job), ("done", end)]
    assert engine.process.wait(60) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_client_that_reads_no_more_ends_it(tmp_path):
    request = {"id": 1, "do": "curves", "performance": "none"}
    with subprocess.Popen([sys.executable, *SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["event"] == "hello"
        process.stdout.close()
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        assert process.wait(60) == 1


def test_what_a_library_prints_does_not_break_the_link(performance_file, tmp_path):
    code = (
        "import os, sys\n"
        "class Loud:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name in ('numpy', 'cv2', 'torch'):\n"
        "            print('python says', name, flush=True)\n"
        "            os.write(1, b'the system says ' + name.encode() + b'\\n')\n"
        "            sys.stdin.read()\n"
        "sys.meta_path.insert(0, Loud())\n"
        "from ofx_reenact.cli.main import run; sys.exit(run(['engine', 'serve']))\n"
    )
    engine = Engine(tmp_path / "log", "-c", code)
    assert engine.event()["event"] == "hello"
    assert engine.ask("curves", performance=performance_file)["event"] == "done"
    end = engine.send("quit")
    assert [engine.event(), engine.event()] == [{"event": "done", "id": end}, {}] and engine.process.wait(60) == 0
    log = engine.log.read_text()
    assert "python says numpy" in log and "the system says cv2" in log
