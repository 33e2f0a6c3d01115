"""Published versions on disk: ``FOLDER/NAME/v003/``. A version is written whole or not at all, and never replaced."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.files import lock_of, locked, sha256_of, write_json
from ofx_reenact.provenance.sidecar import stem_of

SCHEMA = "ofx-reenact/publish/1"
MANIFEST = "publish.json"
# Suffix of a version's folder while it is being filled.
_PARTIAL = ".tmp-"
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
    """Return a sequence's name and the version in it: ``shot_v003.####.exr`` → ``shot``, 3.

    Raises:
        SettingsError: the name cannot be used for a folder, as ``..``, the name of ``.._v003.####.exr``.
    """
    stem = stem_of(output)
    found = _VERSION.search(stem)
    name, number = (stem, None) if found is None else (stem[: found.start()], int(found.group(1)))
    if not name:
        name, number = stem or "reenact", None
    if not re.search(r"\w", name) or set(name) & set("/\\"):
        raise SettingsError(f"{output}: '{name}' cannot be a version's name; use a letter or a digit")
    return name, number


def place_of(output: str, target_dir: str) -> Place:
    """Return where a sequence is published: the version in its name, else the next one after those on disk.

    Raises:
        SettingsError: its name cannot be used for a folder.
    """
    name, version = name_of(output)
    root = Path(target_dir)
    return Place(root, name, version if version is not None else _next(root / name))


def integrate(place: Place, representations: Sequence[dict[str, Any]], about: dict[str, Any]) -> list[str]:
    """Copy the files of representations into a version's folder, with a ``publish.json`` that lists them.

    The files are copied into a temporary folder and compared with their sources; then the folder is renamed. Only one
    process at a time publishes a version. It removes temporary folders that killed processes left.

    Args:
        place: the version.
        representations: each with ``name``, ``files`` (names) and ``stagingDir``.
        about: further fields of ``publish.json``.

    Returns:
        The paths of the published files.

    Raises:
        OutputError: the version exists already, or another process is publishing it; two files have the same name; or a
            file cannot be written. The temporary folder is removed then.
    """
    try:
        with locked(place.folder):
            if place.folder.exists():
                raise OutputError(f"{place.folder}: exists already and is not overwritten; publish another version")
            prefix = f".{place.folder.name}{_PARTIAL}"
            # This process holds the lock, so no other process uses these.
            for left in place.folder.parent.glob(f"{prefix}*"):
                shutil.rmtree(left, ignore_errors=True)
            return _fill(place, place.folder.with_name(f"{prefix}{secrets.token_hex(6)}"), representations, about)
    finally:
        # A published version needs no lock: whoever waits for it finds that the version exists.
        if place.folder.exists():
            with contextlib.suppress(OSError):
                lock_of(place.folder).unlink()


def _fill(place: Place, partial: Path, representations: Sequence[dict[str, Any]], about: dict[str, Any]) -> list[str]:
    """Fill a temporary folder and move it into the version's place; return the files."""
    try:
        partial.mkdir(parents=True)
        digests = _copy(partial, representations)
        named = [{key: value for key, value in one.items() if key != "stagingDir"} for one in representations]
        content = {"schema": SCHEMA, **about, "name": place.name, "version": place.version}
        write_json(partial / MANIFEST, {**content, "representations": named, "sha256": digests})
        partial.rename(place.folder)
    except OSError as error:
        raise OutputError(f"{place.folder}: cannot be published ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return [str(place.folder / name) for name in (*digests, MANIFEST)]


def _copy(folder: Path, representations: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Copy files; return name → SHA-256."""
    digests: dict[str, str] = {}
    for one in representations:
        for name in one["files"]:
            source, copy = Path(one["stagingDir"]) / name, folder / name
            if copy.exists():
                raise OutputError(f"{source}: another file of this publish has the same name")
            shutil.copyfile(source, copy)
            digests[name] = sha256_of(copy, whole=True)
            if sha256_of(source, whole=True) != digests[name]:
                raise OutputError(f"{source}: the copy differs from it; is something still writing it?")
    return digests


def _next(folder: Path) -> int:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        names = []
    return max((int(m.group(1)) for name in names if (m := _FOLDER.fullmatch(name))), default=0) + 1
