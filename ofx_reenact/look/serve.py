"""The page's HTTP server: listens on 127.0.0.1 only, until it is interrupted."""

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
from ofx_reenact.look.allowed_folders import AllowedFolders
from ofx_reenact.look.app import Page
from ofx_reenact.look.guard import HOST, Guard

# Connections at the same time; seconds for them to end.
_MOST, _END = 64, 2


def serve(
    roots: AllowedFolders, start: Mapping[str, Any], port: int, show_address: Callable[[str], None], *, browser: bool
) -> None:
    """Serve a page until Ctrl-C.

    Args:
        roots: folders that the page may reach.
        start: option values that the page begins with.
        port: of 127.0.0.1; 0 for any free one.
        show_address: called with the page's address, once the port is open.
        browser: whether to open the page in the browser.

    Raises:
        ReenactError: the port cannot be opened.
    """
    own = tempfile.TemporaryDirectory(prefix="ofx-reenact-look-", ignore_cleanup_errors=True)
    with own as folder, listen(port) as listener:
        port = listener.getsockname()[1]
        with contextlib.closing(Page(Path(folder), roots, start)) as page:
            guard = Guard(page.app(), port)
            show_address(f"http://{HOST}:{port}{guard.path}")
            if browser:
                # The socket accepts the browser's connection now; the server answers it once it runs.
                webbrowser.open(f"http://{HOST}:{port}{guard.once}")
            with contextlib.suppress(KeyboardInterrupt):
                server_of(guard).run(sockets=[listener])


def listen(port: int) -> socket.socket:
    """Open a port of 127.0.0.1, which other machines cannot reach; 0 for any free one.

    Raises:
        ReenactError: the port cannot be opened.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        hint = "another program has it; choose another --port" if error.errno == errno.EADDRINUSE else error.strerror
        raise ReenactError(f"port {port} of {HOST}: {hint}") from error


def server_of(guard: Guard) -> uvicorn.Server:
    """Return the server of a page behind its guard."""
    return uvicorn.Server(uvicorn.Config(
        guard, log_level="warning", access_log=False, lifespan="off", ws="none", server_header=False,
        proxy_headers=False, limit_concurrency=_MOST, timeout_graceful_shutdown=_END,
    ))  # fmt: skip
