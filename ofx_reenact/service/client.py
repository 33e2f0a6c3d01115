"""The other end of an engine that listens: start one, ask it for jobs, end it. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ofx_reenact.errors import EngineLost, Exit, OutputError, ReenactError, SettingsError
from ofx_reenact.launch import command
from ofx_reenact.progress import Cancelled
from ofx_reenact.service.admission import connect_to, remove_socket
from ofx_reenact.service.session import PROTOCOL, Session, check_folder, open_own

IDLE = 900.0
# Seconds that an engine has to load, that one has to answer a client, from one sign of life to the next, and without
# any after which it is given up; the same once this client has been told to end.
_START, _ANSWER, _ALIVE, _SILENCE, _HURRY = 300.0, 40.0, 1.0, 60.0, 3.0
_LOOK = 0.5
_BLOCK = 1 << 16


class Link:
    """A connection to an engine."""

    def __init__(self, connection: socket.socket, session: Session) -> None:
        self._connection = connection
        self._number = 0
        self._read = b""
        self._heard = time.monotonic()
        self._silence = _ANSWER
        self._write(session.token.encode() + b"\n")
        if not hmac.compare_digest(self._line(), session.answer.encode()):
            raise EngineLost("another program listens where the engine did")
        hello = self._event()
        self._silence = _SILENCE
        if hello.get("protocol") != PROTOCOL:
            raise ReenactError(f"the engine speaks protocol {hello.get('protocol')}, this is {PROTOCOL}")

    def send(self, do: str, **fields: Any) -> int:
        """Send a request; returns its id."""
        self._silence = _SILENCE
        number = self._ask(do, alive=_ALIVE, **fields)
        self._heard = time.monotonic()
        return number

    def cancel(self, number: int) -> None:
        """Cancel a request, and wait for no engine that says nothing, or has said nothing for moments by now.

        A signal's handler may call it.
        """
        self._silence = _HURRY
        self._ask("cancel", job=number)

    def events(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the events of a request, its last one included.

        Raises:
            EngineLost: the engine ended before that, or gave no sign of life for too long.
        """
        while True:
            event = self._event()
            if event.get("id") != number or event["event"] == "alive":
                continue
            yield event
            if event["event"] != "progress":
                return

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a request and wait; returns what came of it.

        Raises:
            ReenactError: the engine's error.
            EngineLost: the engine ended before that, or gave no sign of life for too long.
            Cancelled: it was cancelled.
        """
        for event in self.events(self.send(do, **fields)):
            if event["event"] != "progress":
                return outcome(event)
        raise EngineLost("the engine said nothing more")

    def close(self) -> None:
        """Hang up; what runs is cancelled."""
        self._connection.close()

    def _ask(self, do: str, **fields: Any) -> int:
        self._number += 1
        self._write(json.dumps({"id": self._number, "do": do, **fields}).encode() + b"\n")
        return self._number

    def _write(self, line: bytes) -> None:
        try:
            self._connection.settimeout(_ANSWER)
            self._connection.sendall(line)
        except OSError as error:
            raise EngineLost(f"the engine has gone ({error.strerror or error})") from error

    def _event(self) -> dict[str, Any]:
        return json.loads(self._line())

    def _line(self) -> bytes:
        parts = [self._read]
        while b"\n" not in parts[-1]:
            parts.append(self._block())
        line, _, self._read = b"".join(parts).partition(b"\n")
        return line

    def _block(self) -> bytes:
        """Read what is there, waiting for it as long as the engine may say nothing."""
        while True:
            try:
                # In small steps, so that a signal that comes meanwhile can shorten the wait.
                self._connection.settimeout(_LOOK)
                block = self._connection.recv(_BLOCK)
            except TimeoutError:
                silent = time.monotonic() - self._heard
                if silent > self._silence:
                    raise EngineLost(f"the engine gave no sign of life for {silent:.0f} s; try again") from None
                continue
            except OSError as error:
                raise EngineLost(f"the engine does not answer ({error.strerror or error})") from error
            if not block:
                raise EngineLost("the engine ended in the middle of its work; what it wrote is whole, try again")
            self._heard = time.monotonic()
            return block


def outcome(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request's last event says, as a value or an error.

    Raises:
        ReenactError: the engine's error.
        Cancelled: it was cancelled.
    """
    if event["event"] == "cancelled":
        raise Cancelled(tuple(event.get("written", ())))
    if event["event"] == "error":
        kind = SettingsError if event["code"] == Exit.USAGE else ReenactError
        raise kind(event["message"])
    return {name: value for name, value in event.items() if name not in ("event", "id")}


def linked(path: Path, idle: float = IDLE) -> contextlib.closing[Link]:
    """Connect to the engine of a session file; one that has ended is started again.

    Raises:
        ReenactError: there is no engine and none can be started.
    """
    return contextlib.closing(connect(path) or _started(path, idle))


def connect(path: Path) -> Link | None:
    """Connect to the engine of a session file; None if none listens, or one that does not answer.

    Raises:
        ReenactError: the session file cannot be used.
    """
    session = Session.load(path)
    if session is None:
        return None
    try:
        connection = connect_to(session.address, _ANSWER)
    except (OSError, ValueError):
        return None
    try:
        return Link(connection, session)
    except EngineLost:
        # Another program may have the port of an engine that is dead, and hang up on a token that it does not know.
        connection.close()
        return None


def start(path: Path, idle: float = IDLE, keeper: str = "") -> bool:
    """Start an engine and wait until it is ready; returns False if one listens already.

    Its log is the session file's name with ``.log``. It ends when the process ``keeper``
    (:func:`~ofx_reenact.service.keeper_process.name_process`) has gone.

    Raises:
        ReenactError: it does not start; the log is named.
    """
    if (link := connect(path)) is not None:
        link.close()
        return False
    _started(path, idle, keeper).close()
    return True


def stop(path: Path) -> bool:
    """Tell the engine to quit, and wait until it has; returns False if none listens.

    Raises:
        EngineLost: it does not answer.
    """
    link = connect(path)
    if link is None:
        # One that is stopped, and goes on later, ends when it finds its file gone.
        path.unlink(missing_ok=True)
        return False
    with contextlib.closing(link):
        for _ in link.events(link.send("quit")):
            pass
    until = time.monotonic() + _ANSWER
    while path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return True


def _started(path: Path, idle: float, keeper: str = "") -> Link:
    """Start an engine in the place of one that does not answer; it has the same keeper if none is given."""
    if (before := Session.load(path)) is not None:
        keeper = keeper or before.keeper
        path.unlink(missing_ok=True)
        remove_socket(before.address)
    log = path.with_name(f"{path.name}.log")
    options = [f"--session={path.resolve()}", f"--idle={idle}", f"--keeper={keeper}"]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_folder(path)
        with os.fdopen(open_own(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab") as output:
            process = subprocess.Popen(
                command("engine", "listen", *options),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )  # fmt: skip
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
