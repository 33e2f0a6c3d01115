"""An engine that listens on this machine: clients come one after another, and everything stays loaded in between.

The session file says where it listens and holds a token that a client must send first; only its owner can read it. The
protocol is that of :mod:`ofx_reenact.service.server`, over the connection instead of pipes.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ofx_reenact import __version__
from ofx_reenact.errors import OutputError, ReenactError
from ofx_reenact.files import read_json
from ofx_reenact.service.jobs import Service, load_engine
from ofx_reenact.service.server import Server

SCHEMA = "ofx-reenact/session/1"
HOST = "127.0.0.1"
# Seconds from look to look whether anybody still wants this engine, and those that a client has to say its token.
_LOOK, _ADMISSION = 2.0, 5.0


@dataclass(frozen=True)
class Session:
    """Where an engine listens, and what a client must say to be let in."""

    port: int
    token: str
    pid: int
    version: str = __version__
    schema: str = SCHEMA

    def save(self, path: Path) -> None:
        """Write the session file, readable by its owner alone, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                json.dump(asdict(self), file)
            partial.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: the session file cannot be written ({error.strerror or error})") from error

    @classmethod
    def load(cls, path: Path) -> Session | None:
        """Read a session file; None if there is none.

        Raises:
            ReenactError: it is no session file of this version.
        """
        try:
            content = read_json(path, SCHEMA, what="session file", hint="name the one that 'engine start' wrote")
        except ReenactError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        if content.get("version") != __version__:
            raise ReenactError(f"{path}: of an engine of version {content.get('version')}, this is {__version__}")
        port, token, pid = content.get("port"), content.get("token"), content.get("pid", 0)
        if not isinstance(port, int) or not 0 < port < 65536 or not isinstance(token, str) or not isinstance(pid, int):
            raise ReenactError(f"{path}: the session file is damaged; stop the engine and start another")
        return cls(port, token, pid)


def listen(path: Path, idle: float) -> None:
    """Serve clients until one says quit, nobody came for ``idle`` seconds, or the session file is gone or another's.

    Raises:
        OutputError: the session file cannot be written.
    """
    # Loaded before the session file is there, so that the first client finds an engine that is ready.
    load_engine()
    service = Service()
    with socket.create_server((HOST, 0)) as door:
        session = Session(door.getsockname()[1], secrets.token_hex(16), os.getpid())
        session.save(path)
        door.settimeout(_LOOK)
        left = time.monotonic() + idle
        try:
            while time.monotonic() < left and _holds(path, session):
                try:
                    client, _ = door.accept()
                except TimeoutError:
                    continue
                if _is_admitted(client, session.token):
                    if _attend(client, service):
                        break
                    left = time.monotonic() + idle
                client.close()
        finally:
            if _holds(path, session):
                path.unlink(missing_ok=True)


def _holds(path: Path, session: Session) -> bool:
    try:
        return Session.load(path) == session
    except ReenactError:
        return False


def _is_admitted(client: socket.socket, token: str) -> bool:
    """Read the client's first line, byte by byte so that no request is taken with it."""
    said, until = b"", time.monotonic() + _ADMISSION
    with contextlib.suppress(OSError):
        while not said.endswith(b"\n") and len(said) <= len(token) and (left := until - time.monotonic()) > 0:
            client.settimeout(left)
            byte = client.recv(1)
            if not byte:
                return False
            said += byte
        client.settimeout(None)
        return hmac.compare_digest(said, token.encode() + b"\n")
    return False


def _attend(client: socket.socket, service: Service) -> bool:
    """Serve one client; returns whether it said quit."""

    def hang_up() -> None:
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    with client, client.makefile("wb") as events, os.fdopen(os.dup(client.fileno()), "rb", 0) as requests:
        server = Server(requests.fileno(), events, service, hang_up)
        # A client that says quit hangs up by itself; one that has gone is not waited for.
        server.run()
        with contextlib.suppress(OSError):
            events.flush()
        return server.told_to_quit
