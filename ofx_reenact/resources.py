"""Where the files that travel with the package lie: models, weights, the demo."""

from __future__ import annotations

from pathlib import Path

from ofx_reenact.errors import ReenactError

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Return the path of a shipped file, e.g. ``resource("models", "face_landmarker.task")``.

    Inside a wheel the folder is ``ofx_reenact/resources``; in a checkout (and so in an editable install) it is
    ``resources`` beside the package.

    Raises:
        ReenactError: the file is not there, so the installation is incomplete.
    """
    for root in (_PACKAGE / "resources", _PACKAGE.parent / "resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ReenactError(f"{'/'.join(parts)} is missing from the installation; install ofx-reenact again")
