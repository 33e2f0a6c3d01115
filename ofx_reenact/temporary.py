"""Temporary files, each beside the file that it becomes: its name says which process writes it. The user's own folders.

A process that is killed leaves its temporary file behind. Nobody but that process would go on with it, so another one
may remove it: at once where it sees that the process has ended, else when the file has not changed for a day.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import secrets
import stat
import tempfile
import time
from pathlib import Path

# Of NAME.tmp-PLACE-PROCESS-STARTED-CHANCE.SUFFIX; the suffix is the file's own, by which libraries choose a format.
_NAME = re.compile(r".*\.tmp-([0-9a-f]{8})-([0-9]+)-([0-9]+)-[0-9a-f]{8}(\.[^.]*)?", re.DOTALL)
# Bytes of a file's name that are kept: with what is added, a file system's 255 are not exceeded.
_KEPT = 160
# Seconds without a change after which a file of a process that cannot be seen from here counts as left behind.
_DAY = 24 * 60 * 60.0


def temporary_beside(path: Path) -> Path:
    """Return a path beside ``path`` that no other process or thread uses, for what will take its place."""
    name = os.fsencode(path.name)[:_KEPT].decode("utf-8", "ignore")
    process = os.getpid()
    owner = f"{_place()}-{process}-{started_at(process) or 0}"
    return path.with_name(f"{name}.tmp-{owner}-{secrets.token_hex(4)}{path.suffix}")


def started_at(process: int) -> str:
    """Return when a process was started, in the kernel's ticks; empty where /proc does not tell, or of a dead one."""
    try:
        about = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        # The name, in parentheses, may hold anything; the state is the first field after it.
        fields = about.rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def remove_leftovers(folder: Path) -> tuple[Path, ...]:
    """Remove the temporary files of a folder that nobody is writing any more; returns them.

    Those of a process on this machine are removed once it has ended, those of other machines and containers once they
    have not changed for a day. What cannot be looked at or removed stays.
    """
    removed = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found is None:
                continue
            with contextlib.suppress(OSError):
                if entry.is_file(follow_symlinks=False) and _is_left(entry.path, *found.groups()[:3]):
                    Path(entry.path).unlink()
                    removed.append(Path(entry.path))
    return tuple(removed)


@functools.lru_cache(maxsize=256)
def remove_leftovers_once(folder: Path) -> None:
    """Remove a folder's leftovers, unless this process has done so before."""
    remove_leftovers(folder)


def private_folder() -> Path:
    """Return a folder of this user's alone among the temporary files, made now if need be.

    What lies there is unpickled, so it must be nobody else's.

    Raises:
        OSError: there is no place for temporary files, or another user made that folder.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"ofx-reenact-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and (found.st_uid != user or found.st_mode & 0o077)):
        raise PermissionError(f"{folder}: not this user's own")
    return folder


def user_cache() -> Path:
    """Return the folder of what a user's programs can make again; without a home, one among the temporary files.

    Without any, it is a path where nothing is and nothing can be made.
    """
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named)
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        try:
            return private_folder()
        except OSError:
            return Path(os.devnull, "cache")


def _is_left(path: str, place: str, process: str, started: str) -> bool:
    """Tell whether the process that wrote a temporary file has ended."""
    if place == _place():
        return not _runs(int(process), int(started))
    return time.time() - Path(path).stat().st_mtime > _DAY


@functools.lru_cache(maxsize=1)
def _place() -> str:
    """Return a mark of what sees the same processes as this one: machine since its start, and container."""
    seen = [platform.node()]
    with contextlib.suppress(OSError):
        seen.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with contextlib.suppress(OSError):
        seen.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(seen).encode(errors="replace")).hexdigest()[:8]


def _runs(process: int, started: int) -> bool:
    """Tell whether a process of this machine runs; True where that cannot be found out."""
    if os.name != "posix":
        # There, os.kill ends a process whatever the signal.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    # A number is given to another process later.
    now = int(started_at(process) or 0)
    return not now or not started or now == started
