"""Curves that come with a request: kept in files, where a render looks for them, and known by what they say."""

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

# Files that are kept: of what was asked last.
_KEPT = 16


class RequestCurves:
    """Files of curves, one for each content, in a folder that is this user's alone; they go when the process ends.

    They bear the process's name, so that those of one that was killed are removed by the next.
    """

    def __init__(self) -> None:
        self._files: OrderedDict[str, Path] = OrderedDict()
        atexit.register(self.remove)

    def name(self, settings: Settings, said: Any) -> Settings:
        """Return settings with curves: those of a request take the place of those in the settings' own file.

        Args:
            settings: of a job.
            said: as a file's ``curves`` are.

        Raises:
            SettingsError: naming the option whose curve is none.
            OutputError: there is no place for the file.
        """
        asked = check_curves(said, "curves")
        curves = {**(read_curves(Path(settings.curves)) if settings.curves else {}), **asked}
        content = {"schema": SCHEMA, "curves": {name: curve.as_dict() for name, curve in sorted(curves.items())}}
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
            raise OutputError(f"curves: there is no place for temporary files ({error.strerror or error})") from error
        if not self._files:
            remove_leftovers(folder)
        path = temporary_beside(folder / "curves.json")
        write_json(path, content)
        return path
