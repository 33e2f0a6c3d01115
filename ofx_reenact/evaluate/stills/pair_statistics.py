"""Statistics over pairs: each metric of each method with its interval, and the numbers as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError
from ofx_reenact.evaluate.metrics import gain, identity, landmark_gain, motion, openface, pixels
from ofx_reenact.evaluate.metrics.distribution import FeatureExtractor, frechet_distance, kernel_distance
from ofx_reenact.evaluate.metrics.scores import Estimate, Metric, estimate, estimate_mean, finite_mean, json_number
from ofx_reenact.evaluate.pairs.pair_result import PairResult
from ofx_reenact.evaluate.stills.compared_methods import DRIVER, WARP_PROFILE, has_other_strength, slug
from ofx_reenact.evaluate.stills.identity_over_gain import Curves, compare_curves
from ofx_reenact.evaluate.stills.measure_pair import FOUND

SCHEMA = "ofx-reenact/reenactment/1"
# The whole face, and groups of its blendshapes.
GROUPS = (gain.WHOLE, *gain.GROUPS)
# OpenFace's numbers have metrics of their own.
OPENFACE = tuple(
    Metric(f"{metric.name} ({openface.BACKEND})", metric.unit, metric.best, description)
    for metric, description in (
        (motion.PSIM, motion.PSIM.description),
        (motion.ROTATION, motion.ROTATION.description),
        (motion.ED, "expression against the driver's: distance of action unit intensities, 0 to 5 each"),
    )
)
# All metrics but the distances of sets, in the order of tables.
_METRICS: tuple[Metric, ...] = (
    identity.ISIM, motion.PSIM, motion.ED, *OPENFACE, pixels.SSIM, pixels.PSNR, pixels.FEATURES, motion.ROTATION,
    motion.CHANGE, *(motion.region_metric(region) for region in motion.REGIONS),
    *(make(group) for group in GROUPS for make in (gain.gain_metric, gain.correlation_metric)),
    *(make(region, step) for step in (landmark_gain.ASKED, landmark_gain.RENDERED) for region in landmark_gain.REGIONS
      for make in (landmark_gain.gain_metric, landmark_gain.correlation_metric)),
    motion.JITTER, motion.PUMPING, pixels.SHARPNESS, pixels.ZERO_MOTION, identity.ZERO_MOTION, FOUND,
)  # fmt: skip

Rows = Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class Summary:
    """The numbers of an evaluation.

    Attributes:
        protocol: ``self`` or ``cross``.
        metrics: by name, in the order of tables.
        backends: metric → the network or method that made it.
        rows: method → metric → number.
        differences: method → metric → its number minus profile warp's, pair by pair; empty without profile warp.
        results: the pairs.
        real: number of real pictures that FID and KID compare with.
        curves: identity over gain, if methods were rendered at several strengths.
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
        """The methods at strength 1."""
        return [method for method in self.rows if not has_other_strength(method)]

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
        """Measured driver frames of all pairs."""
        return sum(len(result.frames) for result in self.results)


def summarise(
    protocol: str, results: Sequence[PairResult], extractor: FeatureExtractor | None, csvs: Path | None = None
) -> Summary:
    """Summarise one or more pairs.

    Args:
        protocol: ``self`` or ``cross``.
        results: the pairs.
        extractor: the network of their features; without one there are no distances of sets.
        csvs: folder of OpenFace's CSVs for the kept frames, ``PAIR/METHOD.csv``.

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
    distances: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {}
    order = list(_METRICS)
    if extractor is not None:
        distances = {extractor.frechet.name: frechet_distance, extractor.kernel.name: kernel_distance}
        backends |= dict.fromkeys(distances, extractor.backend)
        order[3 + len(OPENFACE) : 3 + len(OPENFACE)] = [extractor.frechet, extractor.kernel]
    metrics = {metric.name: metric for metric in order if metric.name in backends}
    groups = [_index([result.target for result in results]), _index([result.driver for result in results])]
    # In ``self`` target and driver are the same clip.
    groups = groups[1:] if protocol == "self" else groups
    methods = list(results[0].values)
    tables = {method: {name: _column(values, results, method, name) for name in metrics} for method in methods}
    weights = gain.pair_weights([result.uses for result in results])
    rows: dict[str, dict[str, Estimate]] = {}
    differences: dict[str, dict[str, Estimate]] = {}
    for method in methods:
        rows[method], differences[method] = {}, {}
        for name in metrics:
            if name in distances:
                rows[method][name] = _estimate_distance(distances[name], results, method, groups, protocol)
                continue
            means, count = tables[method][name]
            if count:
                rows[method][name] = estimate_mean(means, groups, count, weights.get(name))
            if count and WARP_PROFILE in tables and method not in (WARP_PROFILE, DRIVER):
                differences[method][name] = estimate_mean(
                    means - tables[WARP_PROFILE][name][0], groups, count, weights.get(name)
                )
    real = sum(len(x) for x in _real(results, np.ones(len(results), bool), protocol))
    curves = compare_curves({m: {k: v[0] for k, v in row.items()} for m, row in tables.items()}, groups)
    return Summary(protocol, metrics, backends, rows, differences, results, real, curves)


def _backends(results: Sequence[PairResult]) -> dict[str, str]:
    """Return the backend of each metric, which must be the same in all pairs."""
    backends: dict[str, str] = {}
    for result in results:
        for metric, backend in result.backends.items():
            if backends.setdefault(metric, backend) != backend:
                raise ReenactError(
                    f"{result.name}: {metric} is of {backend}, in other pairs of {backends[metric]}; such numbers "
                    "cannot be compared, so measure all pairs with one backend"
                )
    return backends


def openface_values(result: PairResult, folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Score OpenFace's results for a pair's frames: method → metric → (N,).

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


def to_json(summary: Summary, command: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all numbers for JSON; a number that does not exist is null."""
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
            name: {"name": name, "unit": metric.unit, "best": metric.best, "says": metric.description}
            | {"backend": summary.backends[name]}
            for name, metric in summary.metrics.items()
        },
        "methods": _json_rows(summary.rows),
        "less profile warp": _json_rows(summary.differences),
        "blendshapes": _json_blendshapes(summary),
        "identity over gain": _json_curves(summary),
        "pairs": [
            {
                "name": result.name,
                "frames": list(result.frames),
                "yaw": [json_number(yaw) for yaw in result.yaw],
                "means": {
                    method: {name: json_number(finite_mean(values)) for name, values in row.items()}
                    for method, row in result.values.items()
                },
            }
            for result in summary.results
        ],
    }


@dataclass(frozen=True)
class UsedBlendshape:
    """A blendshape that drivers use.

    Attributes:
        weight: its mean standard deviation over the whole clips of the drivers that use it.
        pairs: number of pairs whose driver uses it.
        methods: method → (gain, correlation), means weighted by the standard deviations.
    """

    weight: float
    pairs: int
    methods: Mapping[str, np.ndarray]


def used_blendshapes(summary: Summary) -> dict[str, UsedBlendshape]:
    """Return the blendshapes that drivers use, the most used first."""
    uses = [result.uses for result in summary.results]
    averaged = {
        method: gain.average_blendshapes([result.gains.get(method, {}) for result in summary.results], uses)
        for method in summary.rows
    }
    found = {}
    for name in {name for row in averaged.values() for name in row}:
        weights = [weight[name] for weight in uses if name in weight]
        methods = {method: row[name] for method, row in averaged.items() if name in row}
        found[name] = UsedBlendshape(float(np.mean(weights)), len(weights), methods)
    return dict(sorted(found.items(), key=lambda item: (-item[1].weight * item[1].pairs, item[0])))


def _json_blendshapes(summary: Summary) -> dict[str, Any]:
    return {
        name: {
            "weight": json_number(used.weight),
            "pairs": used.pairs,
            "methods": {
                method: {"gain": json_number(values[0]), "correlation": json_number(values[1])}
                for method, values in used.methods.items()
            },
        }
        for name, used in used_blendshapes(summary).items()
    }


def _json_curves(summary: Summary) -> dict[str, Any] | None:
    curves = summary.curves
    if curves is None:
        return None
    return {
        "methods": {
            method: [
                {"strength": point.strength, "gain": _json_estimate(point.gain)}
                | {"identity": _json_estimate(point.identity)}
                for point in points
            ]
            for method, points in curves.points.items()
        },
        "at the same gain": {
            "gain": _json_estimate(curves.gain),
            "identity": {method: _json_estimate(number) for method, number in curves.identity.items()},
            "difference": _json_estimate(curves.difference),
            "pairs": {
                result.name: {"gain": json_number(at), "difference": json_number(apart)}
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
    """Return the mean of each pair (P,), NaN where there is none, and the number of values."""
    found = [values[result.name].get(method, {}).get(name, np.zeros(0)) for result in results]
    return np.array([finite_mean(x) for x in found]), int(sum(np.isfinite(x).sum() for x in found))


def _estimate_distance(
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
    """Return the features of the chosen (P,) bool pairs' real pictures; in ``cross`` each target counts once."""
    used = [result for result, use in zip(results, chosen, strict=True) if use]
    return list({(r.target if protocol == "cross" else r.name): r.real for r in used}.values())


def _index(names: Sequence[str]) -> np.ndarray:
    return np.unique(names, return_inverse=True)[1]


def _json_rows(rows: Rows) -> dict[str, dict[str, dict[str, float | int | None]]]:
    return {
        method: {name: _json_estimate(number) for name, number in row.items()} for method, row in rows.items()
    }


def _json_estimate(number: Estimate) -> dict[str, float | int | None]:
    known = {"value": json_number(number.value), "interval": json_number(number.interval)}
    return known | {"pairs": number.pairs, "frames": number.frames}

