"""Times the networks of other reenactment projects and ours: same machine, same run, same size of input.

Their code is not ours to ship. It is imported from the user's checkouts, and only the networks are built, with random
weights: time does not depend on them.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ofx_reenact.bench.fdgan import build_translators
from ofx_reenact.bench.figures import Timed, timed_fields
from ofx_reenact.bench.peak import count_gflop, measure_peak, time_once
from ofx_reenact.errors import ReenactError, SettingsError

Work = Callable[[], object]
# Side of the input pictures of all these networks, in pixels.
SIZE = 256


@dataclass(frozen=True)
class Peer(Timed):
    """Networks of one project; ``per`` says whether they run once for each ``frame`` or once for each ``target``.

    ``of_peak`` is their GFLOP per second, divided by the machine's matrix peak; ``ratio`` is their time, divided by
    that of our portrait network's translator in the same round: the median over the rounds.
    """

    project: str
    what: str
    per: str
    gflop: float
    of_peak: float
    ratio: float


@dataclass(frozen=True)
class _Checkout:
    """A project: the files that its checkout must have, and the function that builds its networks."""

    project: str
    config: str
    modules: tuple[str, ...]
    works: Callable[[dict[str, Any], Callable[[str, str], Any], str], dict[tuple[str, str], Work]]

    @property
    def files(self) -> list[str]:
        return [self.config, *(f"{module.replace('.', '/')}.py" for module in self.modules)]


def bench(checkouts: Sequence[Path], runs: int, device: str) -> dict[str, Any]:
    """Time our networks and those of checkouts, float32, in ``runs`` rounds over all of them.

    Returns ``peers``, a list of :class:`Peer`, and ``peak_gflop_per_second``.

    Raises:
        ReenactError: a folder is no checkout of these projects, or its code does not run.
    """
    ours = {("ofx_reenact", what, "frame"): work for what, work in build_translators(torch.float32, device).items()}
    reference = next(iter(ours))
    works = dict(ours)
    for folder in checkouts:
        project, found = build_networks(folder, device)
        works |= {(project, what, per): work for (what, per), work in found.items()}
    with torch.inference_mode(), _quiet():
        gflop = {key: count_gflop(work) for key, work in works.items()}
        took: dict[tuple[str, str, str], list[float]] = {key: [] for key in works}
        peaks = [measure_peak(torch.float32, device)]
        for _ in range(runs):
            for key, work in works.items():
                took[key].append(time_once(work, device))
            peaks.append(measure_peak(torch.float32, device))
    rows = [_row(key, took[key], took[reference], gflop[key], max(peaks)) for key in works]
    return {"peers": rows, "peak_gflop_per_second": max(peaks)}


def build_networks(folder: Path, device: str) -> tuple[str, dict[tuple[str, str], Work]]:
    """Build a checkout's networks; returns the project, and functions by (name, ``frame`` or ``target``).

    Raises:
        ReenactError: a file is missing, or the code does not run.
    """
    kind = _kind(folder)
    try:
        with importable(folder), torch.inference_mode(), _quiet():
            works = kind.works(_config(folder / kind.config), _part, device)
    except ReenactError:
        raise
    except Exception as error:
        raise ReenactError(
            f"{folder}: the networks of {kind.project} cannot be built from this checkout ({_reason(error)}); "
            "check out a release, and install its requirements.txt"
        ) from error
    return kind.project, works


@contextlib.contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Make a checkout importable; its modules are removed afterwards, since other code may use their names."""
    before = dict(sys.modules)
    sys.path.insert(0, str(folder.resolve()))
    for name in [name for name in before if name.partition(".")[0] in _PACKAGES]:
        del sys.modules[name]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))
        for name in [name for name in sys.modules if name.partition(".")[0] in _PACKAGES]:
            del sys.modules[name]
        sys.modules.update({name: m for name, m in before.items() if name.partition(".")[0] in _PACKAGES})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress torch's deprecation warnings about their code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _kind(folder: Path) -> _Checkout:
    """Return the project of a checkout, if all its files are there."""
    if not folder.is_dir():
        raise ReenactError(f"{folder}: no such folder; name a checkout of {' or '.join(k.project for k in _KINDS)}")
    lacking = {kind: [name for name in kind.files if not (folder / name).is_file()] for kind in _KINDS}
    kind = min(lacking, key=lambda k: len(lacking[k]) / len(k.files))
    if len(lacking[kind]) == len(kind.files):
        raise ReenactError(f"{folder}: no checkout of {' or '.join(k.project for k in _KINDS)}; name one")
    if lacking[kind]:
        raise ReenactError(f"{folder}: not a whole checkout of {kind.project}, {', '.join(lacking[kind])} is missing")
    return kind


def _config(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise SettingsError("bench peers reads the checkouts' YAML files: pip install pyyaml") from error
    return yaml.safe_load(path.read_text(encoding="utf-8"))["model_params"]


def _part(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _reason(error: Exception) -> str:
    return (f"{type(error).__name__}: {error}".splitlines() or [""])[0]


def _first_order(config: dict[str, Any], part: Callable[[str, str], Any], device: str) -> dict[tuple[str, str], Work]:
    """Return what runs for each frame (the driver's keypoints, the generator) and once (the target's keypoints)."""
    common = config["common_params"]
    detect = part("modules.keypoint_detector", "KPDetector")(**config["kp_detector_params"], **common)
    generate = part("modules.generator", "OcclusionAwareGenerator")(**config["generator_params"], **common)
    detect, generate = (network.eval().to(device) for network in (detect, generate))
    target, driver = torch.rand(2, 1, 3, SIZE, SIZE, device=device)
    known = detect(target)
    return {
        ("keypoints and generator", "frame"): lambda: generate(target, kp_source=known, kp_driving=detect(driver)),
        ("keypoints of the target", "target"): lambda: detect(target),
    }


def _live_portrait(config: dict[str, Any], part: Callable[[str, str], Any], device: str) -> dict[tuple[str, str], Work]:
    """Return what runs for each frame (driver's motion, warp, decoder) and once (target's appearance and motion)."""
    names = {
        "appearance_feature_extractor": "AppearanceFeatureExtractor",
        "motion_extractor": "MotionExtractor",
        "warping_module": "WarpingNetwork",
        "spade_generator": "SPADEDecoder",
    }
    modules = dict(zip(names, _KINDS[1].modules, strict=True))
    appearance, motion, warp, decode = (
        part(modules[key], name)(**config[f"{key}_params"]).eval().to(device) for key, name in names.items()
    )
    target, driver = torch.rand(2, 1, 3, SIZE, SIZE, device=device)
    points = torch.randn(2, 1, config["warping_module_params"]["num_kp"], 3, device=device) / 4
    known = appearance(target)

    def frame() -> object:
        motion(driver)
        return decode(feature=warp(known, kp_source=points[0], kp_driving=points[1])["out"])

    return {
        ("motion, warp and decoder", "frame"): frame,
        ("appearance and motion of the target", "target"): lambda: (appearance(target), motion(target)),
    }


_KINDS = (
    _Checkout(
        "first-order-model", "config/vox-256.yaml", ("modules.keypoint_detector", "modules.generator"), _first_order
    ),
    _Checkout(
        "LivePortrait", "src/config/models.yaml",
        (
            "src.modules.appearance_feature_extractor", "src.modules.motion_extractor", "src.modules.warping_network",
            "src.modules.spade_generator",
        ),
        _live_portrait,
    ),
)  # fmt: skip
# Top-level packages of the checkouts.
_PACKAGES = ("modules", "sync_batchnorm", "src")


def _row(
    key: tuple[str, str, str], took: Sequence[float], reference: Sequence[float], gflop: float, best: float
) -> Peer:
    times, ratio = timed_fields(took), float(np.median(np.divide(took, reference)))
    return Peer(*key, gflop, gflop / (times["milliseconds"] / 1000) / best, ratio, **times)
