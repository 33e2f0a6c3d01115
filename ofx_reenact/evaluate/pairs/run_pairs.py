"""Run an evaluation of pairs: track clips once, measure pairs in one or several processes, keep each result."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.pairs.choose_pairs import TargetDriverPair
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.pairs.track_clips import track_clip
from ofx_reenact.files import read_json, sha256_of, write_json
from ofx_reenact.frames.colour import Colour

# In the folder of an evaluation: what it was begun with, the tracked clips, the results of pairs.
SETTINGS, DRIVERS, PAIRS = "settings.json", "drivers", "pairs"


@dataclass(frozen=True)
class Step:
    """A finished step: its kind (``driver``, ``clip`` or ``pair``), its name, and how many of how many are done."""

    kind: str
    name: str
    done: int
    total: int


Observer = Callable[[Step], None]


class Measurer(Protocol):
    """Measures pairs one after the other."""

    def measure(self, pair: TargetDriverPair) -> PairResult:
        """Measure one pair."""


def run_evaluation(
    pairs: list[TargetDriverPair],
    clips: tuple[str, Iterable[Path]],
    settings: dict[str, Any],
    make_measurer: Callable[[Path], Measurer],
    folder: Path,
    jobs: int,
    observe: Observer,
) -> list[PairResult]:
    """Track clips and measure pairs; a pair whose result is in the folder is not measured again.

    Args:
        pairs: the pairs to measure.
        clips: the kind of step that tracking a clip is (``driver`` or ``clip``), and the clips to track.
        settings: what the numbers depend on, apart from the files of the pairs.
        make_measurer: makes a measurer from the folder of performances, once in each process; it must be picklable.
        folder: folder of the evaluation.
        jobs: number of processes.
        observe: called after each step.

    Returns a result for each pair, in their order.

    Raises:
        ReenactError: an input cannot be used, or the folder was begun with other settings or files. What was measured
            stays in the folder.
    """
    check_settings(folder, settings)
    kind, paths = clips
    every, colour = sorted(set(paths)), Colour()
    for done, clip in enumerate(every, start=1):
        track_clip(clip, folder / DRIVERS, colour)
        observe(Step(kind, clip.stem, done, len(every)))
    # Written only now: clips that cannot be used do not bind the folder to these settings.
    write_json(folder / SETTINGS, settings)
    return _measure_pairs(pairs, make_measurer, folder, jobs, observe)


def check_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Compare settings with those that a folder was begun with, if it was.

    Raises:
        ReenactError: they differ.
    """
    path = folder / SETTINGS
    if not path.exists():
        return
    begun = read_json(path, what="report's settings", hint="give --report another folder")
    for name, value in settings.items():
        if begun.get(name) != value:
            raise ReenactError(
                f"{folder}: was begun with {name} {begun.get(name)}, this is {value}; one report cannot mix numbers of "
                "different settings, so give --report another folder"
            )


def _measure_pairs(
    pairs: list[TargetDriverPair],
    make_measurer: Callable[[Path], Measurer],
    folder: Path,
    jobs: int,
    observe: Observer,
) -> list[PairResult]:
    results = {pair: kept for pair in pairs if (kept := _load_result(pair, folder))}
    todo = [pair for pair in pairs if pair not in results]
    # All drivers of one target go to one process, which loads the target once.
    groups = [list(group) for _, group in groupby(todo, key=lambda pair: (pair.target, pair.target_frame))]
    for pair, result in _measure_groups(groups, make_measurer, folder, jobs):
        results[pair] = result
        observe(Step("pair", pair.name, len(results), len(pairs)))
    return [results[pair] for pair in pairs]


def _load_result(pair: TargetDriverPair, folder: Path) -> PairResult | None:
    """Load a pair's result; None if the folder has none.

    Raises:
        ReenactError: it is damaged, or was measured with other files.
    """
    path = _result_file(pair, folder)
    if not path.exists():
        return None
    result = PairResult.load(path)
    for name, file in (("target", pair.target), ("driver", pair.driver)):
        if result.digests[name] != sha256_of(file):
            raise ReenactError(f"{path}: measured with another {file.name}; delete it, and it is measured again")
    return result


def _measure_groups(
    groups: list[list[TargetDriverPair]], make_measurer: Callable[[Path], Measurer], folder: Path, jobs: int
) -> Iterator[tuple[TargetDriverPair, PairResult]]:
    if jobs == 1 or len(groups) < 2:
        measurer = make_measurer(folder / DRIVERS) if groups else None
        for pair in (pair for group in groups for pair in group):
            assert measurer is not None
            yield pair, _measure_and_save(measurer, pair, folder)
        return
    # Not forked: a fork would inherit locks that threads of libraries hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(groups)), mp_context=context) as pool:
        try:
            futures = [pool.submit(_measure_group, group, make_measurer, folder) for group in groups]
            for future in as_completed(futures):
                for pair in future.result():
                    yield pair, PairResult.load(_result_file(pair, folder))
        except BrokenProcessPool as error:
            raise ReenactError("a process ended by itself, perhaps out of memory; go on with fewer --jobs") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _measure_group(
    group: list[TargetDriverPair], make_measurer: Callable[[Path], Measurer], folder: Path
) -> list[TargetDriverPair]:
    """Measure all pairs of one target; runs in a process of its own."""
    measurer = make_measurer(folder / DRIVERS)
    for pair in group:
        _measure_and_save(measurer, pair, folder)
    return group


def _measure_and_save(measurer: Measurer, pair: TargetDriverPair, folder: Path) -> PairResult:
    result = measurer.measure(pair)
    result.save(_result_file(pair, folder))
    return result


def _result_file(pair: TargetDriverPair, folder: Path) -> Path:
    return folder / PAIRS / f"{pair.name}.npz"
