"""Write the curves of a request into a temporary curves file, because a render reads curves only from files."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

from ofx_reenact.errors import OutputError
from ofx_reenact.files import write_json
from ofx_reenact.settings import Settings
from ofx_reenact.shot.curves import SCHEMA, check_curves, read_curves
from ofx_reenact.temporary import private_folder, remove_leftovers, temporary_beside

# The most files that exist at a time; the least recently used one is removed.
_KEPT = 16


class RequestCurves:
    """Writes curves files, one for each different content, into this user's private temporary folder.

    They are removed when the process ends; those of a killed process, by the next one.
    """

    def __init__(self) -> None:
        self._files: OrderedDict[str, Path] = OrderedDict()
        atexit.register(self.remove)

    def apply(self, settings: Settings, curves: Any) -> Settings:
        """Return settings with a new curves file: the request's curves, and for other options the settings' own.

        Args:
            settings: the job's settings.
            curves: the request's curves, in the form of ``curves`` in a curves file.

        Raises:
            SettingsError: a curve is wrong; the option is named.
            OutputError: the file cannot be written.
        """
        requested = check_curves(curves, "curves")
        merged = {**(read_curves(Path(settings.curves)) if settings.curves else {}), **requested}
        content = {"schema": SCHEMA, "curves": {name: curve.as_dict() for name, curve in sorted(merged.items())}}
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        if (path := self._files.pop(digest, None)) is None or not path.exists():
            path = self._write(content)
        self._files[digest] = path
        while len(self._files) > _KEPT:
            self._files.popitem(last=False)[1].unlink(missing_ok=True)
        return replace(settings, curves=str(path))

    def remove(self) -> None:
        """Remove all files."""
        with contextlib.suppress(OSError):
            while self._files:
                self._files.popitem()[1].unlink(missing_ok=True)

    def _write(self, content: dict[str, Any]) -> Path:
        try:
            folder = private_folder()
        except OSError as error:
            raise OutputError(
                f"curves: there is no folder for temporary files ({error.strerror or error}); set TMPDIR to one"
            ) from error
        if not self._files:
            remove_leftovers(folder)
        path = temporary_beside(folder / "curves.json")
        write_json(path, content)
        return path
