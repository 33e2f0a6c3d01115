"""What tests of the plug-in share: its library, built once however many processes run them, and hosts of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from ofx_reenact.openfx.build import build, this_platform
from openfx.compilers import compile_library, find_compiler
from openfx.engines import BadEngine
from openfx.host import Host

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "openfx"


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A folder that all processes of this session share, for what is built once."""
    if not find_compiler():
        pytest.skip("there is no C compiler")
    if sys.platform == "win32":
        pytest.skip("the host of these tests runs where handles and libraries are as on Linux")
    own = tmp_path_factory.getbasetemp()
    # Of processes of one session, each has a folder in the session's.
    return own.parent if own.name.startswith("popen-") else own


def once(path: Path, make: Callable[[], object]) -> Path:
    """Make a file if no other process has."""
    with FileLock(f"{path}.lock"):
        done = path.with_name(f"{path.name}.done")
        if not done.exists():
            make()
            done.touch()
    return path


@pytest.fixture(scope="session", autouse=True)
def logs(tmp_path_factory) -> Iterator[None]:
    """Have engines' logs lie with what tests make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFX_REENACT_LOG_DIR", str(tmp_path_factory.mktemp("logs")))
        yield


@pytest.fixture(scope="session")
def library(built) -> Path:
    """The plug-in, in its bundle."""
    named = built / "openfx"
    platform, compiler = this_platform(), "zig" if "ziglang" in find_compiler() else "cc"
    once(named, lambda: build(SOURCES, named, (platform,), compiler))
    return next(named.rglob("Reenact.ofx"))


@pytest.fixture(scope="session")
def crimes(built) -> Path:
    """A plug-in that does wrong."""
    path = built / "crimes.so"
    return once(path, lambda: compile_library([HERE / "crimes.c"], path))


@pytest.fixture
def open_host(library) -> Iterator[Callable[..., Host]]:
    """Make hosts of the plug-in; what it did that it may not is an error once the test is over."""
    hosts: list[Host] = []

    def make(path: Path = library, **options) -> Host:
        hosts.append(Host(path, **options))
        return hosts[-1]

    yield make
    for host in hosts:
        host.unload()
    assert [host.violations for host in hosts] == [[] for host in hosts]


@pytest.fixture(scope="session")
def python(built) -> str:
    """The Python of an engine with this very package: the plug-in does not hand on what the host's own Python needs."""
    path = built / "python"

    def write() -> None:
        path.write_text(f'#!/bin/sh\nPYTHONPATH="{HERE.parents[1]}" exec "{sys.executable}" "$@"\n', encoding="utf-8")
        path.chmod(0o755)

    return str(once(path, write))


@pytest.fixture(scope="module")
def host(library) -> Iterator[Host]:
    """One host for the tests of a file, whose engine stays warm from test to test."""
    # One that does not say which depths it has is told of all that the plug-in takes.
    found = Host(library, depths=())
    yield found
    found.unload()
    assert found.violations == []


@pytest.fixture
def engine(tmp_path) -> Callable[[str], BadEngine]:
    """Make engines that behave as they are told."""
    return lambda mode: BadEngine(tmp_path / mode.replace(" ", "_"), mode)
