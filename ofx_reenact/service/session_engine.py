"""An engine that listens on this machine: clients come one after another, and everything stays loaded in between.

The session file says where it listens; nobody but its owner can read it or get at the socket. The protocol is that of
:mod:`ofx_reenact.service.server`, over the connection instead of pipes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from pathlib import Path

from ofx_reenact.errors import ReenactError
from ofx_reenact.service.admission import Listener
from ofx_reenact.service.jobs import Service, load_engine
from ofx_reenact.service.keeper_process import is_alive
from ofx_reenact.service.server import Server
from ofx_reenact.service.session import Session

# Seconds from look to look whether anybody still wants this engine.
_LOOK = 2.0


def listen(path: Path, idle: float, keeper: str = "") -> None:
    """Serve clients until one says quit, nobody came for ``idle`` seconds, or the session file is gone or another's.

    Args:
        path: the session file to write.
        idle: seconds.
        keeper: the process that the engine does not outlive, in the middle of a job neither; empty for none.

    Raises:
        OutputError: the session file cannot be written.
    """
    # Loaded before the session file is there, so that the first client finds an engine that is ready.
    load_engine()
    engine = _Engine(keeper)
    with contextlib.closing(Listener()) as door:
        session = Session(door.address, os.getpid(), keeper)
        left = time.monotonic() + idle
        # From the file on: a signal may come as soon as it is there, and whoever reads it may send one.
        try:
            session.save(path)
            door.admit(session)
            while time.monotonic() < left and not engine.ending and _holds(path, session):
                client = door.next_client(_LOOK)
                if client is None:
                    continue
                if engine.attend(client):
                    break
                left = time.monotonic() + idle
        finally:
            engine.ending = True
            if _holds(path, session):
                path.unlink(missing_ok=True)


class _Engine:
    """Serves one client after another, and sees whether the keeper still lives.

    The first client is the command that started the engine. A keeper that ends with that command, as a ``sudo`` around
    it does, is none.
    """

    def __init__(self, keeper: str) -> None:
        self.ending = False
        self._service = Service()
        self._keeper = keeper
        self._clients = 0
        self._server: Server | None = None

    def attend(self, client: socket.socket) -> bool:
        """Serve one client; returns whether it said quit."""

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

        self._clients += 1
        if self._clients == 2 and is_alive(self._keeper):
            threading.Thread(target=self._watch, name="keeper", daemon=True).start()
        requests = os.dup(client.fileno())
        with client:
            events = client.makefile("wb")
            self._server = Server(requests, events, self._service, hang_up)
            # A client that says quit hangs up by itself; one that has gone is not waited for.
            self._server.run()
            # Not closed where that is interrupted: the thread that reads goes on until the process ends, and would
            # read whatever file is given the number next, which is the session file.
            os.close(requests)
            # Closing writes what is left, to a client that may have gone.
            with contextlib.suppress(OSError):
                events.close()
            return self._server.told_to_quit

    def _watch(self) -> None:
        while is_alive(self._keeper):
            time.sleep(_LOOK)
        print(f"process {self._keeper.partition(':')[0]}, which this engine was started for, has gone", flush=True)
        self.ending = True
        if self._server is not None:
            self._server.leave()


def _holds(path: Path, session: Session) -> bool:
    try:
        return Session.load(path) == session
    except ReenactError:
        return False
