"""The requests of a page, each a path: what it may set, what it sees, what it renders."""

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
from ofx_reenact.look.engine import Engine
from ofx_reenact.look.export import exported
from ofx_reenact.look.page_render import PageRender
from ofx_reenact.look.page_settings import CURVES, PageSettings, curves_beside, read_drawn, write_curves
from ofx_reenact.look.roots import Roots
from ofx_reenact.look.view_queue import ViewQueue
from ofx_reenact.progress import Cancelled
from ofx_reenact.settings import describe
from ofx_reenact.settings.option import check_choice

# Bytes of a request: settings, and curves with a key a frame.
_LONGEST = 1 << 20
_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# Jobs that a page waits for in line.
_VIEWED = ("open", "show", "faces")
_FIELDS = ("frame", "what", "longest", "draft", "thumbnails")
_LONGEST_TAB = 64

Handler = Callable[[Request], Awaitable[Response]]


class Page:
    """One page's server side: the engines, the folders, and what answers its requests.

    Attributes:
        folder: the page's own.
        viewing: what makes the pictures that are looked at.
    """

    def __init__(self, folder: Path, roots: Roots, start: Mapping[str, Any]) -> None:
        """Prepare to serve.

        Args:
            folder: the page's own, for what it keeps until it ends.
            roots: what may be reached.
            start: values of options that it begins with.
        """
        self.folder, self._roots, self._start = folder, roots, dict(start)
        self._analysis = PageSettings(folder, roots)
        self.viewing = ViewQueue(Engine(folder / "view.session"))
        self._rendering = PageRender(Engine(folder / "render.session"))
        self._files = {path.name: path for path in _PAGE.iterdir() if path.suffix in _TYPES}

    def close(self) -> None:
        """End both engines."""
        self.viewing.close()
        self._rendering.close()

    def app(self) -> Starlette:
        """Return what answers requests, as ASGI has it."""
        posted = {
            "/view": self._view, "/cancel": self._cancel, "/render": self._render, "/export": self._export,
            "/curves": self._save_curves, "/read-curves": self._read_curves,
        }  # fmt: skip
        asked: dict[str, Handler] = {
            "/": self._file, "/page/{name}": self._file, "/about": self._about, "/files": self._listed,
            "/media": self._media, "/status": self._status,
        }  # fmt: skip
        return Starlette(routes=[
            *(Route(path, _said(handler), methods=["GET"]) for path, handler in asked.items()),
            *(Route(path, _said(handler), methods=["POST"]) for path, handler in posted.items()),
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

    async def _listed(self, request: Request) -> Response:
        return JSONResponse(self._roots.listed(request.query_params.get("folder", "")))

    async def _media(self, request: Request) -> Response:
        """Say what a target's header says, before anything is tracked."""
        return JSONResponse(await asyncio.to_thread(_look_at, self._roots.check(request.query_params.get("name", ""))))

    async def _status(self, request: Request) -> Response:
        return JSONResponse({"view": self.viewing.engine.status(), "render": self._rendering.status()})

    async def _view(self, request: Request) -> Response:
        """Answer with four bytes that say how long a JSON text is, that text, and a picture if there is one."""
        said = await _body(request)
        do, tab = _text(said, "do"), _text(said, "tab")[:_LONGEST_TAB]
        check_choice("do", do, _VIEWED)
        settings = self._analysis.to_show(_object(said, "settings"), _object(said, "curves"))
        fields = {name: said[name] for name in _FIELDS if name in said}
        waiting = asyncio.wrap_future(self.viewing.ask(tab, do, {"settings": settings, **fields}))
        found = await _unless_gone(request, waiting)
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
        said = await _body(request)
        settings = await asyncio.to_thread(
            self._analysis.to_render, _object(said, "settings"), _object(said, "curves")
        )
        self._rendering.start(settings.as_dict())
        return JSONResponse({"output": settings.output})

    async def _export(self, request: Request) -> Response:
        said = await _body(request)
        settings = self._analysis.settings(_object(said, "settings"))
        if _object(said, "curves"):
            output = settings.output or self._roots.check("reenact.####.exr")
            settings = dataclasses.replace(settings, curves=str(curves_beside(output)))
        return JSONResponse({"text": await asyncio.to_thread(exported, settings, _text(said, "kind"))})

    async def _save_curves(self, request: Request) -> Response:
        said = await _body(request)
        path = Path(self._roots.check(_text(said, "path")))
        if not path.name.endswith(CURVES):
            raise SettingsError(f"{path}: curves are kept as NAME{CURVES}, so end the name in it")
        if path.exists() and said.get("replace") is not True:
            raise ReenactError(f"{path}: is there already")
        write_curves(path, _object(said, "curves"))
        return JSONResponse({"path": str(path)})

    async def _read_curves(self, request: Request) -> Response:
        """Say what a file of curves holds, once the engine's own reader has found nothing wrong with it."""
        path = Path(self._roots.check(_text(await _body(request), "path")))
        return JSONResponse({"curves": await asyncio.to_thread(read_drawn, path)})


def _look_at(name: str) -> dict[str, Any]:
    sequence = Sequence.open(name)
    plate = sequence.read_header(sequence.frames.first)
    size = Squeeze.of_plate(plate).size(plate.data_window.width, plate.data_window.height)
    return {"size": size, "first": sequence.frames.first, "last": sequence.frames.last}


def _said(handler: Handler) -> Handler:
    """Turn what a handler raises into an answer that says it in the error's words."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except _TooLong:
            return _refusal(413, f"a request is {_LONGEST >> 20} MiB long at most", Exit.USAGE)
        except Cancelled:
            return _refusal(409, "cancelled", Exit.INTERRUPTED)
        except EngineLost as error:
            return _refusal(503, str(error), error.exit)
        except ReenactError as error:
            return _refusal(422, str(error), error.exit)

    return answer


class _TooLong(Exception):
    pass


def _refusal(status: int, message: str, code: int) -> Response:
    return JSONResponse({"message": message, "code": int(code)}, status_code=status)


async def _body(request: Request) -> dict[str, Any]:
    """Read a request's object, no longer than one may be."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > _LONGEST:
            raise _TooLong
        parts.append(part)
    try:
        said = parse_json(b"".join(parts).decode())
    except ValueError as error:
        raise SettingsError(f"not a request: {error}") from error
    if not isinstance(said, dict):
        raise SettingsError("not a request: give one object")
    return said


async def _unless_gone(request: Request, waiting: asyncio.Future[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Wait for a picture; where the page goes meanwhile, its place in line is given up."""
    while True:
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        if done:
            return waiting.result()
        if await request.is_disconnected():
            waiting.cancel()
            return None


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{name}: text is needed")
    return value


def _object(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = said.get(name) or {}
    if not isinstance(value, dict):
        raise SettingsError(f"{name}: give an object")
    return value


