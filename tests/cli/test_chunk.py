"""``engine run``, which starts every chunk on a farm: its command line is read without typer, with the same result."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest
import typer
from test_main import HEAVY, loaded_by

from ofx_reenact.cli import chunk, engine
from ofx_reenact.cli.main import run
from ofx_reenact.service.session import Session
from ofx_reenact.settings import Settings

LINES = [
    ["--session=s"],
    ["--session", "s", "--chunk", "1-10:3", "--progress", "openjd", "--target", "t.exr", "--frames="],
    ["--session=a=b", "--target=-t.exr", "--target-frame=7", "--weight-mouth", "0.5", "--layers=rgba, stmap,"],
    ["--session=s", "--appearance", "a.png,b.png", "--motion=absolute", "--target=x.exr", "--target=y.exr"],
    ["--session=s", "--weight-mouth=1", "--output=o o.####.exr", "--chunk=", "--progress="],
]
# Command lines that are left to typer, which reads or refuses them.
OTHERS = [
    [], ["--target=t.exr"], ["--session"], ["--session=s", "--help"], ["--session=s", "stray"],
    ["--session=s", "--nonsense=1"], ["--session=s", "--target", "-t.exr"], ["-t", "t.exr", "--session=s"],
    ["--session=s", "--target-frame="], ["--session=s", "--target-frame=1.5"], ["--session=s", "--weight-mouth=7"],
    ["--session=s", "--weight-mouth=1e-1"], ["--session=s", "--motion=sideways"], ["--session=s", "--layers="],
    ["--session=s", "--", "x"], ["--session=s", "--targe=t.exr"],
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_plain_command_line_is_read_as_typer_reads_it(line):
    by_typer = {}

    def keep(settings: Settings, session: Path, chunk: str = "", progress: str = "") -> int:
        by_typer.update(settings=settings, session=session, chunk=chunk, progress=progress)
        return 0

    extra = {"session": engine._SESSION, "chunk": engine._CHUNK, "progress": engine.PROGRESS}
    alone = typer.Typer()
    alone.command()(engine.with_settings(keep, extra))
    assert alone(line, standalone_mode=False) == 0
    assert chunk.read(line) == by_typer


@pytest.mark.parametrize("line", OTHERS)
def test_any_other_command_line_is_left_to_typer(line):
    assert chunk.read(line) is None


@pytest.fixture
def session(tmp_path):
    """The session file of a stand-in for an engine, which answers one client that it has written a frame."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        stored = Session(f"127.0.0.1:{door.getsockname()[1]}", os.getpid())
        stored.save(tmp_path / "s")

        def answer() -> None:
            client, _ = door.accept()
            with client, client.makefile("rwb", buffering=0) as link:
                assert link.readline().decode() == f"{stored.token}\n"
                link.write(f"{stored.answer}\n".encode() + b'{"event": "hello", "protocol": 1}\n')
                asked = json.loads(link.readline())
                step = {"stage": "render", "done": 0, "total": 1, "frame": None, "message": ""}
                frames = {"written": [asked["settings"]["frames"]], "skipped": [], "failed": {}}
                for event in ({"event": "progress", **step}, {"event": "done", **frames}):
                    link.write(json.dumps({"id": asked["id"], **event}).encode() + b"\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield tmp_path / "s"
        thread.join(10)


@pytest.mark.parametrize("way", ["openjd", "json", "none"])
def test_engine_run_loads_nothing_heavy(session, way):
    """Neither typer nor a heavy package: the engine has loaded those."""
    loaded, said = loaded_by("engine", "run", f"--session={session}", "--chunk=1-9:2", f"--progress={way}")
    assert not {*HEAVY, "typer", "rich"} & loaded
    assert "1 frames written" in said or '"written": ["1-9x2"]' in said


def test_errors_of_a_chunk_follow_the_progress_option(tmp_path, capsys):
    (tmp_path / "s").write_text("{}")
    assert run(["engine", "run", f"--session={tmp_path / 's'}", "--progress=openjd"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("openjd_fail: ") and said.err.startswith("error: ") and said.err.count("\n") == 1
    assert run(["engine", "run", f"--session={tmp_path / 's'}", "--chunk=9-1"]) == 1
    assert "9-1 ends before it begins" in capsys.readouterr().err
    assert run(["engine", "run", f"--session={tmp_path / 's'}", "--progress=loud"]) == 2
