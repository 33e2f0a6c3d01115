"""The session file: where an engine listens, and the secrets by which engine and client recognise each other.

Only a file of this user's own is trusted, because whoever writes it decides which program gets a client's jobs.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.errors import OutputError, ReenactError
from ofx_reenact.files import parse_json

SCHEMA = "ofx-reenact/session/1"
# Version of the protocol between engine and clients (docs/engine.md).
PROTOCOL = 1
# In bytes; a session file has a few hundred.
_LONGEST = 1 << 16
_HINT = "name the one that 'engine start' wrote"
# Do not follow a symbolic link, and do not wait for a pipe; Windows has neither flag, but one against
# the conversion of line ends.
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _secret() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Session:
    """Where an engine listens: a socket's path, or ``127.0.0.1:PORT`` where there are no such sockets.

    A client sends ``token`` first and the engine replies with ``answer``, so that each knows that it talks to the right
    program. ``keeper`` is the process that the engine must not outlive, named by
    :func:`~ofx_reenact.service.keeper_process.name_process`.
    """

    address: str
    pid: int
    keeper: str = ""
    token: str = field(default_factory=_secret)
    answer: str = field(default_factory=_secret)
    version: str = __version__
    schema: str = SCHEMA

    def save(self, path: Path) -> None:
        """Write the session file, readable by its owner alone, whole or not at all.

        Raises:
            OutputError: it cannot be written.
            ReenactError: other users could replace the file.
        """
        check_folder(path)
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                json.dump(asdict(self), file)
            partial.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: the session file cannot be written ({error.strerror or error})") from error

    @classmethod
    def load(cls, path: Path) -> Session | None:
        """Read a session file; return None if it does not exist.

        Raises:
            ReenactError: it is no session file of this version, or another user could have written it.
        """
        check_folder(path)
        try:
            content = _read(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            reason = (error.strerror or error) if isinstance(error, OSError) else f"not JSON: {error}"
            raise ReenactError(f"{path}: the session file cannot be read ({reason}); {_HINT}") from error
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise ReenactError(f'{path}: expected a session file with "schema": "{SCHEMA}"; {_HINT}')
        if content.get("version") != __version__:
            raise ReenactError(
                f"{path}: the engine has version {content.get('version')}, this is {__version__}; stop that engine, or "
                "name another session file"
            )
        texts = [content.get(name) for name in ("address", "keeper", "token", "answer")]
        if not all(isinstance(text, str) for text in texts) or not isinstance(content.get("pid"), int):
            raise ReenactError(f"{path}: the session file is damaged; stop the engine and start another")
        address, keeper, token, answer = (str(text) for text in texts)
        return cls(address, content["pid"], keeper, token, answer)


def check_folder(path: Path) -> None:
    """Raise if every user can rename files in the folder of ``path``; a folder that does not exist yet passes.

    A folder of another user or group passes too: a file that they put there is refused because of its owner.

    Raises:
        ReenactError: every user can rename files there.
    """
    try:
        mode = path.parent.stat().st_mode
    except OSError:
        return
    if os.name == "posix" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ReenactError(
            f"{path}: anybody may change the folder {path.parent}; put the session file into a folder of your own"
        )


def open_own(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a file that only this user can write; return its file descriptor. Links are not followed.

    Raises:
        ReenactError: it is a link, no regular file, another user's, or others may write it.
        OSError: it cannot be opened.
    """
    try:
        number = os.open(path, flags | _CAREFUL, mode)
    except OSError as error:
        # ENXIO means a pipe without a reader.
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise ReenactError(f"{path}: a link or a pipe, no file of your own; remove it or name another") from error
        raise
    found = os.fstat(number)
    reason = ""
    if not stat.S_ISREG(found.st_mode):
        reason = "not a plain file"
    elif os.name == "posix" and found.st_uid != os.geteuid():
        reason = "the file of another user"
    elif os.name == "posix" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        reason = "a file that others may write"
    if reason:
        os.close(number)
        raise ReenactError(f"{path}: {reason}, which is not trusted; remove it or name another")
    return number


def _read(path: Path) -> Any:
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise ValueError("too long")
    return parse_json(content.decode("utf-8"))
