"""Admit clients to an engine: a socket that other users cannot reach, and a thread that checks each client's token.

On Linux and macOS the socket is a Unix socket in a folder that only this user can enter, so the system keeps others
out. Where there are no such sockets (Windows), or the folder's path is too long, it is a port of 127.0.0.1, to which
any process of this machine can connect. Clients that send no token or a wrong one do not keep others waiting.
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
# Seconds that a client has to send its token; seconds between two checks of that; most clients that may wait at once.
_ADMISSION, _POLL, _MOST = 5.0, 0.5, 200
_FOLDER, _SOCKET = "ofx-reenact-", "engine"
_BACKLOG = 128


class Listener:
    """Listens for clients and admits those that send the session's token, in a thread of its own.

    Attributes:
        address: the socket's, in the form of a session file.
    """

    def __init__(self) -> None:
        """Open the socket; clients are admitted from :meth:`admit` on."""
        self._folder = ""
        self._socket, self.address = self._open()
        self._admitted: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._waiting: dict[socket.socket, tuple[bytes, float]] = {}
        self._thread: threading.Thread | None = None

    def admit(self, session: Session) -> None:
        """Start the thread that admits clients with this session's token."""
        self._thread = threading.Thread(target=self._admit, args=(session,), name="admission", daemon=True)
        self._thread.start()

    def next_client(self, seconds: float) -> socket.socket | None:
        """Return the next admitted client; wait for it at most so many seconds, then return None."""
        try:
            return self._admitted.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop the thread, close the socket and all clients that were not served, and remove the socket's folder."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self._socket.close()
        with contextlib.suppress(queue.Empty):
            while True:
                self._admitted.get_nowait().close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> tuple[socket.socket, str]:
        if hasattr(socket, "AF_UNIX") and os.name == "posix":
            # The folder has mode 0700 and a name that nobody can guess.
            folder = tempfile.mkdtemp(prefix=_FOLDER)
            path = str(Path(folder, _SOCKET))
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                listener.bind(path)
                listener.listen(_BACKLOG)
                self._folder = folder
                return listener, path
            except OSError:
                listener.close()
                shutil.rmtree(folder, ignore_errors=True)
        listener = socket.create_server((HOST, 0), backlog=_BACKLOG)
        return listener, f"{HOST}:{listener.getsockname()[1]}"

    def _admit(self, session: Session) -> None:
        """Accept connections and read their first lines, which may arrive in any order."""
        wanted = session.token.encode() + b"\n"
        self._socket.setblocking(False)
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            while not self._closed.is_set():
                for key, _ in ready.select(_POLL):
                    if key.fileobj is self._socket:
                        self._accept(ready)
                    else:
                        self._read_token(ready, key.fileobj, wanted, session.answer)  # type: ignore[arg-type]
                for client, (_, until) in list(self._waiting.items()):
                    if time.monotonic() > until:
                        self._reject(ready, client)
            for client in list(self._waiting):
                self._reject(ready, client)

    def _accept(self, ready: selectors.BaseSelector) -> None:
        try:
            client, _ = self._socket.accept()
        except OSError:
            # It has disconnected already, or this process has no file descriptors left: waiting clients soon free some.
            return
        client.setblocking(False)
        if len(self._waiting) >= _MOST:
            # A client that knows the token sends it at once, so the one that has waited longest does not know it.
            self._reject(ready, next(iter(self._waiting)))
        ready.register(client, selectors.EVENT_READ)
        self._waiting[client] = (b"", time.monotonic() + _ADMISSION)

    def _read_token(self, ready: selectors.BaseSelector, client: socket.socket, wanted: bytes, answer: str) -> None:
        """Read more of a client's first line, but not beyond it: its requests follow."""
        if client not in self._waiting:
            return
        line, until = self._waiting[client]
        try:
            more = client.recv(len(wanted) - len(line))
        except BlockingIOError:
            return
        except OSError:
            more = b""
        line += more
        if not more or not hmac.compare_digest(line, wanted[: len(line)]):
            self._reject(ready, client)
        elif len(line) < len(wanted):
            self._waiting[client] = (line, until)
        else:
            del self._waiting[client]
            ready.unregister(client)
            client.setblocking(True)
            with contextlib.suppress(OSError):
                client.sendall(answer.encode() + b"\n")
            self._admitted.put(client)

    def _reject(self, ready: selectors.BaseSelector, client: socket.socket) -> None:
        del self._waiting[client]
        ready.unregister(client)
        client.close()


def connect_to(address: str, seconds: float) -> socket.socket:
    """Connect to the socket of a :class:`Listener`.

    Raises:
        OSError: no engine listens there, or another user could listen there.
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
    """Remove the socket and folder of a :class:`Listener` whose process was killed."""
    path = Path(address)
    if path.is_absolute() and path.name == _SOCKET and path.parent.name.startswith(_FOLDER):
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()
