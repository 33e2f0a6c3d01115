"""The request ``page``: start servers of the browser page (``ofx-reenact look``), which end when the engine ends."""

from __future__ import annotations

import atexit
import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from ofx_reenact.errors import ReenactError
from ofx_reenact.launch import command
from ofx_reenact.progress import Watch
from ofx_reenact.settings import Settings

# Most pages that run at the same time; one more ends the oldest.
_MOST = 4
# Seconds: for a page's server to start, for it to end, and between two checks for a cancel.
_START, _END, _POLL = 120.0, 5.0, 0.1
# The line with the address is not logged: whoever has the address can use the page.
_ADDRESS = "http://"


class BrowserPages:
    """Starts page servers, each a process that ends when its standard input, held open by this process, is closed."""

    def __init__(self) -> None:
        self._running: deque[subprocess.Popen[str]] = deque()
        atexit.register(self.close)

    def open(self, settings: Settings, watch: Watch, *, browser: bool) -> str:
        """Start a page on the target and driver of settings; return its address.

        Args:
            settings: the page begins with ``target`` and ``driver``; it may reach the folders of all files that the
                settings name.
            watch: may cancel the wait for the page from another thread.
            browser: whether to open the page in the browser.

        Raises:
            ReenactError: the page does not start; the message quotes the page's own.
            Cancelled: the watch cancelled the wait.
        """
        while len(self._running) >= _MOST:
            _end(self._running.popleft())
        process = subprocess.Popen(
            command("look", *_options(settings, browser=browser)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
            errors="replace", creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
        try:
            address = _wait(process, watch)
        except BaseException:
            _end(process)
            raise
        self._running.append(process)
        return address

    def close(self) -> None:
        """End all pages."""
        while self._running:
            _end(self._running.popleft())


def _options(settings: Settings, *, browser: bool) -> list[str]:
    named = [settings.target, settings.driver, settings.performance, settings.identity, settings.curves]
    folders = dict.fromkeys(str(Path(name).absolute().parent) for name in named if name)
    allowed = [f"--folder={folder}" for folder in folders if Path(folder).is_dir()]
    shown = [str(Path(name).absolute()) if name else "" for name in (settings.target, settings.driver)]
    return ["--until-input-ends", *([] if browser else ["--no-browser"]), *allowed, "--", *shown]


def _wait(process: subprocess.Popen[str], watch: Watch) -> str:
    """Return the address that a page's server prints once it is ready."""
    printed: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(process, printed), name="page", daemon=True).start()
    until, lines = time.monotonic() + _START, deque[str](maxlen=5)
    while time.monotonic() < until:
        watch.check()
        with contextlib.suppress(queue.Empty):
            line = printed.get(timeout=_POLL)
            if line.startswith(_ADDRESS):
                return line.strip()
            if not line:
                words = " ".join(lines).removeprefix("error: ") or f"it ended with code {process.wait()}"
                raise ReenactError(f"the page did not start: {words}")
            lines.append(line.strip())
    raise ReenactError(f"the page did not start in {_START:.0f} s; try again")


def _read_lines(process: subprocess.Popen[str], printed: queue.SimpleQueue[str]) -> None:
    """Put each line of a page's server into a queue, and an empty text when it ends; log all but the address."""
    assert process.stdout is not None
    for line in process.stdout:
        printed.put(line)
        if not line.startswith(_ADDRESS):
            print(line, end="", file=sys.stderr, flush=True)
    printed.put("")


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
