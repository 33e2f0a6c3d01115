"""Put the bundle where hosts look, and take it away again: whole or not at all, and nothing else is touched there."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ofx_reenact import __version__
from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.files import check_text, locked
from ofx_reenact.launch import CODE
from ofx_reenact.openfx import bundle as layout

# A bundle that is being copied, and one that was taken away, beside its place. Hosts look for names with .ofx.bundle in
# them, and not into folders whose names start with @.
_COPY, _EARLIER = "@Reenact.copy", "@Reenact.earlier"
# Seconds that a Python may take to say its version: an environment on a slow network file system takes many.
_PATIENCE = 120.0


@dataclass(frozen=True)
class Installed:
    """What an installation did.

    Attributes:
        bundle: where it is.
        python: the engine's Python that it starts.
        replaced: version of the bundle that was there before; empty if none was.
    """

    bundle: Path
    python: Path
    replaced: str


def default_folder(system: str = sys.platform) -> Path:
    """Return the folder in which all hosts of a system look for plug-ins."""
    if system == "win32":
        return Path(os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files"), "OFX", "Plugins")
    return Path("/Library/OFX/Plugins" if system == "darwin" else "/usr/OFX/Plugins")


def find_python(named: Path | None) -> Path:
    """Return the absolute path of the Python that a plug-in will start engines with: this one, or another.

    Links stay: that of a virtual environment is what makes it one.

    Raises:
        SettingsError: ofx-reenact cannot be run with the other one, or is of another version there.
    """
    path = Path(os.path.abspath(named or sys.executable))  # noqa: PTH100 - Path.resolve would follow links.
    check_text(str(path))
    if len(str(path).splitlines()) != 1:
        raise SettingsError(f"{str(path)!r}: a path with a line break cannot be kept; install Python somewhere else")
    if named is not None:
        advice = "name the Python that ofx-reenact is installed in, as /studio/reenact/bin/python"
        try:
            said = subprocess.run(
                [str(path), "-c", CODE, "--version"], capture_output=True, text=True, errors="replace",
                stdin=subprocess.DEVNULL, timeout=_PATIENCE, check=True,
            ).stdout  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            said = ""
        if not said.startswith("ofx-reenact "):
            raise SettingsError(f"--python {named}: ofx-reenact cannot be run with it; {advice}")
        if said.split() != ["ofx-reenact", __version__]:
            raise SettingsError(
                f"--python {named}: it has {said.strip()}, this plug-in is of {__version__}; install the one that "
                f"belongs to it: {path} -m ofx_reenact ofx install"
            )
    return path


def install(source: Path, folder: Path, python: Path) -> Installed:
    """Copy a bundle into a folder, in place of an earlier one of ours.

    It is copied beside its place and renamed then, so that hosts find the earlier one, or the new one whole. What a
    killed installation left there is removed.

    Args:
        source: the bundle.
        folder: where to put it; made if need be.
        python: the engine's Python, which is kept in the copy.

    Raises:
        OutputError: there is no right to write there, or something else is in the way.
    """
    place, copy = folder / layout.NAME, folder / _COPY
    with _alone(folder):
        replaced = _version_in_place(place)
        try:
            _copy(source, copy)
            _write(layout.python_file_of(copy), str(python).encode() + b"\n")
            _put_in_place(copy, place)
        finally:
            _clear(folder)
    return Installed(place, python, replaced)


def remove(folder: Path) -> str:
    """Take the bundle away from a folder, with what a killed installation left; returns its version, empty if none was.

    Raises:
        OutputError: there is no right to do so, or what bears its name is not ours.
    """
    place = folder / layout.NAME
    if not any(os.path.lexists(folder / name) for name in (layout.NAME, _COPY, _EARLIER)):
        return ""
    with _alone(folder):
        version = _version_in_place(place)
        if version:
            place.rename(folder / _EARLIER)
            shutil.rmtree(folder / _EARLIER)
    return version


def _version_in_place(place: Path) -> str:
    """Return the version of the bundle in its place; empty if nothing is there.

    Raises:
        OutputError: it is not ours.
    """
    if not os.path.lexists(place):
        return ""
    if not (version := layout.version_of(place)):
        raise OutputError(f"{place}: this is not a bundle of ofx-reenact, so it stays; move it away and try again")
    return version


def _put_in_place(copy: Path, place: Path) -> None:
    """Rename the copy; an earlier bundle comes back where that fails."""
    if place.exists():
        place.rename(place.with_name(_EARLIER))
    try:
        copy.rename(place)
    except BaseException:
        _bring_back(place)
        raise


def _bring_back(place: Path) -> None:
    """Put the earlier bundle in its place again if nothing is there."""
    earlier = place.with_name(_EARLIER)
    if earlier.exists() and not os.path.lexists(place):
        earlier.rename(place)


def _clear(folder: Path) -> None:
    """Remove what an installation has beside the bundle's place; an earlier bundle only if another has its place."""
    for name in (_COPY, _EARLIER) if (folder / layout.NAME).exists() else (_COPY,):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)


def _copy(source: Path, folder: Path) -> None:
    """Copy a bundle such that everybody can read it, whatever the modes of its source and the process's mask."""
    for path in (source, *sorted(source.rglob("*"))):
        to = folder / path.relative_to(source)
        if path.is_dir():
            to.mkdir()
            to.chmod(0o755)
        else:
            _write(to, path.read_bytes(), 0o755 if path.name == layout.BINARY else 0o644)


def _write(file: Path, content: bytes, mode: int = 0o644) -> None:
    file.write_bytes(content)
    file.chmod(mode)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Work in a folder, made if need be, while no other process does; what killed ones left there is put right before.

    Raises:
        OutputError: there is no right to write there, it says what to do then; or the operating system refuses
            something else.
    """
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in made:
            path.chmod(0o755)
        with tempfile.TemporaryFile(dir=folder):
            pass
        with locked(folder / "Reenact"):
            _bring_back(folder / layout.NAME)
            _clear(folder)
            yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OutputError(f"{folder}: no right to write there{_IN_USE}; {_ADVICE}") from error
        reason = error.strerror or str(error)
        raise OutputError(f"{folder}: the plug-in cannot be put there or taken away ({reason})") from error


_IN_USE = ", or a host has the plug-in loaded" if os.name == "nt" else ""
_AS = "end the hosts and do it as administrator" if os.name == "nt" else f"use 'sudo {sys.executable} -m ofx_reenact'"
_ADVICE = f"{_AS}, or choose another folder, --to DIR, where hosts look if the variable OFX_PLUGIN_PATH names it"
