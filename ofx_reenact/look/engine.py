"""An engine process of a page; if it dies or is killed, another one is started for the next job."""

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

# Seconds for an engine to end by itself; seconds between two checks of that.
_END = 5.0
_POLL = 0.02
# Fields of the event ``progress`` that a page shows.
_STEP = ("stage", "done", "total", "frame", "message", "rate", "eta")


class Engine:
    """An engine process that does one job at a time; :meth:`cancel` and :meth:`status` may be called meanwhile."""

    def __init__(self, session: Path) -> None:
        """Set the session file; the process is started by the first job."""
        self._session = session
        self._link: client.Link | None = None
        self._one_job = threading.Lock()
        self._job: tuple[str, int] | None = None
        self._step: dict[str, Any] = {}
        self._state = "none"

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Do a job and return the fields of its last event.

        Raises:
            ReenactError: the engine's error.
            EngineLost: the engine ended; the next job starts another one.
            Cancelled: :meth:`cancel` was called.
        """
        with self._one_job:
            try:
                link = self._connect()
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
        raise EngineLost("the engine sent no last event; try again")

    def cancel(self) -> None:
        """Cancel the running job, if there is one."""
        job, link = self._job, self._link
        if job is not None and link is not None:
            with contextlib.suppress(EngineLost):
                link.cancel(job[1])

    def status(self) -> dict[str, Any]:
        """Return ``state`` (``none``, ``starting``, ``ready`` or ``lost``), ``job`` and that job's ``step``."""
        job = self._job
        return {"state": self._state, "job": job[0] if job else "", "step": self._step if job else {}}

    def end(self) -> None:
        """End the engine, even while a job runs: SIGTERM first, SIGKILL if that does not end it in time."""
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
                time.sleep(_POLL)
            if self._session.exists() and os.name == "posix":
                with contextlib.suppress(OSError):
                    os.kill(session.pid, signal.SIGKILL)
        self._close()
        self._state = "none"

    def _connect(self) -> client.Link:
        if self._link is None:
            self._state = "starting"
            client.start(self._session, keeper=name_process(os.getpid()))
            self._link = client.connect(self._session)
            if self._link is None:
                raise EngineLost("the engine ended right after it was started; try again")
        self._state = "ready"
        return self._link

    def _close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
