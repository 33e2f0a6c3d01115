"""An engine of a page's own: a process that may die, or be killed, and is started again for the next job."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from ofx_reenact.errors import EngineLost, ReenactError
from ofx_reenact.service import client
from ofx_reenact.service.keeper_process import name_process
from ofx_reenact.service.session import Session

# Seconds that an engine has to end by itself.
_END = 5.0
_LOOK = 0.02
# Fields of a step that a page shows.
_STEP = ("stage", "done", "total", "frame", "message", "rate", "eta")


class Engine:
    """Does one job at a time; :meth:`cancel` and :meth:`status` may be called from other threads meanwhile."""

    def __init__(self, session: Path) -> None:
        """Name an engine by its session file; none is started before the first job."""
        self._session = session
        self._link: client.Link | None = None
        self._doing = threading.Lock()
        self._job: tuple[str, int] | None = None
        self._step: dict[str, Any] = {}
        self._state = "none"

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Do a job; returns what came of it.

        Raises:
            ReenactError: the engine's error.
            EngineLost: the engine ended; the next job starts another.
            Cancelled: :meth:`cancel` ended it.
        """
        with self._doing:
            try:
                link = self._linked()
                number = link.send(do, **fields)
                self._job, self._step = (do, number), {}
                for event in link.events(number):
                    if event["event"] != "progress":
                        return client.outcome(event)
                    self._step = {name: event[name] for name in _STEP}
            except EngineLost:
                self._close()
                self._state = "lost"
                raise
            finally:
                self._job = None
        raise EngineLost("the engine said nothing more")

    def cancel(self) -> None:
        """End the job that runs, if one does."""
        job, link = self._job, self._link
        if job is not None and link is not None:
            with contextlib.suppress(EngineLost):
                link.cancel(job[1])

    def status(self) -> dict[str, Any]:
        """Return whether the engine is ``none``, ``starting``, ``ready`` or ``lost``, its job and that one's step."""
        job = self._job
        return {"state": self._state, "job": job[0] if job else "", "step": self._step if job else {}}

    def end(self) -> None:
        """End the engine, in the middle of a job if it must be."""
        try:
            session = Session.load(self._session)
        except ReenactError:
            session = None
        if session is not None:
            if os.name == "posix":
                with contextlib.suppress(OSError):
                    os.kill(session.pid, signal.SIGTERM)
            else:
                self._close()
                with contextlib.suppress(ReenactError):
                    client.stop(self._session)
            until = time.monotonic() + _END
            while self._session.exists() and time.monotonic() < until:
                time.sleep(_LOOK)
            if self._session.exists() and os.name == "posix":
                with contextlib.suppress(OSError):
                    os.kill(session.pid, signal.SIGKILL)
        self._close()
        self._state = "none"

    def _linked(self) -> client.Link:
        if self._link is None:
            self._state = "starting"
            client.start(self._session, keeper=name_process(os.getpid()))
            self._link = client.connect(self._session)
            if self._link is None:
                raise EngineLost("the engine ended as it was started; try again")
        self._state = "ready"
        return self._link

    def _close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
