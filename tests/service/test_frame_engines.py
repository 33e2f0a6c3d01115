"""Frames through engines that are processes: clients one after another, and one that is killed in the middle."""

import os
import signal
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
from ofx_reenact.service import mapping
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
    folder = mapping._MEMORY
    return {path.name for path in folder.iterdir() if path.name.startswith(mapping._NAME)} if folder.is_dir() else set()


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


def kill_when(pid: int, seen) -> None:
    until = time.monotonic() + 120
    while not seen() and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
