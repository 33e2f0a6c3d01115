"""Requests of a size or shape that nobody means."""

import json
import os
import threading
import time

import pytest

from ofx_reenact.service import server
from ofx_reenact.service.server import Server


class ShotViewer:
    """A server at the end of pipes, in a thread."""

    def __init__(self) -> None:
        requests, self.requests = os.pipe()
        events, answers = os.pipe()
        self.events = os.fdopen(events, "rb")
        self.server = Server(requests, os.fdopen(answers, "wb"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        assert self.event()["event"] == "hello"

    def write(self, content: bytes) -> None:
        while content:
            content = content[os.write(self.requests, content) :]

    def event(self) -> dict:
        return json.loads(self.events.readline())


@pytest.fixture
def desk():
    made = ShotViewer()
    yield made
    os.close(made.requests)
    made.thread.join(30)
    assert not made.thread.is_alive()


def test_a_line_without_end_costs_little_and_the_next_is_answered(desk):
    started = time.process_time()
    block = b"[" * (1 << 20)
    for _ in range(200):
        desk.write(block)
    desk.write(b"\n")
    assert desk.event() == {"event": "error", "id": None, "code": 2, "message": "not a request: longer than 32 MiB"}
    assert time.process_time() - started < 20, "time in proportion to what was read"
    desk.write(b'{"id": 1, "do": "cancel", "job": 0}\n')
    assert desk.event() == {"event": "done", "id": 1}


def test_the_longest_request_is_read_whole(monkeypatch, desk):
    monkeypatch.setattr(server, "_LONGEST", 1 << 17)
    for extra, event in ((0, "done"), (1, "error")):
        head = b'{"id": %d, "do": "cancel", "job": 0, "more": "' % (extra + 1)
        line = head + b"x" * ((1 << 17) - len(head) - 2 + extra) + b'"}'
        desk.write(line + b"\n" if extra else line[:70_000])
        if not extra:
            desk.write(line[70_000:] + b"\n")
        assert desk.event()["event"] == event


@pytest.mark.parametrize("fill", ["[%s]", '{"a": %s}'])
def test_nesting_has_an_end(desk, fill):
    value = "1"
    for _ in range(server._DEEPEST - 1):
        value = fill % value
    desk.write(b'{"id": 1, "do": "dance", "more": %s}\n' % value.encode())
    assert "choose from" in desk.event()["message"]
    for depth in (1, 400):
        deeper = value
        for _ in range(depth):
            deeper = fill % deeper
        desk.write(b'{"id": 2, "do": "dance", "more": %s}\n' % deeper.encode())
        assert desk.event()["message"] == "not a request: nested too deeply"


def test_an_error_does_not_repeat_megabytes(desk):
    desk.write(b'{"id": "%s", "do": "dance"}\n' % (b"x" * 1_000_000))
    desk.write(b'{"id": 1, "do": "%s"}\n' % (b"y" * 1_000_000))
    assert all(len(desk.event()["message"]) < 5000 for _ in range(2))


@pytest.mark.parametrize("alive", [0, -1, "1", True, 1e9, [], 1e-9])
def test_signs_of_life_as_nobody_means_them(desk, alive):
    desk.write(json.dumps({"id": 1, "do": "curves", "performance": "none", "alive": alive}).encode() + b"\n")
    assert desk.event()["code"] == 2
