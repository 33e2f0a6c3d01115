"""Scripts that a plug-in starts in place of an engine's Python, and what came of them."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from ofx_reenact import __version__

_SCRIPT = Path(__file__).with_name("bad_engine.py")


class BadEngine:
    """An engine of one behaviour (``bad_engine.py``).

    Attributes:
        python: what the parameter of that name has to be for it.
    """

    def __init__(self, folder: Path, mode: str) -> None:
        folder.mkdir(parents=True)
        self.folder, path = folder, folder / "python"
        command = shlex.join([sys.executable, str(_SCRIPT), mode, str(folder), __version__])
        # What a sanitizer needs of the host is none of the engine's.
        path.write_text(f'#!/bin/sh\nunset LD_PRELOAD ASAN_OPTIONS\nexec {command} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        self.python = str(path)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What it was asked."""
        return self._lines("requests")

    @property
    def starts(self) -> list[dict[str, Any]]:
        """Number, arguments and environment of each process of it."""
        return self._lines("starts")

    def is_alive(self) -> list[bool]:
        """Tell of each process whether it still runs."""
        return [_runs(start["pid"]) for start in self.starts]

    @property
    def running(self) -> list[int]:
        """The processes of it that still run."""
        return [start["pid"] for start in self.starts if _runs(start["pid"])]

    def _lines(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        # The last may be on its way.
        lines = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
