"""Settings on their way from a page to an engine: their paths checked, what is tracked and drawn kept in files."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ofx_reenact.engine.paths import check_paths
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.farm.plan import mark_of
from ofx_reenact.files import write_json, written_whole
from ofx_reenact.look.roots import Roots
from ofx_reenact.provenance.sidecar import beside
from ofx_reenact.settings import Settings, names_affecting, names_of_paths
from ofx_reenact.settings.option import is_path
from ofx_reenact.shot.curves import SCHEMA, read_curves

_KEPT = {"performance": ".npz", "target_performance": ".target.npz"}
CURVES = ".curves.json"


class PageSettings:
    """Files of a page's own folder that its engines share: performances, and curves as they are drawn."""

    def __init__(self, folder: Path, roots: Roots) -> None:
        self._folder, self._roots = folder, roots

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """Return settings of plain values, with absolute paths that the page may reach.

        Raises:
            SettingsError: a value is wrong, or a path lies outside the page's folders.
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
        """Return settings by which a frame is shown: nothing is written but what is tracked, into the page's folder."""
        settings = self.settings({name: value for name, value in values.items() if name not in _written()})
        named: dict[str, Any] = {name: self._kept(settings, name) for name in _KEPT if not getattr(settings, name)}
        if curves:
            named["curves"] = str(self._drawn(curves))
        return replace(settings, **named).as_dict()

    def to_render(self, values: Mapping[str, Any], curves: Mapping[str, Any]) -> Settings:
        """Return settings by which frames are rendered; what was tracked and drawn is put beside their output.

        Raises:
            SettingsError: no output is named, or it would replace an input.
            OutputError: it cannot be put there.
        """
        settings = self.settings(values)
        if not settings.output:
            raise SettingsError("--output is needed")
        drawn = curves_beside(settings.output)
        check_paths(settings, ("the curves,", drawn if curves else None))
        named: dict[str, Any] = {}
        for name, suffix in _KEPT.items():
            kept = Path(self._kept(settings, name))
            if not getattr(settings, name) and kept.exists():
                path = beside(settings.output, f".{mark_of(settings, 'track', 'person')}{suffix}")
                _put(kept, path)
                named[name] = str(path)
        if curves:
            write_curves(drawn, curves)
            named["curves"] = str(drawn)
        return replace(settings, **named)

    def _kept(self, settings: Settings, name: str) -> str:
        return str(self._folder / f"{mark_of(settings, 'track', 'person')}{_KEPT[name]}")

    def _drawn(self, curves: Mapping[str, Any]) -> Path:
        """Write curves under a name of their own, so that what is cache of others is not taken for them."""
        digest = hashlib.sha256(json.dumps(curves, sort_keys=True).encode()).hexdigest()[:16]
        path = self._folder / f"{digest}{CURVES}"
        if not path.exists():
            write_curves(path, curves)
        return path


def curves_beside(output: str) -> Path:
    """Return where the curves of a render are kept."""
    return beside(output, CURVES)


def read_drawn(path: Path) -> dict[str, Any]:
    """Return curves by option, as a page has them.

    Raises:
        SettingsError: the file is none of curves.
    """
    return {name: curve.as_dict() for name, curve in read_curves(path).items()}


def write_curves(path: Path, curves: Mapping[str, Any]) -> None:
    """Write curves of options, by name.

    Raises:
        OutputError: they cannot be written.
    """
    write_json(path, {"schema": SCHEMA, "curves": dict(curves)})


def _written() -> frozenset[str]:
    """Return the options that a shown frame does not have: where and how files are written."""
    return frozenset({*names_affecting("output"), *names_of_paths("written")})


def _put(source: Path, path: Path) -> None:
    if path.exists():
        return
    try:
        with written_whole(path) as partial:
            shutil.copyfile(source, partial)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
