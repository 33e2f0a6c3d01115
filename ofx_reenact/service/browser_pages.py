"""BrowserPages in the browser that an engine has opened for its client; they end with the engine, however that ends."""

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

# BrowserPages at once; another one takes the place of the first.
_MOST = 4
# Seconds that a page's server may take to start, and to end; from look to look.
_START, _END, _LOOK = 120.0, 5.0, 0.1
# It holds a word that lets whoever knows it in.
_ADDRESS = "http://"


class BrowserPages:
    """The servers of pages, each a process whose standard input this one holds open: it ends when that does."""

    def __init__(self) -> None:
        self._running: deque[subprocess.Popen[str]] = deque()
        atexit.register(self.close)

    def open(self, settings: Settings, watch: Watch, *, browser: bool) -> str:
        """Start a page on the target and driver of settings; returns its address.

        Args:
            settings: whose ``target`` and ``driver`` it begins with; it may reach the folders of all files named.
            watch: may end the wait for it.
            browser: whether to open it there.

        Raises:
            ReenactError: it does not start; in its own words.
            Cancelled: the watch ended the wait.
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
        """End them all."""
        while self._running:
            _end(self._running.popleft())


def _options(settings: Settings, *, browser: bool) -> list[str]:
    named = [settings.target, settings.driver, settings.performance, settings.identity, settings.curves]
    folders = dict.fromkeys(str(Path(name).absolute().parent) for name in named if name)
    there = [f"--folder={folder}" for folder in folders if Path(folder).is_dir()]
    shown = [str(Path(name).absolute()) if name else "" for name in (settings.target, settings.driver)]
    return ["--until-input-ends", *([] if browser else ["--no-browser"]), *there, "--", *shown]


def _wait(process: subprocess.Popen[str], watch: Watch) -> str:
    """Return the address that a page's server says first."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(process, said), name="page", daemon=True).start()
    until, lines = time.monotonic() + _START, deque[str](maxlen=5)
    while time.monotonic() < until:
        watch.check()
        with contextlib.suppress(queue.Empty):
            line = said.get(timeout=_LOOK)
            if line.startswith(_ADDRESS):
                return line.strip()
            if not line:
                words = " ".join(lines).removeprefix("error: ") or f"it ended with code {process.wait()}"
                raise ReenactError(f"the page did not start: {words}")
            lines.append(line.strip())
    raise ReenactError(f"the page did not start in {_START:.0f} s")


def _listen(process: subprocess.Popen[str], said: queue.SimpleQueue[str]) -> None:
    """Hand on what a page's server says, and an empty text when it ends; all but the address is logged as well."""
    assert process.stdout is not None
    for line in process.stdout:
        said.put(line)
        if not line.startswith(_ADDRESS):
            print(line, end="", file=sys.stderr, flush=True)
    said.put("")


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
