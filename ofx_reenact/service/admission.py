"""Where clients come in: a socket that no other user can reach, and a thread that lets in who knows the token.

On Linux and macOS it is a Unix socket in a folder of this user's own, so that the system itself keeps others out. Where
there are none (Windows), or the folder's path is too long for one, it is a port of 127.0.0.1, to which anybody on the
machine can connect; clients that say nothing, or something else, do not keep others waiting.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import queue
import selectors
import shutil
import socket
import stat
import tempfile
import threading
import time
from pathlib import Path

from ofx_reenact.service.session import Session

HOST = "127.0.0.1"
# Seconds that a client has to say its token, seconds from look to look, and clients that may be at it at once.
_ADMISSION, _LOOK, _MOST = 5.0, 0.5, 200
_FOLDER, _SOCKET = "ofx-reenact-", "engine"
_BACKLOG = 128


class Listener:
    """Listens, and hands out clients that are let in.

    Attributes:
        address: as a session file names it.
    """

    def __init__(self) -> None:
        """Open the door; nobody is let in before :meth:`admit`."""
        self._folder = ""
        self._door, self.address = self._open()
        self._admitted: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._waiting: dict[socket.socket, tuple[bytes, float]] = {}
        self._thread: threading.Thread | None = None

    def admit(self, session: Session) -> None:
        """Let clients in from now on that say this session's token."""
        self._thread = threading.Thread(target=self._admit, args=(session,), name="door", daemon=True)
        self._thread.start()

    def next_client(self, seconds: float) -> socket.socket | None:
        """Return the next client that was let in; None if there was none for so long."""
        try:
            return self._admitted.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self._door.close()
        with contextlib.suppress(queue.Empty):
            while True:
                self._admitted.get_nowait().close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> tuple[socket.socket, str]:
        if hasattr(socket, "AF_UNIX") and os.name == "posix":
            # Of mode 0700, and of a name that nobody can guess.
            folder = tempfile.mkdtemp(prefix=_FOLDER)
            path = str(Path(folder, _SOCKET))
            door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                door.bind(path)
                door.listen(_BACKLOG)
                self._folder = folder
                return door, path
            except OSError:
                door.close()
                shutil.rmtree(folder, ignore_errors=True)
        door = socket.create_server((HOST, 0), backlog=_BACKLOG)
        return door, f"{HOST}:{door.getsockname()[1]}"

    def _admit(self, session: Session) -> None:
        """Take connections and read their first lines, all at once."""
        wanted = session.token.encode() + b"\n"
        self._door.setblocking(False)
        with selectors.DefaultSelector() as ready:
            ready.register(self._door, selectors.EVENT_READ)
            while not self._closed.is_set():
                for key, _ in ready.select(_LOOK):
                    if key.fileobj is self._door:
                        self._take(ready)
                    else:
                        self._hear(ready, key.fileobj, wanted, session.answer)  # type: ignore[arg-type]
                for client, (_, until) in list(self._waiting.items()):
                    if time.monotonic() > until:
                        self._turn_away(ready, client)
            for client in list(self._waiting):
                self._turn_away(ready, client)

    def _take(self, ready: selectors.BaseSelector) -> None:
        try:
            client, _ = self._door.accept()
        except OSError:
            # It hung up already, or this process has no file descriptors left: those who wait soon give some back.
            return
        client.setblocking(False)
        if len(self._waiting) >= _MOST:
            # Whoever knows the token says it at once, so it is not among those who have waited longest.
            self._turn_away(ready, next(iter(self._waiting)))
        ready.register(client, selectors.EVENT_READ)
        self._waiting[client] = (b"", time.monotonic() + _ADMISSION)

    def _hear(self, ready: selectors.BaseSelector, client: socket.socket, wanted: bytes, answer: str) -> None:
        """Read on in a client's first line; not beyond it, where its requests begin."""
        if client not in self._waiting:
            return
        said, until = self._waiting[client]
        try:
            more = client.recv(len(wanted) - len(said))
        except BlockingIOError:
            return
        except OSError:
            more = b""
        said += more
        if not more or not hmac.compare_digest(said, wanted[: len(said)]):
            self._turn_away(ready, client)
        elif len(said) < len(wanted):
            self._waiting[client] = (said, until)
        else:
            del self._waiting[client]
            ready.unregister(client)
            client.setblocking(True)
            with contextlib.suppress(OSError):
                client.sendall(answer.encode() + b"\n")
            self._admitted.put(client)

    def _turn_away(self, ready: selectors.BaseSelector, client: socket.socket) -> None:
        del self._waiting[client]
        ready.unregister(client)
        client.close()


def connect_to(address: str, seconds: float) -> socket.socket:
    """Connect to a door.

    Raises:
        OSError: nobody listens there, or not this user's engine.
    """
    if not Path(address).is_absolute():
        host, _, port = address.rpartition(":")
        return socket.create_connection((host, int(port)), seconds)
    folder = Path(address).parent.lstat()
    if folder.st_uid != os.geteuid() or stat.S_IMODE(folder.st_mode) & 0o077:
        raise PermissionError(f"{address}: another user could listen there")
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.settimeout(seconds)
        client.connect(address)
    except OSError:
        client.close()
        raise
    return client


def remove_socket(address: str) -> None:
    """Remove what a door whose process was killed has left."""
    path = Path(address)
    if path.is_absolute() and path.name == _SOCKET and path.parent.name.startswith(_FOLDER):
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()
