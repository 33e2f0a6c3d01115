"""A page's server in a thread of the test, and what asks it."""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ofx_reenact.look.allowed_folders import AllowedFolders
from ofx_reenact.look.app import Page
from ofx_reenact.look.guard import HOST, Guard
from ofx_reenact.look.serve import listen, server_of


@dataclass
class Served:
    """A page that is served."""

    guard: Guard
    port: int
    page: Page

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}{self.guard.path}"

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Send a request to a path of the server's; returns status, body and headers."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=600)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host="Host" in headers)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}

    def post(self, path: str, said: Any) -> tuple[int, Any]:
        """Send an object to a path of the page's; returns status and what is answered."""
        status, body, _ = self.ask("POST", self.guard.path + path, json.dumps(said).encode())
        return status, json.loads(body)

    def get(self, path: str) -> tuple[int, Any]:
        status, body, _ = self.ask("GET", self.guard.path + path)
        return status, json.loads(body)


@contextlib.contextmanager
def served(folder: Path, *roots: Path, **start: str) -> Iterator[Served]:
    """Serve a page that may reach folders; ``folder`` is its own."""
    folder.mkdir()
    with listen(0) as door, contextlib.closing(Page(folder, AllowedFolders(roots, start.values()), start)) as page:
        port = door.getsockname()[1]
        guard = Guard(page.app(), port)
        server = server_of(guard)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            yield Served(guard, port, page)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
