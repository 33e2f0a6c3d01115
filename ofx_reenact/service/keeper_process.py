"""The process that an engine must not outlive: named by its id and, where the system tells, by when it was started.

Ids are given to new processes again, so the id alone could be another's.
"""

from __future__ import annotations

import os

from ofx_reenact.temporary import started_at


def name_process(pid: int) -> str:
    """Name a process as ``PID`` or ``PID:START``; empty where processes cannot be watched (Windows)."""
    if os.name != "posix" or pid <= 1:
        return ""
    return f"{pid}:{started_at(pid)}".rstrip(":")


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
    return started_at(int(pid)) == started
