"""Install the bundle in a folder that hosts search, and remove it: completely or not at all. Other files stay."""

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

# Beside the bundle: the copy that is being made, and the earlier bundle that it replaces. Hosts load names that contain
# .ofx.bundle and skip folders whose names start with @.
_COPY, _EARLIER = "@Reenact.copy", "@Reenact.earlier"
# Seconds that ``ofx-reenact --version`` may take: environments on network file systems are slow.
_TIMEOUT = 120.0


@dataclass(frozen=True)
class Installed:
    """What an installation did.

    Attributes:
        bundle: its path.
        python: the Python that it will start engines with.
        replaced: version of the bundle that it replaced; empty if there was none.
    """

    bundle: Path
    python: Path
    replaced: str


def default_folder(system: str = sys.platform) -> Path:
    """Return the folder that all hosts of an operating system search for plug-ins."""
    if system == "win32":
        return Path(os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files"), "OFX", "Plugins")
    return Path("/Library/OFX/Plugins" if system == "darwin" else "/usr/OFX/Plugins")


def find_python(named: Path | None) -> Path:
    """Return the absolute path of the Python that the plug-in will start engines with; None means this one.

    Symbolic links are not resolved: a virtual environment's Python is a link, and its target would start without the
    environment.

    Raises:
        SettingsError: ofx-reenact does not run with it, or has another version there.
    """
    path = Path(os.path.abspath(named or sys.executable))  # noqa: PTH100 - Path.resolve would follow links.
    check_text(str(path))
    if len(str(path).splitlines()) != 1:
        raise SettingsError(f"{str(path)!r}: a path with a line break cannot be stored; move that Python")
    if named is not None:
        advice = "name the Python that ofx-reenact is installed in, as /studio/reenact/bin/python"
        try:
            output = subprocess.run(
                [str(path), "-c", CODE, "--version"], capture_output=True, text=True, errors="replace",
                stdin=subprocess.DEVNULL, timeout=_TIMEOUT, check=True,
            ).stdout  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            output = ""
        if not output.startswith("ofx-reenact "):
            raise SettingsError(f"--python {named}: ofx-reenact cannot be run with it; {advice}")
        if output.split() != ["ofx-reenact", __version__]:
            raise SettingsError(
                f"--python {named}: it has {output.strip()}, this plug-in is {__version__}; install the "
                f"plug-in of that version: {path} -m ofx_reenact ofx install"
            )
    return path


def install(source: Path, folder: Path, python: Path) -> Installed:
    """Copy a bundle into a folder; an earlier version is replaced.

    It is copied under another name and then renamed, so that hosts find either the earlier bundle or the complete new
    one. Files that a killed installation left are removed.

    Args:
        source: the bundle.
        folder: where to put it; it is made if it does not exist.
        python: the engine's Python; its path is stored in the copy.

    Raises:
        OutputError: the folder is not writable, or something else has the bundle's name.
    """
    place, copy = folder / layout.NAME, folder / _COPY
    with _exclusive(folder):
        replaced = _installed_version(place)
        try:
            _copy(source, copy)
            _write(layout.python_file_of(copy), str(python).encode() + b"\n")
            _put_in_place(copy, place)
        finally:
            _clear(folder)
    return Installed(place, python, replaced)


def remove(folder: Path) -> str:
    """Remove the bundle from a folder, and files that a killed installation left; return its version, empty for none.

    Raises:
        OutputError: the folder is not writable, or something else has the bundle's name.
    """
    place = folder / layout.NAME
    if not any(os.path.lexists(folder / name) for name in (layout.NAME, _COPY, _EARLIER)):
        return ""
    with _exclusive(folder):
        version = _installed_version(place)
        if version:
            place.rename(folder / _EARLIER)
            shutil.rmtree(folder / _EARLIER)
    return version


def _installed_version(place: Path) -> str:
    """Return the version of the installed bundle; empty if there is none.

    Raises:
        OutputError: something else has its name.
    """
    if not os.path.lexists(place):
        return ""
    if not (version := layout.version_of(place)):
        raise OutputError(f"{place}: this is not a bundle of ofx-reenact, so it stays; move it away and try again")
    return version


def _put_in_place(copy: Path, place: Path) -> None:
    """Rename the copy to its place; if that fails, the earlier bundle is restored."""
    if place.exists():
        place.rename(place.with_name(_EARLIER))
    try:
        copy.rename(place)
    except BaseException:
        _restore_earlier(place)
        raise


def _restore_earlier(place: Path) -> None:
    """Rename the earlier bundle back if no bundle is installed."""
    earlier = place.with_name(_EARLIER)
    if earlier.exists() and not os.path.lexists(place):
        earlier.rename(place)


def _clear(folder: Path) -> None:
    """Remove the copy, and the earlier bundle if the new one is installed."""
    for name in (_COPY, _EARLIER) if (folder / layout.NAME).exists() else (_COPY,):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)


def _copy(source: Path, folder: Path) -> None:
    """Copy a bundle with modes that let everybody read it, whatever the source's modes and the umask are."""
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
def _exclusive(folder: Path) -> Iterator[None]:
    """Make a folder if it does not exist, lock it, and remove what killed installations left in it.

    Raises:
        OutputError: the folder is not writable (the message says what to do), or the operating system fails.
    """
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in made:
            path.chmod(0o755)
        with tempfile.TemporaryFile(dir=folder):
            pass
        with locked(folder / "Reenact"):
            _restore_earlier(folder / layout.NAME)
            _clear(folder)
            yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OutputError(f"{folder}: not writable{_IN_USE}; {_ADVICE}") from error
        reason = error.strerror or str(error)
        raise OutputError(f"{folder}: the plug-in cannot be installed or removed there ({reason})") from error


_IN_USE = ", or a host has the plug-in loaded" if os.name == "nt" else ""
_AS_ROOT = f"use 'sudo {sys.executable} -m ofx_reenact'"
_WITH_RIGHTS = "quit the hosts and run it as administrator" if os.name == "nt" else _AS_ROOT
_ADVICE = (
    f"{_WITH_RIGHTS}, or choose another folder with --to DIR; hosts search it if the variable OFX_PLUGIN_PATH names it"
)
