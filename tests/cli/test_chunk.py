"""The line of ``engine run``, which every chunk of a farm is started by: read without typer, and to the same end."""

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
# What typer is to read, or to refuse.
OTHERS = [
    [], ["--target=t.exr"], ["--session"], ["--session=s", "--help"], ["--session=s", "stray"],
    ["--session=s", "--nonsense=1"], ["--session=s", "--target", "-t.exr"], ["-t", "t.exr", "--session=s"],
    ["--session=s", "--target-frame="], ["--session=s", "--target-frame=1.5"], ["--session=s", "--weight-mouth=7"],
    ["--session=s", "--weight-mouth=1e-1"], ["--session=s", "--motion=sideways"], ["--session=s", "--layers="],
    ["--session=s", "--", "x"], ["--session=s", "--targe=t.exr"],
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_plain_line_is_read_as_typer_reads_it(line):
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
def test_any_other_line_is_left_to_typer(line):
    assert chunk.read(line) is None


@pytest.fixture
def warm(tmp_path):
    """The session file of what answers one client as an engine does, and says that it has written a frame."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        session = Session(f"127.0.0.1:{door.getsockname()[1]}", os.getpid())
        session.save(tmp_path / "s")

        def answer() -> None:
            client, _ = door.accept()
            with client, client.makefile("rwb", buffering=0) as link:
                assert link.readline().decode() == f"{session.token}\n"
                link.write(f"{session.answer}\n".encode() + b'{"event": "hello", "protocol": 1}\n')
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
def test_a_chunk_loads_little(warm, way):
    """Neither typer nor anything heavy: the engine has it all."""
    loaded, said = loaded_by("engine", "run", f"--session={warm}", "--chunk=1-9:2", f"--progress={way}")
    assert not {*HEAVY, "typer", "rich"} & loaded
    assert "1 frames written" in said or '"written": ["1-9x2"]' in said


def test_what_ends_a_chunk_is_said_as_it_asked(tmp_path, capsys):
    (tmp_path / "s").write_text("{}")
    assert run(["engine", "run", f"--session={tmp_path / 's'}", "--progress=openjd"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("openjd_fail: ") and said.err.startswith("error: ") and said.err.count("\n") == 1
    assert run(["engine", "run", f"--session={tmp_path / 's'}", "--chunk=9-1"]) == 1
    assert "9-1 ends before it begins" in capsys.readouterr().err
    assert run(["engine", "run", f"--session={tmp_path / 's'}", "--progress=loud"]) == 2
