"""Let only the page send requests: it has a secret token in its address and names this server as its host.

Pages of other origins can send requests to this port, and another host name can be made to resolve to it (DNS
rebinding). Neither knows the token.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOST = "127.0.0.1"
_REFUSED = b"403: open this page by the address that ofx-reenact look printed\n"
_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware that passes requests with the token on to the application, and answers 403 to all others.

    Attributes:
        path: the page's path, ``/TOKEN/``; every request's path begins with it.
        once: a path that redirects to the page one time. It is for the browser's command line, which other users of
            the machine can see.
    """

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = tuple(f"{name}:{port}" for name in (HOST, "localhost"))
        self._token, self._once = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.path, self.once = f"/{self._token}/", f"/once/{self._once}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI request."""
        if scope["type"] != "http":
            return
        path, rest = scope["path"], scope["path"].partition("/")[2]
        if not self._is_own(scope):
            await _answer(send, 403, _REFUSED)
        elif self._once and path.startswith("/once/") and _same(path, self.once):
            self._once = self.once = ""
            await _answer(send, 303, b"", location=self.path)
        elif _same(rest.partition("/")[0], self._token):
            inner = "/" + rest.partition("/")[2]
            await self._app({**scope, "path": inner, "raw_path": inner.encode()}, receive, _with_headers(send))
        else:
            await _answer(send, 403, _REFUSED)

    def _is_own(self, scope: Scope) -> bool:
        """Return whether a request names this server as its host and, if it names an origin, as its origin."""
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == "host"]
        origins = [value for name, value in headers if name == "origin"]
        sites = [value for name, value in headers if name == "sec-fetch-site"]
        return (
            len(hosts) == 1
            and hosts[0] in self._hosts
            and all(origin == f"http://{hosts[0]}" for origin in origins)
            and all(site in ("same-origin", "none") for site in sites)
        )


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *own]}
        await send(message)

    return sent


async def _answer(send: Send, status: int, body: bytes, **headers: str) -> None:
    fields = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **headers}
    encoded = [(name.encode(), value.encode()) for name, value in fields.items()]
    sent = _with_headers(send)
    await sent({"type": "http.response.start", "status": status, "headers": encoded})
    await sent({"type": "http.response.body", "body": body})
