"""From the numbers of pairs to those of methods, each with its interval and of how many pairs and frames it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics import displacement, gain, identity, motion, openface, pixels
from ofx_reenact.evaluate.metrics.distribution import Extractor, frechet, kernel
from ofx_reenact.evaluate.metrics.scores import Estimate, Metric, estimate, estimate_mean
from ofx_reenact.evaluate.reenactment.measure import FOUND
from ofx_reenact.evaluate.reenactment.methods import CARRIED, DRIVER, at_another_strength, slug
from ofx_reenact.evaluate.reenactment.result import PairResult
from ofx_reenact.evaluate.reenactment.strengths import Curves, compare_curves

SCHEMA = "ofx-reenact/reenactment/1"
# The whole face, and groups of its blendshapes.
GROUPS = (gain.WHOLE, *gain.GROUPS)
# What OpenFace found has columns of its own.
OPENFACE = tuple(
    Metric(f"{metric.name} ({openface.BACKEND})", metric.unit, metric.best, says)
    for metric, says in (
        (motion.PSIM, motion.PSIM.says),
        (motion.ROTATION, motion.ROTATION.says),
        (motion.ED, "expression beside the driver's: distance of action unit intensities, 0 to 5 each"),
    )
)
_FRAMES: tuple[Metric, ...] = (
    identity.ISIM, motion.PSIM, motion.ED, *OPENFACE, pixels.SSIM, pixels.PSNR, pixels.FEATURES, motion.ROTATION,
    motion.CHANGE, *(motion.region_metric(region) for region in motion.REGIONS),
    *(make(group) for group in GROUPS for make in (gain.gain_metric, gain.correlation_metric)),
    *(make(region, way) for way in (displacement.ASKED, displacement.RENDERED) for region in displacement.REGIONS
      for make in (displacement.gain_metric, displacement.correlation_metric)),
    motion.JITTER, motion.PUMPING, pixels.SHARPNESS, pixels.REST, identity.REST, FOUND,
)  # fmt: skip

Rows = Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class Summary:
    """An evaluation's numbers: method → metric → number, and ``differences``: that less profile warp's, pair by pair.

    ``metrics`` are in the order of tables, ``backends`` say what made each; ``real`` is the number of real pictures;
    ``curves`` has identity over gain, if methods were rendered at several strengths. Without profile warp there are no
    differences.
    """

    protocol: str
    metrics: Mapping[str, Metric]
    backends: Mapping[str, str]
    rows: Rows
    differences: Rows
    results: Sequence[PairResult]
    real: int
    curves: Curves | None = None

    @property
    def methods(self) -> list[str]:
        """The methods, each at its own strength."""
        return [method for method in self.rows if not at_another_strength(method)]

    @property
    def targets(self) -> list[str]:
        """Names of the targets."""
        return sorted({result.target for result in self.results})

    @property
    def drivers(self) -> list[str]:
        """Names of the drivers."""
        return sorted({result.driver for result in self.results})

    @property
    def frames(self) -> int:
        """Driver frames that were measured, over all pairs."""
        return sum(len(result.frames) for result in self.results)


def summarise(
    protocol: str, results: Sequence[PairResult], extractor: Extractor | None, csvs: Path | None = None
) -> Summary:
    """Summarise pairs, at least one; without an extractor no set distances.

    ``csvs`` is a folder of what OpenFace found in the frames, ``PAIR/METHOD.csv``.

    Raises:
        ReenactError: a CSV is missing or not of these frames, or pairs were measured with different backends.
    """
    values = {result.name: {m: dict(row) for m, row in result.values.items()} for result in results}
    backends = _backends(results)
    if csvs is not None:
        for result in results:
            for method, row in openface_values(result, csvs).items():
                values[result.name][method] |= row
        backends |= {metric.name: openface.BACKEND for metric in OPENFACE}
    of_sets: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {}
    order = list(_FRAMES)
    if extractor is not None:
        of_sets = {extractor.frechet.name: frechet, extractor.kernel.name: kernel}
        backends |= dict.fromkeys(of_sets, extractor.backend)
        order[3 + len(OPENFACE) : 3 + len(OPENFACE)] = [extractor.frechet, extractor.kernel]
    metrics = {metric.name: metric for metric in order if metric.name in backends}
    groups = [_index([result.target for result in results]), _index([result.driver for result in results])]
    groups = groups[1:] if protocol == "self" else groups
    methods = list(results[0].values)
    tables = {method: {name: _column(values, results, method, name) for name in metrics} for method in methods}
    weights = gain.weigh_pairs([result.uses for result in results])
    rows: dict[str, dict[str, Estimate]] = {}
    differences: dict[str, dict[str, Estimate]] = {}
    for method in methods:
        rows[method], differences[method] = {}, {}
        for name in metrics:
            if name in of_sets:
                rows[method][name] = _of_sets(of_sets[name], results, method, groups, protocol)
                continue
            means, count = tables[method][name]
            if count:
                rows[method][name] = estimate_mean(means, groups, count, weights.get(name))
            if count and CARRIED in tables and method not in (CARRIED, DRIVER):
                differences[method][name] = estimate_mean(
                    means - tables[CARRIED][name][0], groups, count, weights.get(name)
                )
    real = sum(len(x) for x in _real(results, np.ones(len(results), bool), protocol))
    curves = compare_curves({m: {k: v[0] for k, v in row.items()} for m, row in tables.items()}, groups)
    return Summary(protocol, metrics, backends, rows, differences, results, real, curves)


def _backends(results: Sequence[PairResult]) -> dict[str, str]:
    """What made each metric, which must be one thing for all pairs."""
    backends: dict[str, str] = {}
    for result in results:
        for metric, backend in result.backends.items():
            if backends.setdefault(metric, backend) != backend:
                raise ReenactError(
                    f"{result.name}: {metric} of {backend}, other pairs have it of {backends[metric]}; they are "
                    "different numbers, so measure all pairs with one backend"
                )
    return backends


def openface_values(result: PairResult, folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Score what OpenFace found in a pair's frames: method → metric → (N,).

    Raises:
        ReenactError: a CSV is missing or not of these frames.
    """
    count = len(result.frames)
    driver = openface.read(folder / result.name / f"{slug(DRIVER)}.csv", count)
    found: dict[str, dict[str, np.ndarray]] = {}
    for method in result.values:
        if method == DRIVER:
            continue
        made = openface.read(folder / result.name / f"{slug(method)}.csv", count)
        values = (
            motion.psim(openface.BACKEND, made.rotation, driver.rotation).values,
            motion.rotation_error(openface.BACKEND, made.rotation, driver.rotation).values,
            openface.unit_distance(made, driver),
        )
        found[method] = {metric.name: value for metric, value in zip(OPENFACE, values, strict=True)}
    return found


def plain(summary: Summary, command: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all of it as JSON takes it; what is not known is null."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "command": command,
        "protocol": summary.protocol,
        "settings": dict(settings),
        "targets": summary.targets,
        "drivers": summary.drivers,
        "counts": {"pairs": len(summary.results), "frames": summary.frames, "real pictures": summary.real},
        "metrics": {
            name: asdict(metric) | {"backend": summary.backends[name]} for name, metric in summary.metrics.items()
        },
        "methods": _plain_rows(summary.rows),
        "less profile warp": _plain_rows(summary.differences),
        "blendshapes": _plain_blendshapes(summary),
        "identity over gain": _plain_curves(summary),
        "pairs": [
            {
                "name": result.name,
                "frames": list(result.frames),
                "yaw": [_number(turned) for turned in result.yaw],
                "means": {
                    method: {name: _number(_mean(values)) for name, values in row.items()}
                    for method, row in result.values.items()
                },
            }
            for result in summary.results
        ],
    }


@dataclass(frozen=True)
class Used:
    """A blendshape that drivers use.

    Attributes:
        weight: mean deviation over the whole clips of those pairs whose driver uses it.
        pairs: how many they are.
        methods: method → (gain, correlation), means weighted with the deviations.
    """

    weight: float
    pairs: int
    methods: Mapping[str, np.ndarray]


def used_blendshapes(summary: Summary) -> dict[str, Used]:
    """Return the blendshapes that drivers use, those first that are used most."""
    uses = [result.uses for result in summary.results]
    averaged = {
        method: gain.average_blendshapes([result.gains.get(method, {}) for result in summary.results], uses)
        for method in summary.rows
    }
    found = {}
    for name in {name for row in averaged.values() for name in row}:
        weights = [weight[name] for weight in uses if name in weight]
        methods = {method: row[name] for method, row in averaged.items() if name in row}
        found[name] = Used(float(np.mean(weights)), len(weights), methods)
    return dict(sorted(found.items(), key=lambda item: (-item[1].weight * item[1].pairs, item[0])))


def _plain_blendshapes(summary: Summary) -> dict[str, Any]:
    return {
        name: {
            "weight": _number(used.weight),
            "pairs": used.pairs,
            "methods": {
                method: {"gain": _number(values[0]), "correlation": _number(values[1])}
                for method, values in used.methods.items()
            },
        }
        for name, used in used_blendshapes(summary).items()
    }


def _plain_curves(summary: Summary) -> dict[str, Any] | None:
    curves = summary.curves
    if curves is None:
        return None
    return {
        "methods": {
            method: [
                {"strength": point.strength, "gain": _plain_estimate(point.gain)}
                | {"identity": _plain_estimate(point.identity)}
                for point in points
            ]
            for method, points in curves.points.items()
        },
        "at the same gain": {
            "gain": _plain_estimate(curves.gain),
            "identity": {method: _plain_estimate(number) for method, number in curves.identity.items()},
            "difference": _plain_estimate(curves.difference),
            "pairs": {
                result.name: {"gain": _number(at), "difference": _number(apart)}
                for result, at, apart in zip(summary.results, curves.gains, curves.differences, strict=True)
            },
        },
    }


def _column(
    values: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    results: Sequence[PairResult],
    method: str,
    name: str,
) -> tuple[np.ndarray, int]:
    """Each pair's mean (P,), NaN where there is none, and the number of values."""
    found = [values[result.name].get(method, {}).get(name, np.zeros(0)) for result in results]
    return np.array([_mean(x) for x in found]), int(sum(np.isfinite(x).sum() for x in found))


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _of_sets(
    distance: Callable[[np.ndarray, np.ndarray], float],
    results: Sequence[PairResult],
    method: str,
    groups: Sequence[np.ndarray],
    protocol: str,
) -> Estimate:
    def statistic(chosen: np.ndarray) -> float:
        made = [result.features[method] for result, use in zip(results, chosen, strict=True) if use]
        return distance(np.concatenate(made), np.concatenate(_real(results, chosen, protocol)))

    everything = np.ones(len(results), bool)
    return estimate(statistic, groups, everything, sum(len(result.features[method]) for result in results))


def _real(results: Sequence[PairResult], chosen: np.ndarray, protocol: str) -> list[np.ndarray]:
    """Features of the real pictures of chosen pairs: in ``cross`` a target's picture counts once."""
    mine = [result for result, use in zip(results, chosen, strict=True) if use]
    return list({(r.target if protocol == "cross" else r.name): r.real for r in mine}.values())


def _index(names: Sequence[str]) -> np.ndarray:
    return np.unique(names, return_inverse=True)[1]


def _plain_rows(rows: Rows) -> dict[str, dict[str, dict[str, float | int | None]]]:
    return {
        method: {name: _plain_estimate(number) for name, number in row.items()} for method, row in rows.items()
    }


def _plain_estimate(number: Estimate) -> dict[str, float | int | None]:
    known = {"value": _number(number.value), "interval": _number(number.interval)}
    return known | {"pairs": number.pairs, "frames": number.frames}


def _number(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None
