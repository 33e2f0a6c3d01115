"""The render of a page: one at a time, by an engine of its own, so that the page stays live meanwhile."""

from __future__ import annotations

import threading
from typing import Any

from ofx_reenact.errors import ReenactError
from ofx_reenact.look.engine import Engine
from ofx_reenact.progress import Cancelled

# Fields of a render's report that a page shows.
_REPORT = ("output", "written", "skipped", "held", "black", "failed", "warnings", "seconds", "device")


class PageRender:
    """Renders frames in a thread; the engine ends after each render, and gives its memory back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread: threading.Thread | None = None
        self._said: dict[str, Any] = {"state": "none"}

    def start(self, settings: dict[str, Any]) -> None:
        """Begin a render.

        Raises:
            ReenactError: one is not done yet.
        """
        if self._thread is not None and self._thread.is_alive():
            raise ReenactError("a render is not done yet; wait for it or cancel it")
        self._said = {"state": "running"}
        self._thread = threading.Thread(target=self._work, args=(settings,), name="rendering", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """End the render with the frame at hand."""
        self._engine.cancel()

    def status(self) -> dict[str, Any]:
        """Return the render's state, ``none``, ``running``, ``done``, ``cancelled`` or ``error``, and what it says."""
        said = self._said
        return {**said, "step": self._engine.status()["step"]} if said["state"] == "running" else said

    def close(self) -> None:
        """End what runs."""
        self._engine.end()

    def _work(self, settings: dict[str, Any]) -> None:
        try:
            report = self._engine.ask("render", settings=settings)
            said: dict[str, Any] = {"state": "done", "report": {name: report[name] for name in _REPORT}}
        except Cancelled as cancelled:
            said = {"state": "cancelled", "written": list(cancelled.written)}
        except ReenactError as error:
            said = {"state": "error", "message": str(error)}
        self._engine.end()
        self._said = said
