"""Files written whole or not at all, and their digests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ofx_reenact.errors import OutputError


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` to write to; it takes the place of ``path`` when all went well.

    Missing folders are made. Whatever goes wrong, interruption included, the temporary file is removed and
    what was at ``path`` stays. Several processes, on several machines even, may write the same path: each writes to a
    name of its own, and the last one whole stays.

    Raises:
        OutputError: the folder or the disk does not take it.
    """
    partial = path.with_name(f"{path.name}.tmp-{secrets.token_hex(6)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON for people to read, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with written_whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256_of(*paths: Path) -> str:
    """Return the hexadecimal SHA-256 over files in order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
