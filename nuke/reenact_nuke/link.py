"""The engine process: started on first use, spoken to in lines of JSON over pipes, one for a Nuke session.

Threads read and write the pipes, since waiting on pipes differs between systems; nothing here blocks for good.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from typing import Any, Callable, Dict, Optional, Tuple

from reenact_nuke import log, paths, process
from reenact_nuke.errors import Cancelled, EngineError, ReenactError

PROTOCOL = 1
# Seconds: until the engine says hello; without any event while a job runs; for a cancelled job to end.
HELLO, SILENCE, GRACE = 60.0, 900.0, 20.0
STEP = 0.1

Event = Dict[str, Any]
_LOGGED = 4000
_TRY_AGAIN = "press the button again for a new one. Log: {}"


class Engine:
    """One engine process.

    Attributes:
        hello: its first event.
        note: what the artist should know of it, once; empty if all is well.
    """

    def __init__(self, python: str, ocio: str = "", hello: float = HELLO) -> None:
        """Start the process and wait for its first line.

        Raises:
            EngineError: it does not start, says nothing in ``hello`` seconds, or speaks another protocol.
        """
        self.note = ""
        self._lock = threading.Lock()
        self._waiting: Dict[int, queue.Queue[Event]] = {}
        self._first: queue.Queue[Event] = queue.Queue()
        self._outbox: queue.Queue[Optional[str]] = queue.Queue()
        self._last_id = 0
        self._process = _start(python, ocio)
        for work in (self._read, self._write):
            thread = threading.Thread(target=work, name="reenact-link")
            thread.daemon = True
            thread.start()
        self.hello = self._greet(python, hello)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def call(
        self,
        do: str,
        fields: Dict[str, Any],
        on_progress: Callable[[Event], None] = lambda event: None,
        is_cancelled: Callable[[], bool] = lambda: False,
        silence: float = SILENCE,
        grace: float = GRACE,
    ) -> Event:
        """Send a request and wait for its end.

        Args:
            do: the request's name.
            fields: what it carries.
            on_progress: called with each progress event.
            is_cancelled: asked every tenth of a second or so.
            silence: seconds without any event after which the engine is taken for hung.
            grace: seconds that a cancelled job has to end before the process is killed.

        Returns:
            The ``done`` event.

        Raises:
            ReenactError: the engine refuses, in its own words.
            EngineError: it died, or is hung and was killed.
            Cancelled: the job was cancelled.
        """
        number, events = self._send(do, fields)
        heard, asked, event = time.monotonic(), 0.0, None
        try:
            while True:
                event = _next(events)
                if event is None and not self.alive:
                    # Its last words may still be on their way.
                    event = _next(events)
                now = time.monotonic()
                if event is None:
                    self._check(do, asked, now - heard > silence)
                else:
                    heard = now
                    if event["event"] != "progress":
                        return _final(event)
                    on_progress(event)
                if asked and now - asked > grace:
                    self.kill()
                    log.write("the engine did not heed a cancel and was killed")
                    raise Cancelled()
                if not asked and is_cancelled():
                    asked = now
                    self._tell("cancel", {"job": number})
        finally:
            with self._lock:
                self._waiting.pop(number, None)
            if self.alive and not asked and (event is None or event["event"] == "progress"):
                # Something here broke, not the job: it must not keep the engine busy.
                self._tell("cancel", {"job": number})

    def stop(self, seconds: float = 3.0) -> None:
        """End the process: kindly, then not."""
        if self.alive:
            self._tell("quit", {})
            self._outbox.put(None)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        if self.alive:
            self._process.kill()
        self._process.wait()

    def _check(self, do: str, asked: float, silent: bool) -> None:
        """Nothing was heard: see whether that is still all right."""
        if not self.alive:
            if asked:
                raise Cancelled()
            code = self._process.returncode
            raise EngineError(
                f"The engine ended in the middle of '{do}' (code {code}); " + _TRY_AGAIN.format(log.path())
            )
        if silent:
            self.kill()
            raise EngineError(
                f"The engine said nothing for too long in '{do}' and was ended; " + _TRY_AGAIN.format(log.path())
            )

    def _greet(self, python: str, seconds: float) -> Event:
        until = time.monotonic() + seconds
        hello = None
        while hello is None and self.alive and time.monotonic() < until:
            hello = _next(self._first)
        hello = hello or _next(self._first)
        if hello is None:
            dead = not self.alive
            self.kill()
            what = "ended at once" if dead else f"did not answer in {seconds:g} seconds"
            raise EngineError(
                f"The engine {what}: is ofx-reenact installed in {python}? Try '{python} -m ofx_reenact doctor'. "
                f"Log: {log.path()}"
            )
        if hello.get("protocol") != PROTOCOL:
            self.kill()
            raise EngineError(
                f"The engine in {python} is ofx-reenact {hello.get('version')} and speaks protocol "
                f"{hello.get('protocol')}, this node speaks {PROTOCOL}: install ofx-reenact {paths.version()} there, "
                f"or put the nuke folder of that installation on NUKE_PATH ('{python} -m ofx_reenact nuke-path')"
            )
        if hello.get("version") != paths.version():
            self.note = (
                f"The engine in {python} is ofx-reenact {hello.get('version')}, this node is of {paths.version()}. It "
                f"will be used; to have both the same, put the folder that '{python} -m ofx_reenact nuke-path' prints "
                "on NUKE_PATH."
            )
        return hello

    def _send(self, do: str, fields: Dict[str, Any]) -> Tuple[int, queue.Queue[Event]]:
        with self._lock:
            self._last_id += 1
            number = self._last_id
            events: queue.Queue[Event] = queue.Queue()
            self._waiting[number] = events
            line = json.dumps(dict(fields, id=number, do=do))
            # In the lock, since the engine takes numbers that rise only.
            self._outbox.put(line)
        log.write("> " + line[:_LOGGED])
        return number, events

    def _tell(self, do: str, fields: Dict[str, Any]) -> None:
        """Send a request whose answer nobody waits for."""
        number, _ = self._send(do, fields)
        with self._lock:
            self._waiting.pop(number, None)

    def _write(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            for line in iter(self._outbox.get, None):
                pipe.write(line.encode("utf-8") + b"\n")
                pipe.flush()
            pipe.close()
        except (OSError, ValueError):
            # The process has gone; whoever waits for an answer sees that.
            pass

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        for line in pipe:
            try:
                event = json.loads(line.decode("utf-8"))
                kind, number = event["event"], event.get("id")
            except (ValueError, KeyError, TypeError, AttributeError):
                log.write(f"not an event of the engine: {line[:200]!r}")
                continue
            if kind != "progress":
                log.write("< " + line.decode("utf-8", "replace").strip()[:_LOGGED])
            if kind == "hello":
                self._first.put(event)
                continue
            with self._lock:
                # Without a number the engine could not read a request: whoever waits had better know.
                waiting = [self._waiting.get(number)] if number is not None else list(self._waiting.values())
            for events in waiting:
                if events is not None:
                    events.put(event)


def _start(python: str, ocio: str) -> subprocess.Popen[bytes]:
    command = process.command(python, "ofx_reenact", "engine", "serve")
    log.write("starting {}{}".format(command, " with OCIO " + ocio if ocio else ""))
    # Not Nuke's own folder, which could not be moved or removed while the engine runs.
    folder = os.path.dirname(os.path.abspath(python))
    try:
        with log.sink() as sink:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                cwd=folder,
                env=process.environment(ocio),
                creationflags=process.FLAGS,
            )
    except OSError as error:
        reason = error.strerror or error
        raise EngineError(f"{python} cannot be started ({reason}); name the engine's Python") from error


def _next(events: queue.Queue[Event]) -> Optional[Event]:
    try:
        return events.get(timeout=STEP)
    except queue.Empty:
        return None


def _final(event: Event) -> Event:
    if event["event"] == "done":
        return event
    if event["event"] == "cancelled":
        raise Cancelled(event.get("written") or ())
    message = str(event.get("message", "the engine gave no reason"))
    raise ReenactError(message)
