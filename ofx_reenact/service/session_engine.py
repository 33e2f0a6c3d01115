"""The engine of a session file (``engine start``): listens on this machine and serves one client after another.

What jobs load stays in memory between clients. The session file has the address; only its owner can read it and
reach the socket. The protocol is that of :mod:`ofx_reenact.service.server`, over a socket instead of pipes.
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

# Seconds between two checks whether the engine should end.
_POLL = 2.0


def listen(path: Path, idle: float, keeper: str = "") -> None:
    """Serve clients until one sends ``quit``, none comes for ``idle`` seconds, or the session file is removed.

    Args:
        path: the session file to write.
        idle: seconds.
        keeper: the process that the engine must not outlive, as ``PID:START``; its end cancels a job. Empty for none.

    Raises:
        OutputError: the session file cannot be written.
    """
    # Imported before the session file exists, so that the first client finds an engine that is ready.
    load_engine()
    engine = _Engine(keeper)
    with contextlib.closing(Listener()) as listener:
        session = Session(listener.address, os.getpid(), keeper)
        until = time.monotonic() + idle
        # Saved inside ``try``: a client that has read the file may interrupt this process, which must then remove it.
        try:
            session.save(path)
            listener.admit(session)
            while time.monotonic() < until and not engine.ending and _is_current(path, session):
                client = listener.next_client(_POLL)
                if client is None:
                    continue
                if engine.attend(client):
                    break
                until = time.monotonic() + idle
        finally:
            engine.ending = True
            if _is_current(path, session):
                path.unlink(missing_ok=True)


class _Engine:
    """Serves one client after another, and ends when the keeper has ended.

    The first client is the command that started the engine. Watching starts with the second client, and only if the
    keeper still runs then: a process that ends together with that command, as ``sudo`` does, is not watched.
    """

    def __init__(self, keeper: str) -> None:
        self.ending = False
        self._service = Service()
        self._keeper = keeper
        self._clients = 0
        self._server: Server | None = None

    def attend(self, client: socket.socket) -> bool:
        """Serve one client; return whether it sent ``quit``."""

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

        self._clients += 1
        if self._clients == 2 and is_alive(self._keeper):
            threading.Thread(target=self._watch_keeper, name="keeper", daemon=True).start()
        requests = os.dup(client.fileno())
        with client:
            events = client.makefile("wb")
            self._server = Server(requests, events, self._service, hang_up)
            # A client that sends quit closes its connection itself; do not wait for one that has disconnected.
            self._server.run()
            # Not in a ``finally``: after an interrupt the reading thread goes on until the process ends, and would read
            # from the file that gets this descriptor next, which is the session file.
            os.close(requests)
            # Closing flushes the buffer, which fails if the client has disconnected.
            with contextlib.suppress(OSError):
                events.close()
            return self._server.told_to_quit

    def _watch_keeper(self) -> None:
        while is_alive(self._keeper):
            time.sleep(_POLL)
        print(f"process {self._keeper.partition(':')[0]}, which this engine was started for, has ended", flush=True)
        self.ending = True
        if self._server is not None:
            self._server.leave()


def _is_current(path: Path, session: Session) -> bool:
    try:
        return Session.load(path) == session
    except ReenactError:
        return False
