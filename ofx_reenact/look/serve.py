"""A page's server: it listens on this machine alone, until it is interrupted."""

from __future__ import annotations

import contextlib
import errno
import socket
import tempfile
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from ofx_reenact.errors import ReenactError
from ofx_reenact.look.app import Page
from ofx_reenact.look.guard import HOST, Guard
from ofx_reenact.look.roots import Roots

# Connections at once, and seconds that they may take to end.
_MOST, _END = 64, 2


def serve(roots: Roots, start: Mapping[str, Any], port: int, tell: Callable[[str], None], *, browser: bool) -> None:
    """Serve a page until Ctrl-C.

    Args:
        roots: folders that the page may reach.
        start: values of options that it begins with.
        port: 0 for any that is free.
        tell: is told the page's address.
        browser: whether to open it there.

    Raises:
        ReenactError: nothing can listen on the port.
    """
    own = tempfile.TemporaryDirectory(prefix="ofx-reenact-look-", ignore_cleanup_errors=True)
    with own as folder, listen(port) as door:
        port = door.getsockname()[1]
        with contextlib.closing(Page(Path(folder), roots, start)) as page:
            guard = Guard(page.app(), port)
            tell(f"http://{HOST}:{port}{guard.path}")
            if browser:
                # What waits in line at the door is answered once the server runs.
                webbrowser.open(f"http://{HOST}:{port}{guard.once}")
            with contextlib.suppress(KeyboardInterrupt):
                server_of(guard).run(sockets=[door])


def listen(port: int) -> socket.socket:
    """Open a port of this machine that no other can reach; 0 for any.

    Raises:
        ReenactError: it cannot be had.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        hint = "another program has it; choose another --port" if error.errno == errno.EADDRINUSE else error.strerror
        raise ReenactError(f"port {port} of {HOST}: {hint}") from error


def server_of(guard: Guard) -> uvicorn.Server:
    """Return what serves a page behind its guard."""
    return uvicorn.Server(uvicorn.Config(
        guard, log_level="warning", access_log=False, lifespan="off", ws="none", server_header=False,
        proxy_headers=False, limit_concurrency=_MOST, timeout_graceful_shutdown=_END,
    ))  # fmt: skip
