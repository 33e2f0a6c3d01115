"""Temporary files, named after the process that writes them, and folders of the user's own.

A temporary file lies beside the file whose place it takes when it is complete. A process that is killed leaves its
temporary file behind. Other processes remove it: at once if they can see that the process has ended, else once it has
not changed for a day.
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

# NAME.tmp-SYSTEM-PROCESS-STARTED-RANDOM.SUFFIX. The suffix is the final file's: libraries choose a format by it.
_NAME = re.compile(r".*\.tmp-([0-9a-f]{8})-([0-9]+)-([0-9]+)-[0-9a-f]{8}(\.[^.]*)?", re.DOTALL)
# Bytes of the final file's name that are used; together with the rest, names stay below a file system's 255 bytes.
_NAME_BYTES = 160
# Seconds without a change after which the file of a process on another system counts as left behind.
_DAY = 24 * 60 * 60.0


def temporary_beside(path: Path) -> Path:
    """Return a path that no other process or thread uses, for a file that will take the place of ``path``."""
    name = os.fsencode(path.name)[:_NAME_BYTES].decode("utf-8", "ignore")
    process = os.getpid()
    owner = f"{_system_id()}-{process}-{started_at(process) or 0}"
    return path.with_name(f"{name}.tmp-{owner}-{secrets.token_hex(4)}{path.suffix}")


def started_at(process: int) -> str:
    """Return when a process was started, in ticks since boot; empty if it has ended or there is no /proc."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        # The process's name, in parentheses, may contain anything; its state is the first field after it.
        fields = status.rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def remove_leftovers(folder: Path) -> tuple[Path, ...]:
    """Remove the temporary files in a folder whose processes have ended, and return their paths.

    Files of processes on this machine are removed once the process has ended, those of other machines and containers
    once they have not changed for a day. Files that cannot be examined or removed stay.
    """
    removed = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found is None:
                continue
            with contextlib.suppress(OSError):
                if entry.is_file(follow_symlinks=False) and _is_left_behind(entry.path, *found.groups()[:3]):
                    Path(entry.path).unlink()
                    removed.append(Path(entry.path))
    return tuple(removed)


@functools.lru_cache(maxsize=256)
def remove_leftovers_once(folder: Path) -> None:
    """Remove the leftovers in a folder the first time that this process writes into it."""
    remove_leftovers(folder)


def private_folder() -> Path:
    """Return a folder for temporary files that only this user can write to; it is created if need be.

    Files in it are unpickled, so nobody else may write them.

    Raises:
        OSError: there is no place for temporary files, or the folder belongs to another user or is open to others.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"ofx-reenact-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and (found.st_uid != user or found.st_mode & 0o077)):
        raise PermissionError(f"{folder}: belongs to another user or is open to others; remove it, or set TMPDIR")
    return folder


def user_cache() -> Path:
    """Return the user's cache folder; for a user without a home folder, the private folder for temporary files.

    If there is neither, the path that is returned does not exist and cannot be created.
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


def _is_left_behind(path: str, system: str, process: str, started: str) -> bool:
    """Tell whether the process that wrote a file has ended; on another system, whether the file is a day old."""
    if system == _system_id():
        return not _is_running(int(process), int(started))
    return time.time() - Path(path).stat().st_mtime > _DAY


@functools.lru_cache(maxsize=1)
def _system_id() -> str:
    """Return an identifier of this machine, its boot and its container: process numbers have a meaning within these."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:8]


def _is_running(process: int, started: int) -> bool:
    """Tell whether a process of this machine is running; True if that cannot be found out."""
    if os.name != "posix":
        # On Windows os.kill ends the process, whatever the signal.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    # The number may belong to another process by now.
    now = int(started_at(process) or 0)
    return not now or not started or now == started
