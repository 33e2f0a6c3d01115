"""Statistics over pairs: means with intervals, the worst pair, which promises are kept; and the numbers as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ofx_reenact import __version__
from ofx_reenact.evaluate.metrics.scores import Estimate, estimate, json_number
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.plates.compared_methods import DRIVEN, DRIVER, PLATE, RENDERED_METHODS, SELF
from ofx_reenact.evaluate.plates.promised_ranges import OF_PAIRS, OF_SELF, Quantity

SCHEMA = "ofx-reenact/moving/1"


@dataclass(frozen=True)
class Cell:
    """A quantity of a method over pairs.

    Attributes:
        mean: mean of the pairs' numbers, with its interval.
        pairs: pair → its number, NaN where it has none.
        worst: name of the pair that is furthest outside the promised range or, if none is outside, nearest to its edge;
            "" if all numbers are equal or nothing is promised.
        kept: number of pairs inside the promised range; None if nothing is promised.
        missed: whether the mean, or any pair if the promise is for every pair, is outside the promised range.
    """

    mean: Estimate
    pairs: Mapping[str, float]
    worst: str
    kept: int | None
    missed: bool

    @property
    def worst_value(self) -> float:
        """The number of the worst pair; NaN if there is none."""
        return self.pairs.get(self.worst, math.nan)


Rows = Mapping[str, Mapping[str, Cell]]


@dataclass(frozen=True)
class Summary:
    """The numbers of an evaluation: ``rows`` method → quantity → cell; ``backends`` quantity → what made it."""

    rows: Rows
    backends: Mapping[str, str]
    results: Sequence[PairResult]

    @property
    def pairs(self) -> list[PairResult]:
        """Pairs of two different clips."""
        return [result for result in self.results if result.target != result.driver]

    @property
    def plates(self) -> list[str]:
        """Names of the plates."""
        return sorted({result.target for result in self.pairs})

    @property
    def drivers(self) -> list[str]:
        """Names of the drivers."""
        return sorted({result.driver for result in self.pairs})

    @property
    def frames(self) -> int:
        """Rendered frames of all pairs of two different clips."""
        return sum(len(result.frames) for result in self.pairs)

    def sorted_by(self, quantity: Quantity, method: str = DRIVEN) -> list[PairResult]:
        """Return the pairs that have a number, the lowest first."""
        known = [r for r in self.pairs if math.isfinite(self.rows[method][quantity.name].pairs[r.name])]
        return sorted(known, key=lambda result: self.rows[method][quantity.name].pairs[result.name])


def summarise(results: Sequence[PairResult]) -> Summary:
    """Summarise pairs, of which at least one is of two different clips."""
    methods = [method for method in RENDERED_METHODS if any(method in result.values for result in results)]
    rows: dict[str, dict[str, Cell]] = {}
    for method in (*methods, SELF):
        measured = [result for result in results if method in result.values]
        known = {name for result in measured for name in result.values[method]}
        quantities = [q for q in (OF_SELF if method == SELF else OF_PAIRS) if q.name in known]
        rows[method] = {quantity.name: summarise_pairs(measured, method, quantity) for quantity in quantities}
    backends = {name: made for result in results for name, made in result.backends.items()}
    return Summary(rows, backends, results)


def summarise_pairs(results: Sequence[PairResult], method: str, quantity: Quantity) -> Cell:
    """Summarise a quantity of a method over pairs."""
    values = [result.values[method].get(quantity.name, np.zeros(0)) for result in results]
    numbers = np.array([quantity.reduce(x) for x in values])
    groups = [np.unique([r.target for r in results], return_inverse=True)[1]]
    if method != SELF:
        groups.append(np.unique([r.driver for r in results], return_inverse=True)[1])
    frames = int(sum(np.isfinite(x).sum() for x in values))
    mean = estimate(lambda chosen: float(numbers[chosen].mean()), groups, np.isfinite(numbers), frames)
    pairs = {result.name: float(number) for result, number in zip(results, numbers, strict=True)}
    promise, known = quantity.promise, np.isfinite(numbers)
    if promise is None or not known.any():
        return Cell(mean, pairs, "", None, missed=False)
    misses = np.array([promise.distance_outside(number) for number in numbers])
    # If all pairs are inside, the worst is the one nearest to an edge.
    edge = np.minimum(numbers - promise.low, promise.high - numbers)
    order = np.where(known, misses - 1e-6 * np.where(np.isfinite(edge), edge, 0), -np.inf)
    kept = int((misses[known] == 0).sum())
    missed = kept < known.sum() if promise.every_pair else promise.distance_outside(mean.value) > 0
    all_equal = len(numbers[known]) > 1 and np.ptp(numbers[known]) == 0
    return Cell(mean, pairs, "" if all_equal else results[int(np.argmax(order))].name, kept, bool(missed))


def to_json(summary: Summary, command: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all numbers for JSON; a number that does not exist is null."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "command": command,
        "settings": dict(settings),
        "plates": summary.plates,
        "drivers": summary.drivers,
        "counts": {"pairs": len(summary.pairs), "frames": summary.frames},
        "quantities": {
            q.name: {"unit": q.unit, "says": q.description, "promised": str(q.promise) if q.promise else None}
            | {"backend": summary.backends[q.name]}
            for q in dict.fromkeys((*OF_PAIRS, *OF_SELF))
            if q.name in summary.backends
        },
        "missed": [name for name, cell in summary.rows[DRIVEN].items() if cell.missed]
        + [f"{SELF}: {name}" for name, cell in summary.rows[SELF].items() if cell.missed],
        "methods": {
            method: {name: _json_cell(cell) for name, cell in row.items()} for method, row in summary.rows.items()
        },
        "pairs": [_json_pair(summary, result) for result in summary.results],
    }


def _json_cell(cell: Cell) -> dict[str, Any]:
    return {
        "value": json_number(cell.mean.value),
        "interval": json_number(cell.mean.interval),
        "pairs": cell.mean.pairs,
        "frames": cell.mean.frames,
    } | ({} if cell.kept is None else {"kept": cell.kept, "missed": cell.missed, "worst": cell.worst})


def _json_pair(summary: Summary, result: PairResult) -> dict[str, Any]:
    means = {
        method: {name: json_number(cell.pairs[result.name]) for name, cell in row.items()}
        for method, row in summary.rows.items()
        if method in result.values
    }
    return {"name": result.name, "frames": [result.frames[0], result.frames[-1]], "numbers": means} | {
        "moves": {
            who: {name: json_number(float(np.std(curve))) for name, curve in result.values[who].items()}
            for who in (PLATE, DRIVER)
            if who in result.values
        }
    }

