"""The other end of an engine that listens: start one, ask it for jobs, end it. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ofx_reenact.errors import EngineLost, OutputError, ReenactError
from ofx_reenact.service.listen import HOST, Session
from ofx_reenact.service.server import PROTOCOL

IDLE = 900.0
# Seconds that an engine has to load, and that one has to answer a client.
_START, _ANSWER = 300.0, 40.0


class Link:
    """A connection to an engine."""

    def __init__(self, connection: socket.socket, token: str) -> None:
        self._connection = connection
        self._number = 0
        connection.settimeout(_ANSWER)
        self._write(token.encode() + b"\n")
        self._events = connection.makefile("rb")
        hello = self._event()
        connection.settimeout(None)
        if hello.get("protocol") != PROTOCOL:
            raise ReenactError(f"the engine speaks protocol {hello.get('protocol')}, this is {PROTOCOL}")

    def send(self, do: str, **fields: Any) -> int:
        """Send a request; returns its id."""
        self._number += 1
        self._write(json.dumps({"id": self._number, "do": do, **fields}).encode() + b"\n")
        return self._number

    def events(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the events of a request, its last one included.

        Raises:
            EngineLost: the engine ended before that.
        """
        while True:
            event = self._event()
            if event.get("id") != number:
                continue
            yield event
            if event["event"] != "progress":
                return

    def close(self) -> None:
        """Hang up; what runs is cancelled."""
        self._events.close()
        self._connection.close()

    def _write(self, line: bytes) -> None:
        try:
            self._connection.sendall(line)
        except OSError as error:
            raise EngineLost(f"the engine has gone ({error.strerror or error})") from error

    def _event(self) -> dict[str, Any]:
        try:
            line = self._events.readline()
        except OSError as error:
            raise EngineLost(f"the engine does not answer ({error.strerror or error})") from error
        if not line.endswith(b"\n"):
            raise EngineLost("the engine ended in the middle of its work; what it wrote is whole, try again")
        return json.loads(line)


def linked(path: Path, idle: float = IDLE) -> contextlib.closing[Link]:
    """Connect to the engine of a session file; one that has ended is started again.

    Raises:
        ReenactError: there is no engine and none can be started.
    """
    return contextlib.closing(connect(path) or _started(path, idle))


def connect(path: Path) -> Link | None:
    """Connect to the engine of a session file; None if none listens.

    Raises:
        ReenactError: the session file cannot be used.
        EngineLost: something listens but does not answer.
    """
    session = Session.load(path)
    if session is None:
        return None
    try:
        connection = socket.create_connection((HOST, session.port), _ANSWER)
    except OSError:
        return None
    try:
        return Link(connection, session.token)
    except EngineLost:
        # Another program may have the port of an engine that is dead, and hang up on a token that it does not know.
        connection.close()
        return None


def start(path: Path, idle: float = IDLE) -> bool:
    """Start an engine and wait until it is ready; returns False if one listens already.

    Its log is the session file's name with ``.log``.

    Raises:
        ReenactError: it does not start; the log is named.
    """
    if (link := connect(path)) is not None:
        link.close()
        return False
    _started(path, idle).close()
    return True


def stop(path: Path) -> bool:
    """Tell the engine to quit, and wait until it has; returns False if none listens.

    Raises:
        EngineLost: it does not answer.
    """
    link = connect(path)
    if link is None:
        path.unlink(missing_ok=True)
        return False
    with contextlib.closing(link):
        for _ in link.events(link.send("quit")):
            pass
    until = time.monotonic() + _ANSWER
    while path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return True


def _started(path: Path, idle: float) -> Link:
    path.unlink(missing_ok=True)
    log = path.with_name(f"{path.name}.log")
    command = [sys.executable, "-m", "ofx_reenact", "engine", "listen", f"--session={path.resolve()}", f"--idle={idle}"]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=os.name == "posix"
            )
    except OSError as error:
        raise OutputError(f"{log}: the engine's log cannot be written ({error.strerror or error})") from error
    until = time.monotonic() + _START
    while time.monotonic() < until:
        if (link := connect(path)) is not None:
            return link
        if (code := process.poll()) is not None:
            raise EngineLost(f"the engine did not start (code {code}); its log is {log}")
        time.sleep(0.02)
    process.kill()
    raise EngineLost(f"the engine did not start in {_START:.0f} s; its log is {log}")
