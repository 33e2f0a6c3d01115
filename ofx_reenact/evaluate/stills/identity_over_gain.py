"""Identity over gain: more motion costs identity, so methods are compared at the same gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ofx_reenact.evaluate.metrics.gain import gain_metric
from ofx_reenact.evaluate.metrics.identity import ISIM
from ofx_reenact.evaluate.metrics.scores import Estimate, estimate_mean
from ofx_reenact.evaluate.stills.compared_methods import COPIED, CURVES, LDNET, split_strength

# A method in one pair: gains (S,) and identities (S,) at its strengths.
Curve = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Point:
    """A method at a strength: means over pairs."""

    strength: float
    gain: Estimate
    identity: Estimate


@dataclass(frozen=True)
class Curves:
    """Identity over gain of LD-Net and of copied landmarks.

    Attributes:
        points: method → a point for each strength, ascending.
        gain: the gain at which the two are compared, mean over pairs.
        identity: method → identity at this gain.
        difference: LD-Net's identity minus that of copied landmarks, mean over pairs.
        gains: (P,) the gain at which each pair is compared; NaN where the two reach no common gain.
        differences: (P,) LD-Net's identity minus that of copied landmarks in each pair.
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
        groups: for each kind of group the group of each pair, (P,) int; see :func:`estimate`.

    Returns None if there are no strengths or no identities.
    """
    names: dict[str, dict[float, str]] = {method: {} for method in CURVES}
    for method in tables:
        base, strength = split_strength(method)
        if base in names:
            names[base][strength] = method
    gain_name, isim = gain_metric().name, ISIM.name
    if any(len(one) < 2 or any(isim not in tables[name] for name in one.values()) for one in names.values()):
        return None
    strengths = {base: dict(sorted(one.items())) for base, one in names.items()}

    def mean(numbers: np.ndarray) -> Estimate:
        return estimate_mean(numbers, groups, int(np.isfinite(numbers).sum()))

    curves = {
        base: tuple(np.stack([tables[name][metric] for name in one.values()], axis=1) for metric in (gain_name, isim))
        for base, one in strengths.items()
    }
    full = list(strengths[COPIED]).index(1.0) if 1.0 in strengths[COPIED] else -1
    pairs = zip(*(zip(*curves[base], strict=True) for base in (LDNET, COPIED)), strict=True)
    compared = np.array([compare_pair(one, other, full) for one, other in pairs])
    gains, identities = compared[:, 0], {LDNET: compared[:, 1], COPIED: compared[:, 2]}
    differences = identities[LDNET] - identities[COPIED]
    return Curves(
        points={
            base: [Point(s, mean(tables[name][gain_name]), mean(tables[name][isim])) for s, name in one.items()]
            for base, one in strengths.items()
        },
        gain=mean(gains),
        identity={base: mean(values) for base, values in identities.items()},
        difference=mean(differences),
        gains=gains,
        differences=differences,
    )


def compare_pair(one: Curve, other: Curve, full: int) -> tuple[float, float, float]:
    """Compare two methods of a pair at the same gain, interpolating linearly between strengths.

    Their common gain is that of ``other`` at its strength with the index ``full``, or the largest gain of ``one`` if
    that is less. Returns it, and the identity of ``one`` and of ``other`` there; all NaN if there is no common gain.
    """
    if not all(np.isfinite(values).all() for values in (*one, *other)):
        return float("nan"), float("nan"), float("nan")
    gain = min(float(other[0][full]), one[0].max())
    if gain < max(one[0].min(), other[0].min()):
        return float("nan"), float("nan"), float("nan")
    return gain, _identity_at(gain, *one), _identity_at(gain, *other)


def _identity_at(gain: float, gains: np.ndarray, identities: np.ndarray) -> float:
    order = np.argsort(gains)
    return float(np.interp(gain, gains[order], identities[order]))
