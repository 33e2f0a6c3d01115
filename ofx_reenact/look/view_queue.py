"""The queue of view requests from all tabs: one job at a time, and only the latest of each kind from a tab waits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any

from ofx_reenact.errors import ReenactError
from ofx_reenact.look.engine import Engine

_Waiting = tuple[dict[str, Any], "Future[dict[str, Any] | None]"]
# The most requests that wait, one of each kind for each tab.
_MOST = 32


class ViewQueue:
    """Queues requests for one engine; a thread of its own sends them. Any thread may call its methods."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._waiting: OrderedDict[tuple[str, str], _Waiting] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="view queue", daemon=True)
        self._thread.start()

    def ask(self, tab: str, do: str, fields: dict[str, Any]) -> Future[dict[str, Any] | None]:
        """Queue a request; its future's result is None if a later request of the same tab and kind replaces it.

        Raises:
            ReenactError: too many requests wait.
        """
        future: Future[dict[str, Any] | None] = Future()
        with self._changed:
            if (tab, do) not in self._waiting and len(self._waiting) >= _MOST:
                raise ReenactError("too many tabs wait for this engine; close some")
            older = self._waiting.get((tab, do))
            self._waiting[tab, do] = (fields, future)
            self._changed.notify()
        if older is not None:
            _drop(older[1])
        return future

    def close(self) -> None:
        """Drop all waiting requests and end the engine."""
        with self._changed:
            self._closed = True
            waiting = list(self._waiting.values())
            self._waiting.clear()
            self._changed.notify()
        for _, future in waiting:
            _drop(future)
        self.engine.end()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                (_, do), (fields, future) = self._waiting.popitem(last=False)
            # Skip a request whose page has disconnected.
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self.engine.ask(do, **fields))
            except Exception as error:
                future.set_exception(error)


def _drop(future: Future[dict[str, Any] | None]) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(None)
