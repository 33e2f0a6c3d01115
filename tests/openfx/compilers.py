"""A C compiler: the machine's, else the one that ziglang brings."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

# Every mistake ends the process.
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")


@functools.cache
def find_compiler() -> tuple[str, ...]:
    """Return the command of a C compiler; empty where there is none."""
    if named := os.environ.get("CC"):
        return tuple(shlex.split(named))
    if found := next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None):
        return (found,)
    return (sys.executable, "-m", "ziglang", "cc") if find_spec("ziglang") else ()


def compile_library(sources: Iterable[Path], output: Path, *options: str) -> Path:
    """Compile a shared library and return its path."""
    flags = ["-std=c11", "-shared", "-fPIC", "-O1", "-g", *options]
    command = [*find_compiler(), *flags, *map(str, sources), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@functools.cache
def find_runtime(name: str) -> str:
    """Return the path of a sanitizer's runtime that can be loaded before a program; empty where there is none."""
    if not find_compiler():
        return ""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "nothing.c"), Path(folder, "nothing.so")
        source.write_text("int nothing;\n")
        command = [*find_compiler(), "-shared", "-fPIC", *SANITIZED, source, "-o", library]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return ""
    asked = [*find_compiler(), f"-print-file-name={name}"]
    path = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return path if Path(path).is_absolute() else ""
