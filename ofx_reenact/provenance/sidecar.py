"""One sidecar a sequence: what it was made from, how, and how sure each frame is."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.errors import OutputError, ReenactError
from ofx_reenact.files import written_whole

SCHEMA = "ofx-reenact/sidecar/1"
_LOCK_SECONDS = 30.0


def sidecar_path(output: str) -> Path:
    """Return the sidecar's place: ``O.####.exr`` → ``O.reenact.json``."""
    return beside(output, ".reenact.json")


def beside(output: str, suffix: str) -> Path:
    """Return the place of one file for a whole sequence: ``O.####.exr`` → ``O`` and the suffix."""
    path = Path(output)
    stem = path.name.rpartition(".")[0]
    marks = [i for i in (stem.find(mark) for mark in "#@%") if i >= 0]
    return path.with_name(f"{stem[: min(marks)].rstrip('._-') if marks else stem}{suffix}")


def read_sidecar(path: Path) -> dict[str, Any]:
    """Read a sidecar.

    Raises:
        ReenactError: it is not there, or none of ours.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReenactError(f"{path}: the sidecar cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ReenactError(f"{path}: not JSON ({error})") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ReenactError(f'{path}: expected a sidecar with "schema": "{SCHEMA}"')
    if not all(isinstance(content.get(name), dict) for name in ("inputs", "frames")):
        raise ReenactError(f"{path}: the sidecar has no inputs or no frames; render with --existing overwrite")
    return content


def versions() -> dict[str, str]:
    """Versions of what the pixels depend on."""
    found = {"ofx-reenact": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in ("torch", "numpy", "scipy", "numba", "opencv-python", "OpenImageIO"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def write_sidecar(
    path: Path,
    about: Mapping[str, Any],
    frames: Mapping[int, Mapping[str, Any]],
    there: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Write the sidecar, merged with the frames of the one that is there.

    Several processes that render chunks of one sequence may do so at once: a lock file lets one at a time
    read, merge and replace.

    Args:
        path: of the sidecar.
        about: what holds for the whole sequence.
        frames: what holds for each frame written now.
        there: the same of frames that were there already; it counts where the sidecar does not know them. With these
            alone, what the sidecar says of the whole sequence stays.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with _locked(path), written_whole(path) as partial:
            before = _content_of(path)
            said = before.pop("frames", {})
            if before and not frames:
                about = before
            merged = {**_named(there or {}), **said, **_named(frames)}
            ordered = dict(sorted(merged.items(), key=lambda item: int(item[0])))
            content = {"schema": SCHEMA, **about, "frames": ordered}
            partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: the sidecar cannot be written ({error.strerror or error})") from error


def _content_of(path: Path) -> dict[str, Any]:
    """The sidecar that is there; empty if it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("frames"), dict) else {}


def _named(frames: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(frame): dict(values) for frame, values in frames.items()}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold ``PATH.lock``; one that a killed process left behind is taken over after a while."""
    lock = path.with_name(f"{path.name}.lock")
    patience = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            if time.monotonic() > patience:
                lock.unlink(missing_ok=True)
            time.sleep(0.02)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
