"""Convert a page's option values to an engine's settings: check paths, and name files for tracked data and curves."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ofx_reenact.engine.check_paths import check_paths
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.farm.job_plan import analysis_digits
from ofx_reenact.files import write_json, write_whole
from ofx_reenact.look.allowed_folders import AllowedFolders
from ofx_reenact.provenance.sidecar import beside
from ofx_reenact.settings import Settings, names_affecting, names_of_paths
from ofx_reenact.settings.option import is_path
from ofx_reenact.shot.curves import SCHEMA, read_curves

# Analysis files that pages make, and how their names end.
_SUFFIXES = {"performance": ".npz", "target_performance": ".target.npz"}
CURVES = ".curves.json"


class PageSettings:
    """Makes settings for the page's engines, which share performances and curves files in the page's own folder."""

    def __init__(self, folder: Path, roots: AllowedFolders) -> None:
        self._folder, self._roots = folder, roots

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """Return settings from plain values, with absolute paths inside the folders that the page may reach.

        Raises:
            SettingsError: a value is wrong, or a path is outside of these folders.
        """
        settings = Settings.from_dict(values)
        paths: dict[str, Any] = {}
        for field in fields(settings):
            value = getattr(settings, field.name)
            if isinstance(value, tuple) and field.metadata["path"]:
                paths[field.name] = tuple(map(self._roots.check, value))
            elif isinstance(value, str) and is_path(field, value):
                paths[field.name] = self._roots.check(value)
        return replace(settings, **paths)

    def to_show(self, values: Mapping[str, Any], curves: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings, as values, for showing frames: only performances are written, into the page's own folder."""
        settings = self.settings({name: value for name, value in values.items() if name not in _output_options()})
        unnamed = [name for name in _SUFFIXES if not getattr(settings, name)]
        named: dict[str, Any] = {name: self._analysis_file(settings, name) for name in unnamed}
        if curves:
            named["curves"] = str(self._write_curves(curves))
        return replace(settings, **named).as_dict()

    def to_render(self, values: Mapping[str, Any], curves: Mapping[str, Any]) -> Settings:
        """Return settings for a render; performances and curves are copied beside its output.

        Raises:
            SettingsError: no output is named, or it would replace an input.
            OutputError: a file cannot be written there.
        """
        settings = self.settings(values)
        if not settings.output:
            raise SettingsError("--output is needed")
        curves_file = curves_beside(settings.output)
        check_paths(settings, ("the curves,", curves_file if curves else None))
        named: dict[str, Any] = {}
        for name, suffix in _SUFFIXES.items():
            file = Path(self._analysis_file(settings, name))
            if not getattr(settings, name) and file.exists():
                path = beside(settings.output, f".{analysis_digits(settings, 'track', 'person')}{suffix}")
                _copy_missing(file, path)
                named[name] = str(path)
        if curves:
            write_curves(curves_file, curves)
            named["curves"] = str(curves_file)
        return replace(settings, **named)

    def _analysis_file(self, settings: Settings, name: str) -> str:
        return str(self._folder / f"{analysis_digits(settings, 'track', 'person')}{_SUFFIXES[name]}")

    def _write_curves(self, curves: Mapping[str, Any]) -> Path:
        """Write curves into a file named by their content: engines cache by path, so other curves need another path."""
        digest = hashlib.sha256(json.dumps(curves, sort_keys=True).encode()).hexdigest()[:16]
        path = self._folder / f"{digest}{CURVES}"
        if not path.exists():
            write_curves(path, curves)
        return path


def curves_beside(output: str) -> Path:
    """Return the path of a render's curves file, beside its output."""
    return beside(output, CURVES)


def read_curve_values(path: Path) -> dict[str, Any]:
    """Read a curves file: curves by option, as JSON values.

    Raises:
        SettingsError: the file is no curves file.
    """
    return {name: curve.as_dict() for name, curve in read_curves(path).items()}


def write_curves(path: Path, curves: Mapping[str, Any]) -> None:
    """Write a curves file.

    Raises:
        OutputError: it cannot be written.
    """
    write_json(path, {"schema": SCHEMA, "curves": dict(curves)})


def _output_options() -> frozenset[str]:
    """Return the options that do not apply to a shown frame: where and how files are written."""
    return frozenset({*names_affecting("output"), *names_of_paths("written")})


def _copy_missing(source: Path, path: Path) -> None:
    """Copy a file, unless the copy exists."""
    if path.exists():
        return
    try:
        with write_whole(path) as partial:
            shutil.copyfile(source, partial)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
