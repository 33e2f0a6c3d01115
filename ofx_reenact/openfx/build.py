"""Build the plug-in: for all platforms with zig (the package ``ziglang``), or for this machine with its C compiler.

The same sources, flags and compiler give the same bytes in any folder.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform as machine
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.files import sha256_of, write_whole
from ofx_reenact.openfx import bundle as layout
from ofx_reenact.openfx.macho import join

Compiler = Literal["cc", "zig"]
# The same as in openfx/Makefile.
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-fPIC", "-shared", "-s")


@dataclass(frozen=True)
class Platform:
    """One platform that the plug-in is built for.

    Attributes:
        name: the value of ``--platform``.
        folder: OpenFX' name for it; the folder in the bundle has this name.
        targets: zig's names of target platforms; if there are several, their binaries are joined into one.
        flags: compiler flags, placed after the sources on the command line.
    """

    name: str
    folder: str
    targets: tuple[str, ...]
    flags: tuple[str, ...]


_LINUX = ("-lm", "-ldl")
PLATFORMS = (
    Platform("linux-x86-64", "Linux-x86-64", ("x86_64-linux-gnu.2.17",), _LINUX),
    Platform("linux-aarch64", "Linux-aarch64", ("aarch64-linux-gnu.2.17",), _LINUX),
    Platform("windows-x86-64", "Win64", ("x86_64-windows-gnu",), ()),
    Platform(
        "macos", "MacOS", tuple(f"{cpu}-macos.{layout.OLDEST_MACOS}" for cpu in ("x86_64", "aarch64")),
        # Without it the name of the output file would be written into the binary.
        (f"-Wl,-install_name,{layout.BINARY}",),
    ),
)  # fmt: skip


def find_platforms(option: str) -> tuple[Platform, ...]:
    """Return the platforms for a value of ``--platform``: ``all``, ``this``, or names separated by commas.

    Raises:
        SettingsError: there is no such platform.
        ReenactError: ``this`` is a platform that the plug-in is not built for.
    """
    if option == "all":
        return PLATFORMS
    if option == "this":
        return (this_platform(),)
    known = {one.name: one for one in PLATFORMS}
    names = [name.strip() for name in option.split(",")]
    if wrong := [name for name in names if name not in known]:
        choices = f"choose all, this, or some of {', '.join(known)}, separated by commas"
        raise SettingsError(f"--platform {wrong[0]}: {choices}")
    return tuple(known[name] for name in names)


def this_platform() -> Platform:
    """Return the platform of this machine.

    Raises:
        ReenactError: the plug-in is not built for this machine.
    """
    system, processor = machine.system(), machine.machine().lower()
    cpu = {"amd64": "x86-64", "x86_64": "x86-64", "arm64": "aarch64"}.get(processor, processor)
    wanted = "macos" if system == "Darwin" else f"{system.lower()}-{cpu}"
    for one in PLATFORMS:
        if one.name == wanted:
            return one
    raise ReenactError(f"the plug-in is not built for {system} on {processor}")


def build(sources: Path, output: Path, platforms: Sequence[Platform], compiler: Compiler = "zig") -> tuple[Path, ...]:
    """Build the plug-in for some platforms into a bundle; binaries of other platforms in it stay unchanged.

    Args:
        sources: folder of the C sources.
        output: folder that has the bundle; both are made if they do not exist.
        platforms: at least one; with ``cc``, only this machine's.
        compiler: ``zig``; or ``cc``, which runs the command in the environment variable ``CC``, else ``cc``.

    Returns:
        The binaries.

    Raises:
        SettingsError: ``cc`` with another platform.
        ReenactError: the compiler is not installed, or fails; the message has its output.
        OutputError: the bundle cannot be written.
    """
    if compiler == "cc" and tuple(platforms) != (this_platform(),):
        raise SettingsError("--compiler cc builds for this machine only: add --platform this, or use --compiler zig")
    bundle, version, built = output / layout.NAME, _version_of(compiler), []
    record = layout.read_record(bundle)
    for one in platforms:
        path = layout.binary_of(bundle, one.folder)
        with write_whole(path) as partial:
            partial.write_bytes(compile_for(sources, one, compiler))
            partial.chmod(0o755)
        record[one.folder] = _record_of(sources, one, version, path)
        built.append(path)
    layout.write_info_and_icon(bundle, sources / "icon.png")
    layout.write_record(bundle, record)
    return tuple(built)


def compile_for(sources: Path, platform: Platform, compiler: Compiler) -> bytes:
    """Compile the plug-in for a platform; return the binary's bytes.

    Raises:
        ReenactError: the compiler fails; the message has its output.
    """
    targets = platform.targets if compiler == "zig" else ("",)
    parts = [_compile(sources, platform, compiler, target) for target in targets]
    return parts[0] if len(parts) == 1 else join(parts)


def sources_digest(sources: Path, platform: Platform) -> str:
    """Return the SHA-256 of a platform's sources and flags: with the compiler, all that its binary depends on."""
    digest = hashlib.sha256(json.dumps([FLAGS, platform.targets, platform.flags]).encode())
    for path in sorted((*sources.glob("*.c"), *sources.glob("*.h"))):
        # git may have checked the sources out with other line ends.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"\0{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _record_of(sources: Path, platform: Platform, compiler: str, binary: Path) -> dict[str, Any]:
    """Return the record of a binary: what it was built from."""
    return {
        "compiler": compiler,
        "version": __version__,
        "sources": sources_digest(sources, platform),
        "sha256": sha256_of(binary, whole=True),
    }


def _compile(sources: Path, platform: Platform, compiler: Compiler, target: str) -> bytes:
    # Names without folders, sorted: paths and order would change the binary.
    names = sorted(path.name for path in sources.glob("*.c"))
    if not names:
        raise ReenactError(f"{sources}: no C sources")
    with tempfile.TemporaryDirectory(prefix="ofx-reenact-") as folder:
        # In a temporary folder, because some linkers write other files beside the binary.
        binary = Path(folder) / layout.BINARY
        line = [*_compiler_command(compiler, target), *FLAGS, "-o", str(binary), *names, *platform.flags]
        try:
            done = subprocess.run(line, cwd=sources, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise ReenactError(f"{line[0]}: cannot be run ({error.strerror}); {_ADVICE}") from error
        if done.returncode or not binary.is_file():
            raise ReenactError(f"{platform.name} cannot be built by '{shlex.join(line)}':\n{done.stderr.strip()}")
        return binary.read_bytes()


def _compiler_command(compiler: Compiler, target: str) -> list[str]:
    """Return the compiler's command line up to the flags."""
    if compiler == "cc":
        return shlex.split(os.environ.get("CC", "cc"))
    return [sys.executable, "-m", "ziglang", "cc", "-target", target]


def _version_of(compiler: Compiler) -> str:
    """Return name and version of a compiler.

    Raises:
        ReenactError: it is not installed.
    """
    if compiler == "zig":
        if importlib.util.find_spec("ziglang") is None:
            raise ReenactError(f"zig is not installed in this Python; {_ADVICE}")
        return f"zig {importlib.metadata.version('ziglang')}"
    line = [*_compiler_command(compiler, ""), "--version"]
    try:
        output = subprocess.run(line, capture_output=True, text=True, errors="replace", check=False).stdout
    except OSError as error:
        raise ReenactError(f"{line[0]}: cannot be run ({error.strerror}); {_ADVICE}") from error
    return next(iter(output.splitlines()), line[0])


_ADVICE = "install a C compiler and name it in CC for --compiler cc, or 'pip install ziglang' for --compiler zig"
