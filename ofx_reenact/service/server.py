"""The server of the protocol: reads requests from one pipe and writes events to another, one JSON object a line.

``docs/engine.md`` describes the protocol; :mod:`ofx_reenact.service.jobs` does the jobs. Nothing slow is imported
before the first job.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ofx_reenact import __version__
from ofx_reenact.errors import Exit, ReenactError
from ofx_reenact.progress import Cancelled, Pace, Watch, to_json_value
from ofx_reenact.service.jobs import JOBS, Service
from ofx_reenact.service.session import PROTOCOL

# Seconds for a job to end after its client has disconnected; then the process exits, although the job still runs.
_GRACE = 30.0
_BLOCK = 1 << 16
# Limits of a request: bytes, and levels of its JSON. Hand-placed landmarks of ten thousand frames take less.
_LONGEST, _DEEPEST = 1 << 25, 16
# Characters of an error message, which may quote the request.
_LONGEST_MESSAGE = 4000
# Limits of the seconds between signs of life.
_ALIVE = (0.1, 3600.0)


@dataclass(frozen=True)
class _Task:
    """An accepted job; without a watch, the request to quit."""

    request: dict[str, Any]
    watch: Watch | None

    @property
    def id(self) -> int:
        return self.request["id"]


def serve() -> int:
    """Serve this process's standard input and output until ``quit`` or the end of the input; return the exit code.

    After an interrupt the process exits at once with :data:`Exit.INTERRUPTED`: the reading thread may still wait, and
    would crash Python if it woke up during shutdown.
    """
    requests, events = take_pipes()
    try:
        return Server(requests, events).run()
    except KeyboardInterrupt:
        os._exit(Exit.INTERRUPTED)


def take_pipes() -> tuple[int, BinaryIO]:
    """Reserve standard input and output for the protocol; return the requests' file descriptor and the events' file.

    From now on a library's output goes to standard error and its input is empty, so that it cannot disturb the
    protocol. Child processes do not inherit the two pipes.
    """
    sys.stdout.flush()
    requests, events = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, os.fdopen(events, "wb")


class Server:
    """Serves one client: a thread reads requests, so that a job can be cancelled; the caller's thread does the jobs.

    Events are written from both threads, and from a third one while signs of life are sent. ``requests`` is a file
    descriptor, ``events`` a file. ``hang_up`` is called if the client no longer reads; it has to end the reading thread
    or the process.

    Attributes:
        told_to_quit: whether the client sent ``quit``, and did not just disconnect.
    """

    def __init__(
        self,
        requests: int,
        events: BinaryIO,
        service: Service | None = None,
        hang_up: Callable[[], None] = lambda: os._exit(Exit.FAILED),
    ) -> None:
        self._requests, self._events, self._hang_up = requests, events, hang_up
        self.told_to_quit = False
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._running: _Task | None = None
        self._latest = -1
        self._ending = self._lost = False
        self._exit_timer = threading.Timer(_GRACE, os._exit, (Exit.DEFECT,))
        self._exit_timer.daemon = True
        self._service = service or Service()

    def run(self) -> int:
        """Serve until ``quit`` or the end of the requests; return the process's exit code."""
        reader = threading.Thread(target=self._read, name="requests", daemon=True)
        reader.start()
        while (task := self._tasks.get()) is not None:
            if task.watch is None:
                self._send(_line("done", id=task.id))
                self.told_to_quit = True
                break
            started = time.monotonic()
            with self._signs_of_life(task):
                last = self._work(task, task.watch)
            spent = time.monotonic() - started
            print(f"{task.request['do']} {task.id} took {spent:.2f} s", file=sys.stderr, flush=True)
            # Before the last event is sent: with it, the client may send the next job.
            with self._lock:
                self._running = None
            self._send(last)
        self._service.client_left()
        if self._lost:
            self._hang_up()
        reader.join()
        self._exit_timer.cancel()
        self._exit_timer.join()
        return 0

    def leave(self) -> None:
        """Cancel the running job, disconnect and end; may be called from any thread."""
        self._lost = True
        self._end(None)

    @contextlib.contextmanager
    def _signs_of_life(self, task: _Task) -> Iterator[None]:
        """Send ``alive`` while a job runs, as often as its request asked for."""
        seconds, done = task.request.get("alive"), threading.Event()
        if not seconds:
            yield
            return

        def send_signs() -> None:
            while not done.wait(seconds):
                self._send(_line("alive", id=task.id))

        sender = threading.Thread(target=send_signs, name="alive", daemon=True)
        sender.start()
        try:
            yield
        finally:
            done.set()
            sender.join()

    def _work(self, task: _Task, watch: Watch) -> bytes:
        """Do a job; return its last event."""
        try:
            return _line("done", id=task.id, **JOBS[task.request["do"]](self._service, task.request, watch))
        except Cancelled as cancelled:
            return _line("cancelled", id=task.id, written=cancelled.written)
        except ReenactError as error:
            return _error(task.id, str(error), error.exit)
        except Exception as error:
            traceback.print_exc()
            message = f"a defect of ofx-reenact, not of your input: {error!r}. Please report it with the engine's log"
            return _error(task.id, message, Exit.DEFECT)

    def _read(self) -> None:
        """Send ``hello``, then read requests until the input ends. Runs in the reading thread.

        ``hello`` is sent from here because the client may send a signal as soon as it has it: a signal that comes while
        a thread is being started breaks Python's locks.
        """
        try:
            self._send(_line("hello", protocol=PROTOCOL, version=__version__, pid=os.getpid()))
            for line in _lines(self._requests):
                try:
                    if line is None:
                        raise ValueError(f"longer than {_LONGEST >> 20} MiB")
                    request = self._parse(line)
                except ValueError as error:
                    self._send(_error(None, f"not a request: {error}", Exit.USAGE))
                    continue
                if request["do"] == "quit":
                    return self._end(_Task(request, None))
                self._send(self._accept(request))
        finally:
            self._end(None)

    def _parse(self, line: bytes) -> dict[str, Any]:
        """Parse a line; raise a ValueError with the reason if it is no request."""
        try:
            request = json.loads(line)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if _is_deep(request):
            raise ValueError("nested too deeply")
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            raise ValueError('give one object a line, as {"id": 1, "do": "render", "settings": {…}}')
        number = request.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or number <= self._latest:
            raise ValueError(f"id {number!r} is not a whole number above the last, {self._latest}")
        self._latest = number
        return request

    def _accept(self, request: dict[str, Any]) -> bytes:
        """Queue a job and return nothing, or return the event that answers the request at once."""
        number, do = request["id"], request["do"]
        if do == "cancel":
            return self._cancel(number, request.get("job"))
        if do not in JOBS:
            return _error(number, f"do '{do}': choose from {', '.join((*JOBS, 'cancel', 'quit'))}", Exit.USAGE)
        alive = request.get("alive")
        if alive is not None and (type(alive) not in (int, float) or not _ALIVE[0] <= alive <= _ALIVE[1]):
            return _error(number, f"alive {alive!r}: give seconds, {_ALIVE[0]:g} to {_ALIVE[1]:g}", Exit.USAGE)
        pace = Pace()
        task = _Task(request, Watch(lambda step: self._send(_line("progress", id=number, **pace.values(step)))))
        with self._lock:
            busy = self._running
            self._running = busy or task
        if busy is not None:
            running = f"{busy.request['do']} {busy.id}"
            return _error(number, f"busy: {running} is not done yet; wait for it or cancel it", Exit.FAILED)
        self._tasks.put(task)
        return b""

    def _cancel(self, number: int, job: Any) -> bytes:
        """Cancel a job; it is no error if the job has already ended."""
        if not isinstance(job, int) or not 0 <= job < number:
            return _error(number, f"cancel: job {job!r} is not the id of an earlier request", Exit.USAGE)
        with self._lock:
            if self._running is not None and self._running.id == job and self._running.watch is not None:
                self._running.watch.cancel()
        return _line("done", id=number)

    def _end(self, task: _Task | None) -> None:
        """Cancel the running job and end after it; only the first call has an effect."""
        with self._lock:
            if self._ending:
                return
            self._ending = True
            if self._running is not None and self._running.watch is not None:
                self._running.watch.cancel()
        self._exit_timer.start()
        self._tasks.put(task)

    def _send(self, line: bytes) -> None:
        """Send an event, from any thread; end the server if the client no longer reads."""
        if not line:
            return
        try:
            with self._writing:
                self._events.write(line)
                self._events.flush()
        except OSError:
            self._lost = True
            self._end(None)


def _line(event: str, **values: Any) -> bytes:
    return json.dumps({"event": event, **values}, default=to_json_value).encode() + b"\n"


def _error(number: int | None, message: str, code: int) -> bytes:
    text = " ".join(message.splitlines())
    if len(text) > _LONGEST_MESSAGE:
        text = text[:_LONGEST_MESSAGE] + "…"
    return _line("error", id=number, message=text, code=code)


def _is_deep(value: Any) -> bool:
    """Return whether lists and objects are nested more deeply than the limit."""
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [one for one in level if isinstance(one, dict | list)]
        if not level:
            return False
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return True


def _lines(source: int) -> Iterator[bytes | None]:
    """Yield the lines of a file descriptor, and None for one that is too long, which is not kept in memory.

    A last line without a line break is dropped: its client died while it was sending.
    """
    parts: list[bytes] = []
    length = 0
    with contextlib.suppress(OSError):
        while block := os.read(source, _BLOCK):
            *ends, rest = block.split(b"\n")
            for end in ends:
                yield b"".join((*parts, end)) if length + len(end) <= _LONGEST else None
                parts, length = [], 0
            length += len(rest)
            if length <= _LONGEST:
                parts.append(rest)
            else:
                parts.clear()
