"""Where the files that travel with the package lie: models, weights, the demo, Nuke's modules."""

from __future__ import annotations

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


def _shipped(folder: str, *parts: str) -> Path:
    """Find a file of a folder that a wheel carries inside the package; in a checkout (and so in an editable install)
    it lies beside the package.
    """
    for root in (_PACKAGE / folder, _PACKAGE.parent / folder):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ReenactError(f"{'/'.join(parts)} is missing from the installation; install ofx-reenact again")
