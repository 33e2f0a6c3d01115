"""The process that an engine must not outlive: named by its id and, where the system tells, by when it was started.

Ids are given to new processes again, so the id alone could be another's.
"""

from __future__ import annotations

import os
from pathlib import Path


def name_process(pid: int) -> str:
    """Name a process as ``PID`` or ``PID:START``; empty where processes cannot be watched (Windows)."""
    if os.name != "posix" or pid <= 1:
        return ""
    return f"{pid}:{_started(pid)}".rstrip(":")


def is_alive(keeper: str) -> bool:
    """Tell whether a process that :func:`name_process` named still runs; a name that is none has gone."""
    pid, _, started = keeper.partition(":")
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        # It is another user's, such as a farm's worker that runs its tasks as somebody else.
        pass
    except (OSError, ValueError):
        return False
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process was started, in the kernel's ticks; empty where /proc does not tell, or of one that is dead."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name, in parentheses, may hold anything; the state is the first field after it.
    fields = said.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
