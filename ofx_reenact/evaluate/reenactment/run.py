"""A whole evaluation: drivers tracked once, pairs measured in one or several processes, each kept as it is done."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate import identity as sface
from ofx_reenact.evaluate.metrics import distribution, identity, pixels
from ofx_reenact.evaluate.reenactment.measure import Measurer, Options, track
from ofx_reenact.evaluate.reenactment.pairs import Pair
from ofx_reenact.evaluate.reenactment.result import PairResult
from ofx_reenact.fdgan.weights import shipped_portrait, shipped_repair
from ofx_reenact.files import read_json, sha256_of, write_json
from ofx_reenact.frames.colour import Colour
from ofx_reenact.ldnet.weights import shipped_ldnet
from ofx_reenact.training.fdgan import features

SETTINGS, DRIVERS, PAIRS = "settings.json", "drivers", "pairs"


@dataclass(frozen=True)
class Step:
    """One step done: ``driver``, ``clip`` or ``pair``, its name, and how many of how many."""

    kind: str
    name: str
    done: int
    total: int


Observer = Callable[[Step], None]


class Measures(Protocol):
    """Measures pairs one after the other."""

    def measure(self, pair: Pair) -> PairResult:
        """Measure one pair."""


def evaluate(pairs: list[Pair], options: Options, folder: Path, jobs: int, observe: Observer) -> list[PairResult]:
    """Measure pairs, in several processes at once; those whose numbers the folder keeps are not measured again.

    Returns a result for each pair, in their order; ``observe`` is told of each step.

    Raises:
        ReenactError: an input cannot be used, or the folder was begun with other settings or files. What was measured
            stays in the folder.
    """
    settings = settings_of(pairs, options)
    check_settings(folder, settings)
    track_all("driver", [pair.driver for pair in pairs], folder, observe)
    # Only now: a folder whose drivers were no use has not been begun with anything.
    write_json(folder / SETTINGS, settings)
    return measure_all(pairs, partial(Measurer, options, folder / DRIVERS), folder, jobs, observe)


def track_all(kind: str, clips: Iterable[Path], folder: Path, observe: Observer) -> None:
    """Track clips, each once, into the folder; ``observe`` is told of each as a step of this kind.

    Raises:
        ReenactError: one cannot be used.
    """
    each, colour = sorted(set(clips)), Colour()
    for done, clip in enumerate(each, start=1):
        track(clip, folder / DRIVERS, colour)
        observe(Step(kind, clip.stem, done, len(each)))


def measure_all(
    pairs: list[Pair], make: Callable[[], Measures], folder: Path, jobs: int, observe: Observer
) -> list[PairResult]:
    """Measure pairs, in several processes at once; those whose numbers the folder keeps are not measured again.

    Args:
        pairs: to measure.
        make: makes what measures them, once in each process; it can be sent to one.
        folder: of the results.
        jobs: processes at once.
        observe: called after each pair.

    Returns a result for each pair, in their order.

    Raises:
        ReenactError: an input cannot be used. What was measured stays in the folder.
    """
    results = {pair: kept for pair in pairs if (kept := _kept(pair, folder))}
    todo = [pair for pair in pairs if pair not in results]
    # All drivers of one target go to one process: what belongs to the target is made once.
    groups = [list(group) for _, group in groupby(todo, key=lambda pair: (pair.target, pair.target_frame))]
    for pair, result in _measured(groups, make, folder, jobs):
        results[pair] = result
        observe(Step("pair", pair.name, len(results), len(pairs)))
    return [results[pair] for pair in pairs]


def settings_of(pairs: list[Pair], options: Options) -> dict[str, Any]:
    """Say what the numbers of pairs depend on, beside their files.

    Raises:
        SettingsError: a backend that was asked for by name is not installed.
    """
    embedder, extractor = identity.choose(options.embedder), distribution.choose(options.extractor)
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


def left_out(protocol: str, options: Options) -> list[str]:
    """Say which numbers are left out because what makes them is not installed, and how to get it.

    Raises:
        SettingsError: a backend that was asked for by name is not installed.
    """
    notes = [] if identity.choose(options.embedder) else [sface.MISSING]
    if distribution.choose(options.extractor) is None:
        notes.append(f"Fréchet and kernel distance are left out; they need {features.GET}")
    if protocol == "self" and not features.installed():
        notes.append(f"{pixels.FEATURES.name} is left out; it needs {features.GET}")
    return notes


def check_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Compare with what a folder was begun with, if it was.

    Raises:
        ReenactError: it was begun with something else.
    """
    path = folder / SETTINGS
    if not path.exists():
        return
    begun = read_json(path, what="report's settings", hint="give --report another folder")
    for name, value in settings.items():
        if begun.get(name) != value:
            raise ReenactError(
                f"{folder}: was begun with {name} {begun.get(name)}, this is {value}; numbers of different settings "
                "do not go into one report, so give --report another folder"
            )


def _kept(pair: Pair, folder: Path) -> PairResult | None:
    path = _file(pair, folder)
    if not path.exists():
        return None
    result = PairResult.load(path)
    for name, file in (("target", pair.target), ("driver", pair.driver)):
        if result.digests[name] != sha256_of(file):
            raise ReenactError(f"{path}: measured with another {file.name}; delete it to have it made again")
    return result


def _measured(
    groups: list[list[Pair]], make: Callable[[], Measures], folder: Path, jobs: int
) -> Iterator[tuple[Pair, PairResult]]:
    if jobs == 1 or len(groups) < 2:
        measurer = make() if groups else None
        for pair in (pair for group in groups for pair in group):
            assert measurer is not None
            yield pair, _measure(measurer, pair, folder)
        return
    # Forked, a process would inherit locked locks of the libraries' threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(groups)), mp_context=context) as pool:
        try:
            futures = [pool.submit(_measure_group, group, make, folder) for group in groups]
            for future in as_completed(futures):
                for pair in future.result():
                    yield pair, PairResult.load(_file(pair, folder))
        except BrokenProcessPool as error:
            raise ReenactError("a process ended by itself, out of memory perhaps; go on with fewer --jobs") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _measure_group(group: list[Pair], make: Callable[[], Measures], folder: Path) -> list[Pair]:
    """Measure all of a target's pairs in a process of their own."""
    measurer = make()
    for pair in group:
        _measure(measurer, pair, folder)
    return group


def _measure(measurer: Measures, pair: Pair, folder: Path) -> PairResult:
    result = measurer.measure(pair)
    result.save(_file(pair, folder))
    return result


def _file(pair: Pair, folder: Path) -> Path:
    return folder / PAIRS / f"{pair.name}.npz"
