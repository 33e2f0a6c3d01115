"""The plug-in is built: the committed bundle is of these sources, exports what hosts call, and can be made again."""

import ctypes
import hashlib
import importlib.metadata
import json
import os
import plistlib
import re
import shutil
import struct
import subprocess
from pathlib import Path

import cv2
import pytest

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.openfx import build as building
from ofx_reenact.openfx.bundle import BINARY, IDENTIFIER, NAME, OLDEST_MACOS, binary_of, info, read_record
from ofx_reenact.openfx.commands import main
from ofx_reenact.openfx.macho import join

SOURCES = Path(__file__).resolve().parents[2] / "openfx"
BUNDLE = SOURCES / NAME
COMMAND = "run 'python -m ofx_reenact.openfx build' with ziglang, and commit the bundle"
ENTRIES = {"OfxGetNumberOfPlugins", "OfxGetPlugin", "OfxSetHost"}
# Symbols of its own that zig's linker has in every library for macOS.
OF_LINKER = {"_mh_dylib_header", "__dso_handle"}
STUB = r"""
#ifdef _WIN32
#define SHOWN __declspec(dllexport)
#else
#define SHOWN __attribute__((visibility("default")))
#endif
#include <math.h>
#include "stub.h"
SHOWN int OfxGetNumberOfPlugins(void) { return hidden(2); }
SHOWN const char *OfxGetPlugin(int number) { return number ? __FILE__ : "first"; }
SHOWN int OfxSetHost(const double *host) { return host ? (int)floor(*host) : 0; }
"""


@pytest.fixture
def stub(tmp_path):
    return write_stub(tmp_path / "sources")


def write_stub(folder: Path) -> Path:
    """A plug-in of two C files, which needs no more than a compiler."""
    folder.mkdir(parents=True)
    (folder / "stub.c").write_text(STUB)
    (folder / "more.c").write_text('#include "stub.h"\nint hidden(int value) { return value + 1; }\n')
    (folder / "stub.h").write_text("int hidden(int value);\n")
    shutil.copyfile(SOURCES / "icon.png", folder / "icon.png")
    return folder


@pytest.fixture
def cc():
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")


def exported(binary) -> set[str]:
    return {str(function.name) for function in binary.exported_functions}


def of_linux(lief, path: Path, wanted: str) -> None:
    binary = lief.parse(str(path))
    assert binary.header.machine_type == getattr(lief.ELF.ARCH, wanted) and exported(binary) == ENTRIES
    assert {*binary.libraries} <= {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0"}
    versions = [re.findall(r"GLIBC_(\d+)\.(\d+)", str(symbol.symbol_version)) for symbol in binary.imported_symbols]
    assert max(tuple(map(int, found[0])) for found in versions if found) <= (2, 17)
    assert not [section.name for section in binary.sections if section.name in (".symtab", ".debug_info")]


@pytest.mark.parametrize("platform", building.PLATFORMS, ids=lambda one: one.name)
def test_the_committed_binary_is_of_these_sources(platform):
    made_of = read_record(BUNDLE)[platform.folder]
    assert made_of["sources"] == building.sources_digest(SOURCES, platform), COMMAND
    assert made_of["version"] == __version__ and re.fullmatch(r"zig \d+\.\d+\.\d+", made_of["compiler"]), COMMAND
    content = binary_of(BUNDLE, platform.folder).read_bytes()
    assert hashlib.sha256(content).hexdigest() == made_of["sha256"], COMMAND
    assert str(SOURCES.parent).encode() not in content


def test_the_committed_bundle_has_what_else_hosts_look_for():
    assert {*read_record(BUNDLE)} == {one.folder for one in building.PLATFORMS}
    assert (BUNDLE / "Contents" / "Info.plist").read_bytes() == info(), COMMAND
    said = plistlib.loads(info())
    assert (said["CFBundleIdentifier"], said["CFBundleExecutable"]) == (IDENTIFIER, BINARY)
    icon = BUNDLE / "Contents" / "Resources" / f"{IDENTIFIER}.png"
    assert cv2.imread(str(icon), cv2.IMREAD_UNCHANGED).shape == (64, 64, 4)
    assert icon.read_bytes() == (SOURCES / "icon.png").read_bytes(), COMMAND
    files = {str(path.relative_to(BUNDLE / "Contents")) for path in BUNDLE.rglob("*") if path.is_file()}
    assert files == {
        "Info.plist", "Resources/build.json", f"Resources/{IDENTIFIER}.png", "Linux-x86-64/Reenact.ofx",
        "Linux-aarch64/Reenact.ofx", "Win64/Reenact.ofx", "MacOS/Reenact.ofx",
    }  # fmt: skip


def test_on_linux_hosts_find_three_functions_and_any_glibc_since_2_17_does():
    lief = pytest.importorskip("lief")
    of_linux(lief, binary_of(BUNDLE, "Linux-x86-64"), "X86_64")
    of_linux(lief, binary_of(BUNDLE, "Linux-aarch64"), "AARCH64")


def test_on_windows_hosts_find_three_functions_and_only_what_windows_has_is_needed():
    lief = pytest.importorskip("lief")
    binary = lief.parse(str(binary_of(BUNDLE, "Win64")))
    assert binary.header.machine == lief.PE.Header.MACHINE_TYPES.AMD64 and exported(binary) == ENTRIES
    needed = {library.name.lower() for library in binary.imports}
    assert {name for name in needed if not name.startswith("api-ms-win-crt-")} <= {"kernel32.dll", "advapi32.dll"}


def test_on_macos_one_file_serves_both_processors():
    lief = pytest.importorskip("lief")
    path = binary_of(BUNDLE, "MacOS")
    # Its parts are gone with it.
    universal = lief.MachO.parse(str(path))
    parts = {str(part.header.cpu_type).rpartition(".")[2]: part for part in universal}
    assert {*parts} == {"X86_64", "ARM64"}
    for part in parts.values():
        assert {name.removeprefix("_") for name in exported(part)} - OF_LINKER == ENTRIES
        assert ".".join(map(str, part.build_version.minos[:2])) == OLDEST_MACOS
        assert [library.name for library in part.libraries] == [BINARY, "/usr/lib/libSystem.B.dylib"]
    # macOS refuses code for arm64 without a signature, if only one by nobody.
    content, (_, start, size) = path.read_bytes(), parts_of(path.read_bytes())[-1]
    signature = bytes(parts["ARM64"].code_signature.content)
    assert is_signed(content[start : start + size], signature)
    changed = bytearray(content[start : start + size])
    changed[5000] ^= 1
    assert not is_signed(bytes(changed), signature)


def parts_of(content: bytes) -> list[tuple[int, int, int]]:
    """Processor, start and size of each part of a universal binary."""
    magic, count = struct.unpack_from(">2I", content)
    assert magic == 0xCAFEBABE
    entries = [struct.unpack_from(">5I", content, 8 + 20 * number) for number in range(count)]
    assert all(start % (1 << alignment) == 0 for _, _, start, _, alignment in entries)
    return [(processor, start, size) for processor, _, start, size, _ in entries]


def is_signed(part: bytes, signature: bytes) -> bool:
    """Tell whether the hash of every page is what the signature's code directory says."""
    magic, _, count = struct.unpack_from(">3I", signature)
    assert magic == 0xFADE0CC0
    places = dict(struct.unpack_from(">2I", signature, 12 + 8 * number) for number in range(count))
    directory = signature[places[0] :]
    assert struct.unpack_from(">I", directory)[0] == 0xFADE0C02
    hashes, _, _, pages, limit = struct.unpack_from(">5I", directory, 16)
    size, kind, _, page = struct.unpack_from(">4B", directory, 36)
    assert (size, kind) == (32, 2) and pages == -(-limit >> page)
    found = [hashlib.sha256(part[at : min(at + (1 << page), limit)]).digest() for at in range(0, limit, 1 << page)]
    return directory[hashes : hashes + 32 * pages] == b"".join(found)


def rebuild_is_the_same(platform: building.Platform) -> None:
    pytest.importorskip("ziglang")
    compiler = read_record(BUNDLE)[platform.folder]["compiler"]
    if compiler != f"zig {importlib.metadata.version('ziglang')}":
        pytest.skip(f"the bundle was built by {compiler}")
    assert building.compile_for(SOURCES, platform, "zig") == binary_of(BUNDLE, platform.folder).read_bytes(), COMMAND


def test_a_rebuild_gives_the_same_bytes():
    rebuild_is_the_same(building.PLATFORMS[0])


@pytest.mark.slow
@pytest.mark.parametrize("platform", building.PLATFORMS[1:], ids=lambda one: one.name)
def test_a_rebuild_gives_the_same_bytes_on_every_platform(platform):
    rebuild_is_the_same(platform)


def test_zig_gives_the_same_bytes_in_any_folder(tmp_path, stub, monkeypatch):
    lief = pytest.importorskip("lief")
    pytest.importorskip("ziglang")
    platform = building.PLATFORMS[0]
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path / "cache"))
    first = building.compile_for(stub, platform, "zig")
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path / "another"))
    assert building.compile_for(write_stub(tmp_path / "a" / "b"), platform, "zig") == first
    assert str(tmp_path).encode() not in first
    (tmp_path / BINARY).write_bytes(first)
    of_linux(lief, tmp_path / BINARY, "X86_64")


def test_this_machines_compiler_builds_a_bundle(tmp_path, stub, cc):
    this = building.this_platform()
    (path,) = building.build(stub, tmp_path, [this], "cc")
    assert path == binary_of(tmp_path / NAME, this.folder) and os.access(path, os.X_OK)
    library = ctypes.CDLL(str(path))
    library.OfxGetPlugin.restype = ctypes.c_char_p
    assert (library.OfxGetNumberOfPlugins(), library.OfxGetPlugin(0)) == (3, b"first")
    assert library.OfxGetPlugin(1) == b"stub.c" and not hasattr(library, "hidden")
    made_of = read_record(tmp_path / NAME)[this.folder]
    assert made_of["sources"] == building.sources_digest(stub, this)
    assert made_of["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() and made_of["compiler"]


def test_the_record_of_other_platforms_stays(tmp_path, stub, cc):
    building.build(stub, tmp_path, [building.this_platform()], "cc")
    record = tmp_path / NAME / "Contents" / "Resources" / "build.json"
    said = json.loads(record.read_text())
    said["binaries"]["Elsewhere"] = {"compiler": "another"}
    record.write_text(json.dumps(said))
    building.build(stub, tmp_path, [building.this_platform()], "cc")
    assert read_record(tmp_path / NAME)["Elsewhere"] == {"compiler": "another"}
    record.write_text('{"schema": "ofx-reenact/openfx-build/1", "binaries": []}')
    with pytest.raises(ReenactError, match="binaries"):
        building.build(stub, tmp_path, [building.this_platform()], "cc")


@pytest.mark.parametrize("change", ["content", "name", "new file", "flags"])
def test_a_change_of_what_is_built_is_noticed(stub, monkeypatch, change):
    platform = building.PLATFORMS[0]
    before = building.sources_digest(stub, platform)
    (stub / "more.c").write_bytes((stub / "more.c").read_bytes().replace(b"\n", b"\r\n"))
    (stub / "README").write_text("of no matter")
    assert building.sources_digest(stub, platform) == before
    if change == "content":
        (stub / "stub.h").write_text("int hidden(int other);\n")
    elif change == "name":
        (stub / "more.c").rename(stub / "other.c")
    elif change == "new file":
        (stub / "empty.c").touch()
    else:
        monkeypatch.setattr(building, "FLAGS", (*building.FLAGS, "-g"))
    assert building.sources_digest(stub, platform) != before


def test_what_the_compiler_refuses_is_said_and_leaves_the_earlier_binary(tmp_path, stub, cc, monkeypatch, capsys):
    this = building.this_platform()
    (path,) = building.build(stub, tmp_path, [this], "cc")
    before = path.read_bytes()
    (stub / "more.c").write_text("int hidden(int value) { return valeu; }\n")
    monkeypatch.setattr("ofx_reenact.openfx.commands.openfx_folder", lambda: stub)
    assert main(["build", "--compiler", "cc", "--platform", "this", "--output", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {this.name} cannot be built by 'cc -std=c11") and "valeu" in said
    assert path.read_bytes() == before and {one.name for one in path.parent.iterdir()} == {BINARY}


def test_what_cannot_be_built_is_said(tmp_path, stub, monkeypatch, capsys):
    monkeypatch.setattr("ofx_reenact.openfx.commands.openfx_folder", lambda: stub)
    assert main(["build", "--platform", "amiga"]) == 2 and "amiga: choose all, this, or" in capsys.readouterr().err
    assert main(["build", "--compiler", "cc"]) == 2 and "--platform this" in capsys.readouterr().err
    monkeypatch.setenv("CC", str(tmp_path / "no compiler").replace(" ", "\\ "))
    assert main(["build", "--compiler", "cc", "--platform", "this"]) == 1
    assert "no compiler: cannot be run" in capsys.readouterr().err
    with pytest.raises(ReenactError, match="no C sources"):
        building.compile_for(tmp_path, building.PLATFORMS[0], "zig")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["build"]) == 1 and "pip install ziglang" in capsys.readouterr().err
    assert not (stub / NAME).exists()


@pytest.mark.parametrize(
    ("system", "processor", "folder"),
    [("Linux", "x86_64", "Linux-x86-64"), ("Linux", "aarch64", "Linux-aarch64"), ("Darwin", "arm64", "MacOS"),
     ("Windows", "AMD64", "Win64"), ("Linux", "riscv64", "")],
)  # fmt: skip
def test_a_machine_has_its_platform(monkeypatch, system, processor, folder):
    monkeypatch.setattr(building.machine, "system", lambda: system)
    monkeypatch.setattr(building.machine, "machine", lambda: processor)
    if folder:
        assert building.find_platforms("this")[0].folder == folder
    else:
        with pytest.raises(ReenactError, match="not built for Linux on riscv64"):
            building.this_platform()
    assert [one.name for one in building.find_platforms("macos, linux-x86-64")] == ["macos", "linux-x86-64"]
    assert building.find_platforms("all") == building.PLATFORMS
    with pytest.raises(SettingsError):
        building.find_platforms("")


def test_the_makefile_builds_with_the_same_flags(tmp_path, cc):
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    line = ["make", "-n", "-C", str(SOURCES), f"OUTPUT={tmp_path}"]
    said = subprocess.run([*line, "CC=cc"], capture_output=True, text=True, check=True).stdout
    (compiling,) = (line for line in said.splitlines() if line.startswith("cc "))
    platform, names = building.this_platform(), sorted(path.name for path in SOURCES.glob("*.c"))
    binary = binary_of(tmp_path / NAME, platform.folder)
    assert sorted(compiling.split()) == sorted(["cc", *building.FLAGS, "-o", str(binary), *names, *platform.flags])
    said = subprocess.run([*line, "SANITIZE=1"], capture_output=True, text=True, check=True).stdout
    assert "-fsanitize=address,undefined" in said and " -s " not in said


def test_a_universal_binary_has_its_parts_as_they_are():
    first, second = (struct.pack("<3I", 0xFEEDFACF, cpu, 3) + bytes([cpu]) * 40000 for cpu in (7, 12))
    joined = join([first, second])
    assert [cpu for cpu, _, _ in parts_of(joined)] == [7, 12]
    assert [joined[start : start + size] for _, start, size in parts_of(joined)] == [first, second]


@pytest.mark.parametrize("parts", [[b"\x7fELF" + bytes(99)], [b""], [struct.pack("<3I", 0xFEEDFACF, 7, 3)] * 2])
def test_a_universal_binary_of_anything_else_is_refused(parts):
    with pytest.raises(ReenactError, match="Mach-O"):
        join(parts)
