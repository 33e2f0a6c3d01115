"""How far the regions of a face move: gain and correlation of landmarks, in two steps.

*Asked* compares the landmarks that the motion asks of the target with the driver's: what is missing there is lost in
retargeting. *Rendered* compares the landmarks tracked in the rendered frames with those asked: what is missing there is
lost in the picture, or not seen by the tracker.

Landmarks are frontal (without the head's pose), in two dimensions and in widths of the face, so that two people at two
sizes can be compared.
"""

from __future__ import annotations

import numpy as np

from ofx_reenact.evaluate.metrics.gain import FEWEST, gain_and_correlation_of_sums
from ofx_reenact.evaluate.metrics.lips_and_lids import face_size, frontal_unsmoothed
from ofx_reenact.evaluate.metrics.motion import FACE_MESH
from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.landmarks import REGIONS as PARTS

ASKED, RENDERED = "asked", "rendered"
# Points of outer and inner contour without the corners, which belong to both lips.
_UPPER, _LOWER = (49, 50, 51, 52, 53, 61, 62, 63), (55, 56, 57, 58, 59, 65, 66, 67)
# Regions as rows of the 68 landmarks.
REGIONS: dict[str, tuple[int, ...]] = {
    "jaw": PARTS["jaw"],
    "mouth": PARTS["mouth"],
    "upper lip": _UPPER,
    "lower lip": _LOWER,
    "eyes": PARTS["eye_right"] + PARTS["eye_left"],
    "brows": PARTS["brow_right"] + PARTS["brow_left"],
}
# A driver uses a region whose landmarks move more than this: root mean square, in widths of the face. A tracker's noise
# is below it.
USED = 0.003


def gain_metric(region: str, step: str) -> Metric:
    """Return the metric for the gain of a region's landmarks in the step ``asked`` or ``rendered``."""
    description = {
        ASKED: f"how far the motion asks the target's {region} to move in comparison with the driver's",
        RENDERED: f"how far the {region} tracked in the rendered frames moves in comparison with what was asked",
    }[step]
    return Metric(f"gain {step} {region}", "of it", "1", f"{description}: slope of one line through all its landmarks")


def correlation_metric(region: str, step: str) -> Metric:
    """Return the metric for the correlation of a region's landmarks in the step ``asked`` or ``rendered``."""
    description = {
        ASKED: f"whether the target's {region}, as the motion asks for it, moves in time with the driver's",
        RENDERED: f"whether the {region} tracked in the rendered frames moves in time with what was asked",
    }[step]
    return Metric(
        f"correlation {step} {region}", "-1 to 1", "1", f"{description}: one correlation of all its landmarks"
    )


def landmarks_of_tracks(mesh: np.ndarray) -> np.ndarray:
    """Return the frontal landmarks (N, 68, 2), in widths of the face, of tracked meshes (N, 478, 3), pixels.

    They are not smoothed; NaN where there is no face.
    """
    found = np.full((len(mesh), 68, 2), np.nan)
    known = np.isfinite(mesh).all((1, 2))
    if known.any():
        found[known] = landmarks_of_frontal(frontal_unsmoothed(mesh[known]))
    return found


def landmarks_of_frontal(frontal: np.ndarray) -> np.ndarray:
    """Return the landmarks (N, 68, 2), in widths of the face, of frontal meshes (N, 468 or more, 3) of one face."""
    return frontal[:, list(MESH68), :2].astype(np.float64) / face_size(frontal)


def used_regions(driver: np.ndarray) -> dict[str, bool]:
    """Return which regions a driver uses in frames with these landmarks (N, 68, 2), NaN without a face."""
    known = driver[np.isfinite(driver).all((1, 2))]
    if not len(known):
        return dict.fromkeys(REGIONS, False)
    moved = ((known - known.mean(0)) ** 2).sum(-1)
    return {region: bool(np.sqrt(moved[:, list(points)].mean()) > USED) for region, points in REGIONS.items()}


def compare_region(made: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Compare a region's landmarks (N, K, 2) with those wanted, after subtracting each coordinate's mean over frames.

    Frames with a NaN do not count. Returns one gain and one correlation of all landmarks; NaN where fewer than three
    frames are left or the wanted landmarks do not move.
    """
    known = np.isfinite(made).all((1, 2)) & np.isfinite(wanted).all((1, 2))
    if known.sum() < FEWEST:
        return float("nan"), float("nan")
    one, other = (values[known] - values[known].mean(0) for values in (made, wanted))
    gain, correlation = gain_and_correlation_of_sums((one**2).sum(), (other**2).sum(), (one * other).sum())
    return float(gain), float(correlation)


def compare_regions(driver: np.ndarray, asked: np.ndarray, rendered: np.ndarray) -> list[Scores]:
    """Compare the landmarks (N, 68, 2) asked with the driver's, and those rendered with those asked.

    Returns gain and correlation of every region and step, one value each; NaN where the driver does not use the region.
    """
    used = used_regions(driver)
    scores = []
    for step, made, wanted in ((ASKED, asked, driver), (RENDERED, rendered, asked)):
        for region, points in REGIONS.items():
            rows = list(points)
            values = compare_region(made[:, rows], wanted[:, rows]) if used[region] else (float("nan"),) * 2
            metrics = gain_metric(region, step), correlation_metric(region, step)
            scores += [Scores(m, FACE_MESH, np.array([v])) for m, v in zip(metrics, values, strict=True)]
    return scores
