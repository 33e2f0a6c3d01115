"""The HTTP requests of a page: each path, what it accepts and what it returns."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ofx_reenact import __version__
from ofx_reenact.errors import EngineLost, Exit, ReenactError, SettingsError
from ofx_reenact.files import parse_json
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.look.allowed_folders import AllowedFolders
from ofx_reenact.look.engine import Engine
from ofx_reenact.look.export import export_settings
from ofx_reenact.look.page_render import PageRender
from ofx_reenact.look.page_settings import CURVES, PageSettings, curves_beside, read_curve_values, write_curves
from ofx_reenact.look.view_queue import ViewQueue
from ofx_reenact.progress import Cancelled
from ofx_reenact.settings import describe
from ofx_reenact.settings.option import check_choice

# Limit of a request, in bytes: settings, and curves with a key in each frame.
_LONGEST = 1 << 20
_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# Engine jobs that a page may request through ``/view``.
_VIEW_JOBS = ("open", "show", "faces")
_FIELDS = ("frame", "what", "longest", "draft", "thumbnails")
_LONGEST_TAB = 64

Handler = Callable[[Request], Awaitable[Response]]


class Page:
    """The server side of a page: answers its requests, with one engine for viewing and one for rendering.

    Attributes:
        folder: the page's own folder.
        viewing: queues requests for the viewing engine.
    """

    def __init__(self, folder: Path, roots: AllowedFolders, start: Mapping[str, Any]) -> None:
        """Prepare to serve.

        Args:
            folder: the page's own folder, for files that last until the page ends.
            roots: the folders that may be reached.
            start: option values that the page begins with.
        """
        self.folder, self._roots, self._start = folder, roots, dict(start)
        self._page_settings = PageSettings(folder, roots)
        self.viewing = ViewQueue(Engine(folder / "view.session"))
        self._rendering = PageRender(Engine(folder / "render.session"))
        self._files = {path.name: path for path in _PAGE.iterdir() if path.suffix in _TYPES}

    def close(self) -> None:
        """End both engines."""
        self.viewing.close()
        self._rendering.close()

    def app(self) -> Starlette:
        """Return the ASGI application."""
        post = {
            "/view": self._view, "/cancel": self._cancel, "/render": self._render, "/export": self._export,
            "/curves": self._save_curves, "/read-curves": self._read_curves,
        }  # fmt: skip
        get: dict[str, Handler] = {
            "/": self._file, "/page/{name}": self._file, "/about": self._about, "/files": self._list_files,
            "/media": self._media, "/status": self._status,
        }  # fmt: skip
        return Starlette(routes=[
            *(Route(path, _answer_errors(handler), methods=["GET"]) for path, handler in get.items()),
            *(Route(path, _answer_errors(handler), methods=["POST"]) for path, handler in post.items()),
        ])  # fmt: skip

    async def _file(self, request: Request) -> Response:
        path = self._files.get(request.path_params.get("name", "index.html"))
        if path is None:
            return Response(status_code=404)
        return Response(path.read_bytes(), media_type=_TYPES[path.suffix])

    async def _about(self, request: Request) -> Response:
        return JSONResponse({
            "version": __version__,
            "options": describe()["options"],
            "start": self._start,
            "roots": [str(folder) for folder in self._roots.folders],
        })  # fmt: skip

    async def _list_files(self, request: Request) -> Response:
        return JSONResponse(self._roots.list_folder(request.query_params.get("folder", "")))

    async def _media(self, request: Request) -> Response:
        """Return size and frame range from a target's header, before anything is tracked."""
        path = self._roots.check(request.query_params.get("name", ""))
        return JSONResponse(await asyncio.to_thread(_read_media, path))

    async def _status(self, request: Request) -> Response:
        return JSONResponse({"view": self.viewing.engine.status(), "render": self._rendering.status()})

    async def _view(self, request: Request) -> Response:
        """Answer with the length of a JSON text (4 bytes, big-endian), the text, and the JPEG if there is one."""
        content = await _body(request)
        do, tab = _text(content, "do"), _text(content, "tab")[:_LONGEST_TAB]
        check_choice("do", do, _VIEW_JOBS)
        settings = self._page_settings.to_show(_object(content, "settings"), _object(content, "curves"))
        fields = {name: content[name] for name in _FIELDS if name in content}
        waiting = asyncio.wrap_future(self.viewing.ask(tab, do, {"settings": settings, **fields}))
        found = await _wait_for(request, waiting)
        picture = base64.b64decode(found.pop("picture", "")) if found else b""
        text = json.dumps(found or {"dropped": True}).encode()
        return Response(struct.pack(">I", len(text)) + text + picture, media_type="application/octet-stream")

    async def _cancel(self, request: Request) -> Response:
        if _text(await _body(request), "what") == "render":
            self._rendering.cancel()
        else:
            self.viewing.engine.cancel()
        return JSONResponse({})

    async def _render(self, request: Request) -> Response:
        content = await _body(request)
        settings = await asyncio.to_thread(
            self._page_settings.to_render, _object(content, "settings"), _object(content, "curves")
        )
        self._rendering.start(settings.as_dict())
        return JSONResponse({"output": settings.output})

    async def _export(self, request: Request) -> Response:
        content = await _body(request)
        settings = self._page_settings.settings(_object(content, "settings"))
        if _object(content, "curves"):
            output = settings.output or self._roots.check("reenact.####.exr")
            settings = dataclasses.replace(settings, curves=str(curves_beside(output)))
        return JSONResponse({"text": await asyncio.to_thread(export_settings, settings, _text(content, "kind"))})

    async def _save_curves(self, request: Request) -> Response:
        content = await _body(request)
        path = Path(self._roots.check(_text(content, "path")))
        if not path.name.endswith(CURVES):
            raise SettingsError(f"{path}: the name of a curves file ends in {CURVES}; add that")
        if path.exists() and content.get("replace") is not True:
            raise ReenactError(f"{path}: already exists")
        write_curves(path, _object(content, "curves"))
        return JSONResponse({"path": str(path)})

    async def _read_curves(self, request: Request) -> Response:
        """Return the content of a curves file, after the engine's own reader has checked it."""
        path = Path(self._roots.check(_text(await _body(request), "path")))
        return JSONResponse({"curves": await asyncio.to_thread(read_curve_values, path)})


def _read_media(name: str) -> dict[str, Any]:
    sequence = Sequence.open(name)
    plate = sequence.read_header(sequence.frames.first)
    size = Squeeze.of_plate(plate).size(plate.data_window.width, plate.data_window.height)
    return {"size": size, "first": sequence.frames.first, "last": sequence.frames.last}


def _answer_errors(handler: Handler) -> Handler:
    """Return a handler that answers errors with their message, exit code and an HTTP status."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except _TooLong:
            return _error_response(413, f"a request is {_LONGEST >> 20} MiB long at most", Exit.USAGE)
        except Cancelled:
            return _error_response(409, "cancelled", Exit.INTERRUPTED)
        except EngineLost as error:
            return _error_response(503, str(error), error.exit)
        except ReenactError as error:
            return _error_response(422, str(error), error.exit)

    return answer


class _TooLong(Exception):
    pass


def _error_response(status: int, message: str, code: int) -> Response:
    return JSONResponse({"message": message, "code": int(code)}, status_code=status)


async def _body(request: Request) -> dict[str, Any]:
    """Read the JSON object of a request; raise if it is too long."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > _LONGEST:
            raise _TooLong
        parts.append(part)
    try:
        content = parse_json(b"".join(parts).decode())
    except ValueError as error:
        raise SettingsError(f"not a request: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError("not a request: give one JSON object")
    return content


async def _wait_for(request: Request, waiting: asyncio.Future[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Wait for a job; if the page disconnects meanwhile, withdraw the request and return None."""
    while True:
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        if done:
            return waiting.result()
        if await request.is_disconnected():
            waiting.cancel()
            return None


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{name}: text is needed")
    return value


def _object(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name) or {}
    if not isinstance(value, dict):
        raise SettingsError(f"{name}: give a JSON object")
    return value


