"""Where the files that travel with the package, or with others that are installed, lie."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ofx_reenact.errors import ReenactError

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Return the path of a shipped file, e.g. ``resource("models", "face_landmarker.task")``.

    Raises:
        ReenactError: the file is not there, so the installation is incomplete.
    """
    return _shipped("resources", *parts)


def nuke_folder() -> Path:
    """Return the folder that belongs on ``NUKE_PATH``.

    Raises:
        ReenactError: it is not there, so the installation is incomplete.
    """
    return _shipped("nuke", "reenact_nuke").parent


def file_of_package(package: str, file: str) -> Path | None:
    """Return the path of a file that another package brings, without running its code; None if it is not there."""
    spec = find_spec(package)
    path = Path(spec.origin).parent / file if spec is not None and spec.origin else None
    return path if path is not None and path.is_file() else None


def _shipped(folder: str, *parts: str) -> Path:
    """Find a file of a folder that a wheel carries inside the package; in a checkout (and so in an editable install)
    it lies beside the package.
    """
    for root in (_PACKAGE / folder, _PACKAGE.parent / folder):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ReenactError(f"{'/'.join(parts)} is missing from the installation; install ofx-reenact again")
