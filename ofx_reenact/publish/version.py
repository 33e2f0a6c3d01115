"""Versions on disk: ``FOLDER/NAME/v003/``, each written whole or not at all, and never twice."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ofx_reenact.errors import OutputError
from ofx_reenact.files import sha256_of, write_json
from ofx_reenact.provenance import beside

SCHEMA = "ofx-reenact/publish/1"
MANIFEST = "publish.json"
_VERSION = re.compile(r"[._-]?v(\d+)$", re.IGNORECASE)
_FOLDER = re.compile(r"v(\d+)")


@dataclass(frozen=True)
class Place:
    """Where a version is published."""

    root: Path
    name: str
    version: int

    @property
    def folder(self) -> Path:
        """The version's folder."""
        return self.root / self.name / f"v{self.version:03d}"


def name_of(output: str) -> tuple[str, int | None]:
    """Return a sequence's name and the version in it: ``shot_v003.####.exr`` → ``shot``, 3."""
    stem = beside(output, "").name
    found = _VERSION.search(stem)
    if found is None or not stem[: found.start()]:
        return stem or "reenact", None
    return stem[: found.start()], int(found.group(1))


def place_of(output: str, target_dir: str) -> Place:
    """Return where a sequence belongs: the version that its name bears, else the next after all that are there."""
    name, version = name_of(output)
    root = Path(target_dir)
    return Place(root, name, version if version is not None else _next(root / name))


def integrate(place: Place, representations: Sequence[dict[str, Any]], about: dict[str, Any]) -> list[str]:
    """Copy the files of representations into a version's folder, with a ``publish.json`` that names them all.

    They are copied into a folder beside it, compared with what they were copied from, and take their place at once.
    Each has ``name``, ``files`` (names) and ``stagingDir``; ``about`` is what ``publish.json`` says besides.

    Returns:
        The paths that are there now.

    Raises:
        OutputError: the version is there already, two files have one name, or the disk does not take them; nothing
            is left behind.
    """
    if place.folder.exists():
        raise OutputError(f"{place.folder}: is there already; a published version is not overwritten")
    partial = place.folder.with_name(f".{place.folder.name}.tmp-{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        digests = _copy(partial, representations)
        named = [{key: value for key, value in one.items() if key != "stagingDir"} for one in representations]
        content = {"schema": SCHEMA, **about, "name": place.name, "version": place.version}
        write_json(partial / MANIFEST, {**content, "representations": named, "sha256": digests})
        # On this a second publisher of the same version fails: the folder that is there is not empty.
        partial.rename(place.folder)
    except OSError as error:
        raise OutputError(f"{place.folder}: cannot be published ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return [str(place.folder / name) for name in (*digests, MANIFEST)]


def _copy(folder: Path, representations: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Copy files; returns their SHA-256 by name."""
    digests: dict[str, str] = {}
    for one in representations:
        for name in one["files"]:
            source, copy = Path(one["stagingDir"]) / name, folder / name
            if copy.exists():
                raise OutputError(f"{source}: another file of this publish has the same name")
            shutil.copyfile(source, copy)
            digests[name] = sha256_of(copy)
            if sha256_of(source) != digests[name]:
                raise OutputError(f"{source}: the copy differs from it; is something still writing it?")
    return digests


def _next(folder: Path) -> int:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        names = []
    return max((int(m.group(1)) for name in names if (m := _FOLDER.fullmatch(name))), default=0) + 1
