"""The page's render: one at a time, on an engine of its own, so that viewing goes on meanwhile."""

from __future__ import annotations

import threading
from typing import Any

from ofx_reenact.errors import ReenactError
from ofx_reenact.look.engine import Engine
from ofx_reenact.progress import Cancelled

# Fields of a render's report that a page shows.
_REPORT = ("output", "written", "skipped", "held", "black", "failed", "warnings", "seconds", "device")


class PageRender:
    """Renders in a thread of its own; the engine is ended after each render, to free its memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread: threading.Thread | None = None
        self._status: dict[str, Any] = {"state": "none"}

    def start(self, settings: dict[str, Any]) -> None:
        """Start a render.

        Raises:
            ReenactError: another one is running.
        """
        if self._thread is not None and self._thread.is_alive():
            raise ReenactError("a render is not done yet; wait for it or cancel it")
        self._status = {"state": "running"}
        self._thread = threading.Thread(target=self._work, args=(settings,), name="rendering", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Cancel the render; it ends with the current frame."""
        self._engine.cancel()

    def status(self) -> dict[str, Any]:
        """Return ``state`` (``none``, ``running``, ``done``, ``cancelled``, ``error``) and step, report or message."""
        status = self._status
        return {**status, "step": self._engine.status()["step"]} if status["state"] == "running" else status

    def close(self) -> None:
        """End the engine, and with it a running render."""
        self._engine.end()

    def _work(self, settings: dict[str, Any]) -> None:
        try:
            report = self._engine.ask("render", settings=settings)
            status: dict[str, Any] = {"state": "done", "report": {name: report[name] for name in _REPORT}}
        except Cancelled as cancelled:
            status = {"state": "cancelled", "written": list(cancelled.written)}
        except ReenactError as error:
            status = {"state": "error", "message": str(error)}
        self._engine.end()
        self._status = status
