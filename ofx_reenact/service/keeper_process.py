"""The keeper of an engine: the process that it must not outlive, named by process ID and start time.

The ID alone is not enough, because the system gives IDs of ended processes to new ones.
"""

from __future__ import annotations

import os

from ofx_reenact.temporary import started_at


def name_process(pid: int) -> str:
    """Return ``PID:START``, or ``PID`` if the start is unknown; empty on Windows, where processes are not watched."""
    if os.name != "posix" or pid <= 1:
        return ""
    return f"{pid}:{started_at(pid)}".rstrip(":")


def is_alive(keeper: str) -> bool:
    """Return whether the process of a name by :func:`name_process` still runs; False for any other text."""
    pid, _, started = keeper.partition(":")
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        # It runs as another user: a farm's worker, for example, may start its tasks as another user than its own.
        pass
    except (OSError, ValueError):
        return False
    return started_at(int(pid)) == started
