"""Frames through engines that are processes: clients one after another, and one that is killed in the middle."""

import dataclasses
import json
import os
import signal
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from conftest import DRIVER
from hands import Local, hand, make_still, rgba_of, same_bits
from jobs import job

from ofx_reenact.errors import EngineLost, ReenactError, SettingsError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.launch import command
from ofx_reenact.service import shared_memory as mapping
from ofx_reenact.service.client import connect, start, stop
from ofx_reenact.service.session import Session
from ofx_reenact.settings import Settings

WIDE = 36


@pytest.fixture(scope="module")
def still(tmp_path_factory, linear, performance_file) -> Settings:
    folder = tmp_path_factory.mktemp("still")
    target = make_still(folder / "still.exr", linear)
    return job(folder, performance_file, target=target, repair="off")


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("engine") / "session"
    start(path, 300)
    yield path
    stop(path)


def memories() -> set[str]:
    """Those of this process: others may be at work on this machine."""
    folder = mapping._MEMORY
    return {path.name for path in folder.glob(f"{mapping._NAME}.tmp-*-{os.getpid()}-*")} if folder.is_dir() else set()


def test_clients_one_after_another_get_the_same_frame(session, still):
    own, before = rgba_of(read_plate(still.target)), memories()
    wanted = hand(Local(), still, WIDE, own)
    for _ in range(2):
        with closing(connect(session)) as link:
            made = hand(link, still, WIDE, own)
            assert same_bits(made.pixels, wanted.pixels) and made.confidence == wanted.confidence
            with pytest.raises(ReenactError, match="frame 99 is not in the shot"):
                hand(link, still, 99, own)
            with pytest.raises(SettingsError, match="curves: 'tempo' has no curve"):
                hand(link, still, WIDE, own, curves={"tempo": {"frames": {"1": 1}}})
            assert same_bits(hand(link, still, WIDE, own).pixels, wanted.pixels)
    assert memories() == before


@pytest.mark.skipif(os.name != "posix", reason="processes are killed by a signal")
def test_an_engine_that_is_killed_in_the_middle_leaves_no_memory_behind(session, still, tmp_path):
    own, before = rgba_of(read_plate(still.target)), memories()
    with closing(connect(session)) as link:
        pid = Session.load(session).pid
        killer = threading.Thread(target=kill_when, args=(pid, lambda: memories() - before))
        killer.start()
        # It has its driver to track first.
        settings = job(tmp_path, "", target=still.target, driver=str(DRIVER))
        with pytest.raises(EngineLost):
            hand(link, settings, WIDE, own)
        killer.join()
    assert memories() == before
    start(session, 300)
    with closing(connect(session)) as link:
        assert (hand(link, still, WIDE, own).pixels != own).any()


def test_what_a_client_that_was_killed_has_left_is_removed_by_its_engine(still):
    own = rgba_of(read_plate(still.target))
    memory = mapping.make_mapping(own.nbytes)
    memory.write(0, own.shape[1] * 16, own.view("uint8").reshape(len(own), -1))
    plane = {"offset": 0, "stride": own.shape[1] * 16}
    pixels = {
        "mapping": memory.name, "size": own.nbytes, "width": own.shape[1], "height": own.shape[0], "depth": "float",
        "alpha": "opaque", "scale": [1, 1], "source": plane, "result": plane,
    }  # fmt: skip
    settings = dataclasses.replace(still, output="").as_dict()
    request = {"id": 1, "do": "frame", "settings": settings, "frame": WIDE, "pixels": pixels}
    with subprocess.Popen(command("engine", "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as engine:
        engine.stdin.write(json.dumps(request).encode() + b"\n")
        engine.stdin.flush()
        events = [json.loads(engine.stdout.readline())["event"] for _ in range(2)]
        while events[-1] == "progress":
            events.append(json.loads(engine.stdout.readline())["event"])
        assert events[-1] == "done" and Path(memory.name).exists() == (os.name == "posix")
        # As the system does for a process that has been killed.
        engine.stdin.close()
        engine.wait(60)
    assert not Path(memory.name).exists()
    memory.close()


def kill_when(pid: int, seen) -> None:
    until = time.monotonic() + 120
    while not seen() and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
