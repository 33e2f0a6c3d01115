"""Run an evaluation of stills that are driven by clips."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.evaluate.metrics import pixels, sface
from ofx_reenact.evaluate.metrics.distribution import choose_extractor
from ofx_reenact.evaluate.metrics.identity import choose_embedder
from ofx_reenact.evaluate.pairs.choose_pairs import TargetDriverPair
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.pairs.run_pairs import Observer, run_evaluation
from ofx_reenact.evaluate.stills.measure_pair import Options, StillMeasurer
from ofx_reenact.fdgan.weights import shipped_portrait, shipped_repair
from ofx_reenact.files import sha256_of
from ofx_reenact.ldnet.weights import shipped_ldnet
from ofx_reenact.training.fdgan import features


def evaluate(
    pairs: list[TargetDriverPair], options: Options, folder: Path, jobs: int, observe: Observer
) -> list[PairResult]:
    """Measure pairs of a still and a driver; see :func:`run_evaluation`.

    Raises:
        ReenactError: an input cannot be used, or the folder was begun with other settings or files.
        SettingsError: a backend that was named is not installed.
    """
    drivers = "driver", [pair.driver for pair in pairs]
    measurer = partial(StillMeasurer, options)
    return run_evaluation(pairs, drivers, settings_of(pairs, options), measurer, folder, jobs, observe)


def settings_of(pairs: list[TargetDriverPair], options: Options) -> dict[str, Any]:
    """Return what the numbers of pairs depend on, apart from their files.

    Raises:
        SettingsError: a backend that was named is not installed.
    """
    embedder, extractor = choose_embedder(options.embedder), choose_extractor(options.extractor)
    frames = sorted({pair.target_frame for pair in pairs if pair.target_frame is not None})
    return {
        "every": options.every,
        "limit": options.limit,
        "methods": list(options.methods),
        "strengths": list(options.strengths),
        "rendered": str(options.rendered) if options.rendered else None,
        "embedder": embedder.backend if embedder else None,
        "extractor": extractor.backend if extractor else None,
        "protocol": "self" if frames else "cross",
        "target_frame": frames[0] if frames else None,
        "version": __version__,
        "weights": {path.name: sha256_of(path) for path in (shipped_ldnet(), shipped_repair(), shipped_portrait())},
    }


def list_left_out(protocol: str, options: Options) -> list[str]:
    """Return a note for each number that is left out because its network is not installed, with how to get it.

    Raises:
        SettingsError: a backend that was named is not installed.
    """
    notes = [] if choose_embedder(options.embedder) else [sface.MISSING]
    if choose_extractor(options.extractor) is None:
        notes.append(f"Fréchet and kernel distance are left out; they need {features.INSTALL_HINT}")
    if protocol == "self" and not features.installed():
        notes.append(f"{pixels.FEATURES.name} is left out; it needs {features.INSTALL_HINT}")
    return notes
