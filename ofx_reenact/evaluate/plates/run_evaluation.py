"""Run an evaluation of plates that are driven by other clips."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.evaluate.metrics.identity import choose_embedder
from ofx_reenact.evaluate.pairs.choose_pairs import TargetDriverPair
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.pairs.run_pairs import Observer, run_evaluation
from ofx_reenact.evaluate.plates.measure_pair import Options, PlateMeasurer
from ofx_reenact.fdgan.weights import shipped_repair
from ofx_reenact.files import sha256_of
from ofx_reenact.ldnet.weights import shipped_ldnet


def evaluate(
    pairs: list[TargetDriverPair], options: Options, folder: Path, jobs: int, observe: Observer
) -> list[PairResult]:
    """Measure pairs of a plate and a driver; see :func:`run_evaluation`.

    Raises:
        ReenactError: a clip cannot be used, or the folder was begun with other settings or files.
        SettingsError: a backend that was named is not installed.
    """
    clips = "clip", (clip for pair in pairs for clip in (pair.target, pair.driver))
    measurer = partial(PlateMeasurer, options)
    return run_evaluation(pairs, clips, settings_of(options), measurer, folder, jobs, observe)


def settings_of(options: Options) -> dict[str, Any]:
    """Return what the numbers of pairs depend on, apart from their files.

    Raises:
        SettingsError: a backend that was named is not installed.
    """
    embedder = choose_embedder(options.embedder)
    return {
        "protocol": "moving",
        "limit": options.limit,
        "methods": list(options.methods),
        "embedder": embedder.backend if embedder else None,
        "version": __version__,
        "weights": {path.name: sha256_of(path) for path in (shipped_ldnet(), shipped_repair())},
    }
