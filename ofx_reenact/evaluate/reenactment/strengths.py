"""Identity over gain: what moves more keeps less of the person, so methods are compared where both move as much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ofx_reenact.evaluate.metrics.gain import gain_metric
from ofx_reenact.evaluate.metrics.identity import ISIM
from ofx_reenact.evaluate.metrics.scores import Estimate, estimate_mean
from ofx_reenact.evaluate.reenactment.methods import COPIED, CURVES, LDNET, strength_of

# (S,) gains and identities of a method at its strengths, in one pair.
Curve = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Point:
    """A method at a strength: means over pairs."""

    strength: float
    gain: Estimate
    identity: Estimate


@dataclass(frozen=True)
class Curves:
    """Identity over gain, of LD-Net and of copied landmarks.

    Attributes:
        points: method → its strengths, ascending.
        gain: at which the two are compared, mean over pairs.
        identity: method → identity at this gain.
        difference: LD-Net's identity less that of copied landmarks, pair by pair.
        gains: (P,) the gain at which each pair is compared; NaN where no gain is reached by both.
        differences: (P,) of each pair.
    """

    points: Mapping[str, Sequence[Point]]
    gain: Estimate
    identity: Mapping[str, Estimate]
    difference: Estimate
    gains: np.ndarray
    differences: np.ndarray


def compare_curves(tables: Mapping[str, Mapping[str, np.ndarray]], groups: Sequence[np.ndarray]) -> Curves | None:
    """Compare methods that were rendered at several strengths.

    Args:
        tables: method → metric → numbers of pairs (P,).
        groups: (P,) int, of each kind of group that pairs share.

    Returns None where there are no strengths, or no identities.
    """
    found: dict[str, dict[float, str]] = {method: {} for method in CURVES}
    for method in tables:
        base, strength = strength_of(method)
        if base in found:
            found[base][strength] = method
    at, like = gain_metric().name, ISIM.name
    if any(len(one) < 2 or any(like not in tables[name] for name in one.values()) for one in found.values()):
        return None
    strengths = {base: dict(sorted(one.items())) for base, one in found.items()}

    def mean(numbers: np.ndarray) -> Estimate:
        return estimate_mean(numbers, groups, int(np.isfinite(numbers).sum()))

    curves = {
        base: tuple(np.stack([tables[name][metric] for name in one.values()], axis=1) for metric in (at, like))
        for base, one in strengths.items()
    }
    whole = list(strengths[COPIED]).index(1.0) if 1.0 in strengths[COPIED] else -1
    pairs = zip(*(zip(*curves[base], strict=True) for base in (LDNET, COPIED)), strict=True)
    compared = np.array([compare_pair(one, other, whole) for one, other in pairs])
    gains, identities = compared[:, 0], {LDNET: compared[:, 1], COPIED: compared[:, 2]}
    differences = identities[LDNET] - identities[COPIED]
    return Curves(
        points={
            base: [Point(s, mean(tables[name][at]), mean(tables[name][like])) for s, name in one.items()]
            for base, one in strengths.items()
        },
        gain=mean(gains),
        identity={base: mean(values) for base, values in identities.items()},
        difference=mean(differences),
        gains=gains,
        differences=differences,
    )


def compare_pair(one: Curve, other: Curve, whole: int) -> tuple[float, float, float]:
    """Compare two methods of a pair at one gain: the other's at its strength ``whole``, if both reach it.

    Else at the largest gain that both reach. Between two strengths both are taken to go straight.

    Returns the gain, and both identities there; NaN where there is no gain that both reach.
    """
    if not all(np.isfinite(values).all() for values in (*one, *other)):
        return float("nan"), float("nan"), float("nan")
    at = min(float(other[0][whole]), one[0].max())
    if at < max(one[0].min(), other[0].min()):
        return float("nan"), float("nan"), float("nan")
    return at, _like_at(at, *one), _like_at(at, *other)


def _like_at(at: float, gains: np.ndarray, like: np.ndarray) -> float:
    order = np.argsort(gains)
    return float(np.interp(at, gains[order], like[order]))
