"""The client of an engine with a session file: start the engine, send it jobs, stop it. Imports nothing slow."""

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
# Seconds: for an engine to load; for it to answer a client; between its signs of life; of silence after which it counts
# as lost; the same after a cancel.
_START, _ANSWER, _ALIVE, _SILENCE, _SILENCE_AFTER_CANCEL = 300.0, 40.0, 1.0, 60.0, 3.0
# Seconds between two looks at the time, while waiting for the engine.
_POLL = 0.5
_BLOCK = 1 << 16


class Link:
    """A connection to an engine. Use it from one thread; only :meth:`cancel` may interrupt it, in a signal handler."""

    def __init__(self, connection: socket.socket, session: Session) -> None:
        self._connection = connection
        self._number = 0
        self._read = b""
        self._heard = time.monotonic()
        self._silence = _ANSWER
        self._write(session.token.encode() + b"\n")
        if not hmac.compare_digest(self._line(), session.answer.encode()):
            raise EngineLost("another program listens at the engine's address; start the engine again")
        hello = self._event()
        self._silence = _SILENCE
        if hello.get("protocol") != PROTOCOL:
            raise ReenactError(
                f"the engine speaks protocol {hello.get('protocol')}, this client {PROTOCOL}; stop it and start one of "
                "this version"
            )

    def send(self, do: str, **fields: Any) -> int:
        """Send a request; return its id."""
        self._silence = _SILENCE
        number = self._ask(do, alive=_ALIVE, **fields)
        self._heard = time.monotonic()
        return number

    def cancel(self, number: int) -> None:
        """Cancel a request. From now on, a few seconds of silence are enough for the engine to count as lost.

        A signal handler may call this.
        """
        self._silence = _SILENCE_AFTER_CANCEL
        self._ask("cancel", job=number)

    def events(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the events of a request, up to and including the last one.

        Raises:
            EngineLost: the engine ended before the last event, or gave no sign of life for too long.
        """
        while True:
            event = self._event()
            if event.get("id") != number or event["event"] == "alive":
                continue
            yield event
            if event["event"] != "progress":
                return

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a request, wait until it is done, and return the fields of its last event.

        Raises:
            ReenactError: the engine's error.
            EngineLost: the engine ended before the last event, or gave no sign of life for too long.
            Cancelled: the request was cancelled.
        """
        for event in self.events(self.send(do, **fields)):
            if event["event"] != "progress":
                return outcome(event)
        raise EngineLost("the engine sent no last event; try again")

    def close(self) -> None:
        """Close the connection; the engine cancels a job that runs for it."""
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
            raise EngineLost(f"the engine takes no requests ({error.strerror or error}); try again") from error

    def _event(self) -> dict[str, Any]:
        return json.loads(self._line())

    def _line(self) -> bytes:
        parts = [self._read]
        while b"\n" not in parts[-1]:
            parts.append(self._block())
        line, _, self._read = b"".join(parts).partition(b"\n")
        return line

    def _block(self) -> bytes:
        """Wait for bytes and read them; raise EngineLost when the engine has been silent for too long."""
        while True:
            try:
                # In short steps, because a signal handler may shorten the permitted silence meanwhile.
                self._connection.settimeout(_POLL)
                block = self._connection.recv(_BLOCK)
            except TimeoutError:
                silent = time.monotonic() - self._heard
                if silent > self._silence:
                    raise EngineLost(f"the engine gave no sign of life for {silent:.0f} s; try again") from None
                continue
            except OSError as error:
                raise EngineLost(f"the engine does not answer ({error.strerror or error}); try again") from error
            if not block:
                raise EngineLost("the engine ended in the middle of its work; its frames are whole; try again")
            self._heard = time.monotonic()
            return block


def outcome(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request's last event, or raise its error.

    Raises:
        ReenactError: the engine's error.
        Cancelled: the request was cancelled.
    """
    if event["event"] == "cancelled":
        raise Cancelled(tuple(event.get("written", ())))
    if event["event"] == "error":
        kind = SettingsError if event["code"] == Exit.USAGE else ReenactError
        raise kind(event["message"])
    return {name: value for name, value in event.items() if name not in ("event", "id")}


def linked(path: Path, idle: float = IDLE) -> contextlib.closing[Link]:
    """Connect to the engine of a session file, and start one if none answers; use as a context manager.

    Raises:
        ReenactError: no engine answers and none can be started.
    """
    return contextlib.closing(connect(path) or _start_and_connect(path, idle))


def connect(path: Path) -> Link | None:
    """Connect to the engine of a session file; return None if none listens or it does not answer.

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
        # The port of an engine that died may belong to another program now, which does not know the token.
        connection.close()
        return None


def start(path: Path, idle: float = IDLE, keeper: str = "") -> bool:
    """Start an engine in a process of its own and wait until it is ready; return False if one listens already.

    The engine writes its log beside the session file, with ``.log`` appended. It ends after ``idle`` seconds without
    a client, and when the process ``keeper`` (:func:`~ofx_reenact.service.keeper_process.name_process`) has ended.

    Raises:
        ReenactError: the engine does not start; the message names the log.
    """
    if (link := connect(path)) is not None:
        link.close()
        return False
    _start_and_connect(path, idle, keeper).close()
    return True


def stop(path: Path) -> bool:
    """Tell the engine to quit and wait until it has; return False if none listens.

    Raises:
        EngineLost: the engine does not answer.
    """
    link = connect(path)
    if link is None:
        # An engine whose process is suspended ends, once it goes on, because its session file is gone.
        path.unlink(missing_ok=True)
        return False
    with contextlib.closing(link):
        for _ in link.events(link.send("quit")):
            pass
    until = time.monotonic() + _ANSWER
    while path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return True


def _start_and_connect(path: Path, idle: float, keeper: str = "") -> Link:
    """Start an engine in place of one that does not answer, with its keeper if none is given, and connect to it."""
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
