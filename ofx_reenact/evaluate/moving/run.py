"""A whole evaluation of targets that move: clips tracked once, pairs measured, each kept as it is done."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.evaluate.metrics import identity
from ofx_reenact.evaluate.moving.measure import Measurer, Options
from ofx_reenact.evaluate.reenactment.pairs import Pair
from ofx_reenact.evaluate.reenactment.result import PairResult
from ofx_reenact.evaluate.reenactment.run import (
    DRIVERS,
    SETTINGS,
    Observer,
    check_settings,
    measure_all,
    track_all,
)
from ofx_reenact.fdgan.weights import shipped_repair
from ofx_reenact.files import sha256_of, write_json
from ofx_reenact.ldnet.weights import shipped_ldnet


def evaluate(pairs: list[Pair], options: Options, folder: Path, jobs: int, observe: Observer) -> list[PairResult]:
    """Measure pairs of clips, in several processes at once; those that the folder keeps are not measured again.

    Returns a result for each pair, in their order; ``observe`` is told of each step.

    Raises:
        ReenactError: a clip cannot be used, or the folder was begun with other settings or files. What was measured
            stays in the folder.
    """
    settings = settings_of(options)
    check_settings(folder, settings)
    track_all("clip", (clip for pair in pairs for clip in (pair.target, pair.driver)), folder, observe)
    write_json(folder / SETTINGS, settings)
    return measure_all(pairs, partial(Measurer, options, folder / DRIVERS), folder, jobs, observe)


def settings_of(options: Options) -> dict[str, Any]:
    """Say what the numbers of pairs depend on, beside their files.

    Raises:
        SettingsError: a backend that was asked for by name is not installed.
    """
    embedder = identity.choose(options.embedder)
    return {
        "protocol": "moving",
        "limit": options.limit,
        "methods": list(options.methods),
        "embedder": embedder.backend if embedder else None,
        "version": __version__,
        "weights": {path.name: sha256_of(path) for path in (shipped_ldnet(), shipped_repair())},
    }
