"""One engine process: start it, send it requests and receive its events, as lines of JSON over pipes.

Threads read and write the pipes, since waiting on pipes differs between systems. Every wait here ends after some time.
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

from reenact_nuke import engine_command, log, options
from reenact_nuke.errors import Cancelled, EngineError, ReenactError

PROTOCOL = 1
# Longest time until the engine's first event; without any event during a job; from a cancel to the job's end.
HELLO_SECONDS, SILENCE_SECONDS, GRACE_SECONDS = 60.0, 900.0, 20.0
_POLL_SECONDS = 0.1

Event = Dict[str, Any]
# Characters of a line that go into the log.
_LOGGED = 4000
_TRY_AGAIN = "press the button again to start a new one. Log: {}"


class Engine:
    """One engine process.

    Attributes:
        hello: its first event.
        note: a message for the artist, shown once: the engine has another version; else empty.
    """

    def __init__(self, python: str, ocio: str = "", hello: float = HELLO_SECONDS) -> None:
        """Start the process and wait for its first event.

        Raises:
            EngineError: it does not start, sends nothing for ``hello`` seconds, or has another protocol.
        """
        self.note = ""
        self._lock = threading.Lock()
        self._waiting: Dict[int, queue.Queue[Event]] = {}
        self._first: queue.Queue[Event] = queue.Queue()
        self._outbox: queue.Queue[Optional[str]] = queue.Queue()
        self._last_id = 0
        self._process = _start(python, ocio)
        for work in (self._read, self._write):
            thread = threading.Thread(target=work, name="reenact-engine")
            thread.daemon = True
            thread.start()
        self.hello = self._wait_for_hello(python, hello)

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
        silence: float = SILENCE_SECONDS,
        grace: float = GRACE_SECONDS,
    ) -> Event:
        """Send a request and wait until it ends.

        Args:
            do: the request's name.
            fields: the request's other fields.
            on_progress: called with each progress event.
            is_cancelled: called about ten times a second.
            silence: seconds without any event after which the process is killed.
            grace: seconds from a cancel until the process is killed, if the job has not ended by then.

        Returns:
            The ``done`` event.

        Raises:
            ReenactError: the engine refused the request; the message is the engine's.
            EngineError: the process died, or did not answer and was killed.
            Cancelled: the job was cancelled.
        """
        number, events = self._send(do, fields)
        last_event, cancelled_at, event = time.monotonic(), 0.0, None
        try:
            while True:
                event = _next(events)
                if event is None and not self.alive:
                    # Its last event may have arrived meanwhile.
                    event = _next(events)
                now = time.monotonic()
                if event is None:
                    self._check(do, bool(cancelled_at), now - last_event > silence)
                else:
                    last_event = now
                    if event["event"] != "progress":
                        return _result(event)
                    on_progress(event)
                if cancelled_at and now - cancelled_at > grace:
                    self.kill()
                    log.write("the engine did not stop after a cancel and was killed")
                    raise Cancelled()
                if not cancelled_at and is_cancelled():
                    cancelled_at = now
                    self._send_only("cancel", {"job": number})
        finally:
            with self._lock:
                self._waiting.pop(number, None)
            if self.alive and not cancelled_at and (event is None or event["event"] == "progress"):
                # An error on this side: the job must not keep the engine busy.
                self._send_only("cancel", {"job": number})

    def stop(self, seconds: float = 3.0) -> None:
        """Ask the process to quit; kill it if it has not ended after some seconds."""
        if self.alive:
            self._send_only("quit", {})
            self._outbox.put(None)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the process."""
        if self.alive:
            self._process.kill()
        self._process.wait()

    def _check(self, do: str, is_cancelled: bool, is_silent: bool) -> None:
        """Raise if the process has died, or has sent nothing for too long."""
        if not self.alive:
            if is_cancelled:
                raise Cancelled()
            code = self._process.returncode
            raise EngineError(f"The engine died during '{do}' (exit code {code}); " + _TRY_AGAIN.format(log.path()))
        if is_silent:
            self.kill()
            raise EngineError(
                f"The engine did not answer for too long during '{do}' and was ended; " + _TRY_AGAIN.format(log.path())
            )

    def _wait_for_hello(self, python: str, seconds: float) -> Event:
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
                f"The engine in {python} is ofx-reenact {hello.get('version')} with protocol "
                f"{hello.get('protocol')}, but this node has protocol {PROTOCOL}: install "
                f"ofx-reenact {options.version()} there, or put on NUKE_PATH the folder that "
                f"'{python} -m ofx_reenact nuke-path' prints"
            )
        if hello.get("version") != options.version():
            self.note = (
                f"The engine in {python} is ofx-reenact {hello.get('version')}, but this node is of "
                f"{options.version()}. They work together; to have the same version, put the folder that "
                f"'{python} -m ofx_reenact nuke-path' prints on NUKE_PATH."
            )
        return hello

    def _send(self, do: str, fields: Dict[str, Any]) -> Tuple[int, queue.Queue[Event]]:
        with self._lock:
            self._last_id += 1
            number = self._last_id
            events: queue.Queue[Event] = queue.Queue()
            self._waiting[number] = events
            line = json.dumps(dict(fields, id=number, do=do))
            # Inside the lock: the engine wants the numbers in rising order.
            self._outbox.put(line)
        log.write("> " + line[:_LOGGED])
        return number, events

    def _send_only(self, do: str, fields: Dict[str, Any]) -> None:
        """Send a request without waiting for its answer."""
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
            # The process has ended; call() finds out.
            pass

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        for line in pipe:
            try:
                event = json.loads(line.decode("utf-8"))
                kind, number = event["event"], event.get("id")
            except (ValueError, KeyError, TypeError, AttributeError):
                log.write(f"the engine wrote a line that is not an event: {line[:200]!r}")
                continue
            if kind != "progress":
                log.write("< " + line.decode("utf-8", "replace").strip()[:_LOGGED])
            if kind == "hello":
                self._first.put(event)
                continue
            with self._lock:
                # No number: the engine could not read a request. Everybody who waits gets the error.
                waiting = [self._waiting.get(number)] if number is not None else list(self._waiting.values())
            for events in waiting:
                if events is not None:
                    events.put(event)


def _start(python: str, ocio: str) -> subprocess.Popen[bytes]:
    command = engine_command.module_command(python, "ofx_reenact", "engine", "serve")
    log.write("starting {}{}".format(command, " with OCIO " + ocio if ocio else ""))
    # Not Nuke's working directory, which could then not be moved or removed while the engine runs.
    folder = os.path.dirname(os.path.abspath(python))
    try:
        with log.sink() as sink:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                cwd=folder,
                env=engine_command.environment(ocio),
                creationflags=engine_command.FLAGS,
            )
    except OSError as error:
        reason = error.strerror or error
        text = f"{python} cannot be started ({reason}): choose another in the menu Reenact > Engine's Python..."
        raise EngineError(text) from error


def _next(events: queue.Queue[Event]) -> Optional[Event]:
    try:
        return events.get(timeout=_POLL_SECONDS)
    except queue.Empty:
        return None


def _result(event: Event) -> Event:
    if event["event"] == "done":
        return event
    if event["event"] == "cancelled":
        raise Cancelled(event.get("written") or ())
    message = str(event.get("message", "the engine gave no reason"))
    raise ReenactError(message)
