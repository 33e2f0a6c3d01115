"""``Reenact.ofx.bundle``, the folder that a host loads the plug-in from.

::

    Reenact.ofx.bundle/Contents/Info.plist
                                Linux-x86-64/Reenact.ofx, and so on for every platform
                                Resources/org.ofx-reenact.Reenact.png    icon, 64 x 64
                                Resources/build.json                     what each binary was built from
                                Resources/python                         path of the engine's Python, if installed
"""

from __future__ import annotations

import plistlib
import shutil
import xml.parsers.expat
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError
from ofx_reenact.files import read_json, write_json, write_whole

NAME = "Reenact.ofx.bundle"
BINARY = "Reenact.ofx"
IDENTIFIER = "org.ofx-reenact.Reenact"
RECORD_SCHEMA = "ofx-reenact/openfx-build/1"
# The oldest macOS that the plug-in is built for: the first that runs on arm64.
OLDEST_MACOS = "11.0"
_RECORD, _INFO = Path("Contents", "Resources", "build.json"), Path("Contents", "Info.plist")


def binary_of(bundle: Path, folder: str) -> Path:
    """Return the path of a platform's binary; ``folder`` is OpenFX' name for the platform, such as ``Win64``."""
    return bundle / "Contents" / folder / BINARY


def python_file_of(bundle: Path) -> Path:
    """Return the path of the file that holds the path of the engine's Python, one line."""
    return bundle / "Contents" / "Resources" / "python"


def write_info_and_icon(bundle: Path, icon: Path) -> None:
    """Write the bundle's Info.plist and icon.

    Raises:
        OutputError: the bundle cannot be written.
    """
    with write_whole(bundle / _INFO) as partial:
        partial.write_bytes(info())
    with write_whole(bundle / "Contents" / "Resources" / f"{IDENTIFIER}.png") as partial:
        shutil.copyfile(icon, partial)


def info() -> bytes:
    """Return the content of ``Info.plist``."""
    return plistlib.dumps({
        "CFBundleDevelopmentRegion": "en",
        "CFBundleExecutable": BINARY,
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": "Reenact",
        "CFBundlePackageType": "BNDL",
        "CFBundleShortVersionString": __version__,
        "CFBundleVersion": __version__,
        "LSMinimumSystemVersion": OLDEST_MACOS,
    })  # fmt: skip


def read_record(bundle: Path) -> dict[str, Any]:
    """Return folder of a binary → what it was built from; empty if there is no record.

    Raises:
        ReenactError: the record cannot be read.
    """
    if not (bundle / _RECORD).exists():
        return {}
    binaries = read_json(bundle / _RECORD, RECORD_SCHEMA, what="record of a build").get("binaries")
    if not isinstance(binaries, dict):
        raise ReenactError(f'{bundle / _RECORD}: expected "binaries", an object')
    return binaries


def write_record(bundle: Path, binaries: dict[str, Any]) -> None:
    """Write what each binary was built from.

    Raises:
        OutputError: it cannot be written.
    """
    write_json(bundle / _RECORD, {"schema": RECORD_SCHEMA, "binaries": dict(sorted(binaries.items()))})


def version_of(bundle: Path) -> str:
    """Return the version of a bundle of this plug-in; empty for anything else, also for a link to a bundle."""
    if bundle.is_symlink():
        return ""
    try:
        found = plistlib.loads((bundle / _INFO).read_bytes())
    except (OSError, ValueError, xml.parsers.expat.ExpatError):
        return ""
    if not isinstance(found, dict) or found.get("CFBundleIdentifier") != IDENTIFIER:
        return ""
    return str(found.get("CFBundleVersion") or "of unknown version")
