"""An engine that stays between chunks: a real process on a real socket."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from farm_jobs import same_frames, small_target

from ofx_reenact.cli.main import run
from ofx_reenact.errors import ReenactError
from ofx_reenact.service import session_engine
from ofx_reenact.service.admission import connect_to
from ofx_reenact.service.client import connect, start, stop
from ofx_reenact.service.session import Session

COMMAND = (sys.executable, "-m", "ofx_reenact")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("engine")
    small_target(made)
    return made


@pytest.fixture(scope="module")
def session(folder):
    path = folder / "session.json"
    said = command("engine", "start", f"--session={path}", "--idle=300")
    assert said.returncode == 0 and "ready" in said.stdout, said.stderr
    yield path
    assert command("engine", "stop", f"--session={path}").returncode == 0
    assert not path.exists()


def command(*arguments: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=1200, **more)


def render(folder: Path, performance: str, output: str, *more: str) -> list[str]:
    named = [f"--target={folder / 'target.png'}", f"--performance={performance}", f"--output={folder / output}"]
    return [*named, "--repair=off", "--existing=skip", *more]


def test_chunks_after_the_first_begin_at_once_and_are_the_same_pixels(folder, session, performance_file, capsys):
    options = render(folder, performance_file, "chunks/o.####.exr", f"--identity={folder / 'identity'}")
    started = []
    for chunk in ("1-3", "4-6", "7,9", "8", "8"):
        capsys.readouterr()
        assert run(["engine", "run", f"--session={session}", f"--chunk={chunk}", "--progress=json", *options]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert events[-1]["event"] == "report"
        started.append(events[-1]["startup"])
    assert events[-1]["skipped"] == [8] and not events[-1]["written"]
    assert sorted(started[1:])[1] < 0.2, started
    assert run(["render", *render(folder, performance_file, "whole/o.####.exr", "--frames=1-9")]) == 0
    assert same_frames(str(folder / "chunks/o.####.exr"), str(folder / "whole/o.####.exr")) == list(range(1, 10))


def test_messages_of_open_job_description(folder, session, performance_file, capfd):
    options = render(folder, performance_file, "messages/o.####.exr")
    line = ["engine", "run", f"--session={session}", "--progress=openjd"]
    assert run([*line, "--chunk=1-5:2", *options]) == 0
    said = capfd.readouterr().out
    assert re.findall(r"^openjd_progress: ([\d.]+)$", said, re.M) == ["0.0", "33.3", "66.7", "100.0"]
    assert re.search(r"^openjd_status: 3 frames written; begun after \d+\.\d+ s$", said, re.M)
    hostile = [f"--target={folder}/no\nopenjd_env: PATH=nowhere", *options[1:]]
    assert run([*line, "--chunk=1", *hostile]) == 1
    said = capfd.readouterr()
    assert "openjd_fail: " in said.out and not re.search("^openjd_env", said.out + said.err, re.M)
    assert run([*line, "--chunk=one", *options]) == 1
    assert "openjd_fail: frame range 'one'" in capfd.readouterr().out


def test_paths_are_seen_from_where_the_command_runs(folder, session, performance_file, monkeypatch):
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    options = ["--target=../target.png", f"--performance={performance_file}", "--output=o.####.exr", "--repair=off"]
    assert run(["engine", "run", f"--session={session}", "--frames=2", *options]) == 0
    assert (elsewhere / "o.0002.exr").exists()


def test_only_its_owner_is_let_in(session):
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    for said in (b"0" * 32 + b'\n{"id": 1, "do": "quit"}\n', b"x" * 100_000, b"\n"):
        with connect_to(Session.load(session).address, 10) as stranger:
            try:
                stranger.sendall(said)
                answer = stranger.recv(100)
            except ConnectionError:
                answer = b""
            assert answer == b""
    link = connect(session)
    assert link is not None
    link.close()


def test_starting_twice_is_one_engine(session):
    pid = Session.load(session).pid
    assert start(session) is False and Session.load(session).pid == pid


@pytest.mark.slow
def test_an_engine_that_dies_in_the_middle_is_code_75_and_the_next_run_starts_another(folder, performance_file):
    path = folder / "dies.json"
    start(path)
    options = render(folder, performance_file, "dies/o.####.exr", "--frames=1-75")
    with running(path, options) as process:
        os.kill(Session.load(path).pid, signal.SIGKILL)
        assert process.wait(600) == 75
        assert "try again" in process.stderr.read()
    assert run(["engine", "run", f"--session={path}", *options[:-1], "--frames=1-6"]) == 0
    assert stop(path) and not stop(path)


@pytest.mark.slow
def test_a_notice_ends_after_the_frame_at_hand_and_the_engine_stays(folder, session, performance_file):
    options = render(folder, performance_file, "notice/o.####.exr", "--frames=1-75")
    with running(session, options) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(600) == 130
    assert 0 < len(list((folder / "notice").glob("*.exr"))) < 75
    assert not list((folder / "notice").glob("*.tmp-*"))
    pid = Session.load(session).pid
    with running(session, render(folder, performance_file, "gone/o.####.exr", "--frames=1-75")) as process:
        process.kill()
    # A client that has gone takes its job with it, not the engine.
    link = connect(session)
    assert link is not None and Session.load(session).pid == pid
    link.close()


@pytest.mark.slow
def test_an_engine_that_nobody_asked_for_a_while_ends(folder):
    path = folder / "idle.json"
    start(path, idle=1)
    pid = Session.load(path).pid
    until = time.monotonic() + 300
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert not path.exists()


@pytest.mark.parametrize("end", [Path.unlink, lambda path: Session("another", 1).save(path)])
def test_an_engine_whose_session_file_is_gone_or_another_s_ends(tmp_path, monkeypatch, end):
    monkeypatch.setattr(session_engine, "load_engine", lambda: None)
    monkeypatch.setattr(session_engine, "_POLL", 0.1)
    path = tmp_path / "session.json"
    engine = threading.Thread(target=session_engine.listen, args=(path, 300.0))
    engine.start()
    until = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    end(path)
    left = path.exists()
    engine.join(20)
    assert not engine.is_alive() and path.exists() == left, "another's file stays"


def test_session_files_that_are_none(tmp_path):
    for content in ("", "[]", "{}", '{"schema": "ofx-reenact/session/1", "version": "0"}'):
        (tmp_path / "session.json").write_text(content)
        with pytest.raises(ReenactError, match="session"):
            connect(tmp_path / "session.json")
    done = command("engine", "start", f"--session={tmp_path / 'session.json' / 'x'}")
    assert done.returncode == 1 and done.stderr.count("\n") == 1


class running:
    """A render through a session, once its third frame is done."""

    def __init__(self, session: Path, options: list[str]) -> None:
        line = [*COMMAND, "engine", "run", f"--session={session}", "--progress=json", *options]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> subprocess.Popen:
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "progress" and event["stage"] == "render" and event["done"] >= 3:
                return self.process
        raise AssertionError(self.process.stderr.read())

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()
