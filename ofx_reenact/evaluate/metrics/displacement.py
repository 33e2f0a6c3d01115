"""How far the regions of a face go: displacements of landmarks, as they were asked for and as they were rendered.

Landmarks are frontal, the head's pose taken out, in two dimensions and in widths of the face, so that two people at
two sizes can be compared. *Asked* puts what the motion asks of the target beside what the driver did: the retargeting
loses what is lost there. *Rendered* puts the tracked face of the rendered frames beside what was asked: the picture
loses that, or the tracker does not see it.
"""

from __future__ import annotations

import numpy as np

from ofx_reenact.evaluate.metrics.following import face_size, unsmoothed
from ofx_reenact.evaluate.metrics.gain import FEWEST, compare_sums
from ofx_reenact.evaluate.metrics.motion import FACE_MESH
from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.landmarks import REGIONS as PARTS

ASKED, RENDERED = "asked", "rendered"
# Outer and inner contour, corners left out: these belong to both lips.
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
# A region whose landmarks the driver moves less than this, root mean square in widths of the face, is not used: it is
# below what a tracker's noise moves.
USED = 0.003


def gain_metric(region: str, way: str) -> Metric:
    """Name the gain of a region's landmarks, ``asked`` or ``rendered``."""
    says = {
        ASKED: f"how far the motion asks the target's {region} to go for the driver's",
        RENDERED: f"how far the rendered {region}, tracked again, goes for what was asked of it",
    }[way]
    return Metric(f"gain {way} {region}", "of it", "1", f"{says}: slope of one line through all its landmarks")


def correlation_metric(region: str, way: str) -> Metric:
    """Name the correlation of a region's landmarks, ``asked`` or ``rendered``."""
    says = {
        ASKED: f"whether what the motion asks of the target's {region} goes with the driver's",
        RENDERED: f"whether the rendered {region}, tracked again, goes with what was asked of it",
    }[way]
    return Metric(f"correlation {way} {region}", "-1 to 1", "1", f"{says}: one correlation of all its landmarks")


def track_displacements(mesh: np.ndarray) -> np.ndarray:
    """Return the frontal landmarks (N, 68, 2), in widths of the face, of tracked meshes (N, 478, 3), pixels.

    Nothing is smoothed. NaN where there is no face.
    """
    found = np.full((len(mesh), 68, 2), np.nan)
    known = np.isfinite(mesh).all((1, 2))
    if known.any():
        found[known] = of_frontal(unsmoothed(mesh[known]))
    return found


def of_frontal(frontal: np.ndarray) -> np.ndarray:
    """Return the landmarks (N, 68, 2) of frontal meshes (N, 468 or more, 3) of one face, in widths of the face."""
    return frontal[:, list(MESH68), :2].astype(np.float64) / face_size(frontal)


def used_regions(driver: np.ndarray) -> dict[str, bool]:
    """Tell which regions a driver whose landmarks are (N, 68, 2), NaN without a face, moves in these frames."""
    known = driver[np.isfinite(driver).all((1, 2))]
    if not len(known):
        return dict.fromkeys(REGIONS, False)
    moved = ((known - known.mean(0)) ** 2).sum(-1)
    return {region: bool(np.sqrt(moved[:, list(points)].mean()) > USED) for region, points in REGIONS.items()}


def follow_region(made: np.ndarray, driver: np.ndarray) -> tuple[float, float]:
    """Compare a region's landmarks (N, K, 2) with others, each coordinate less its mean over the frames.

    Frames with a NaN do not count. Returns gain and correlation of all of them together, NaN where fewer than three
    frames are left or the others do not move.
    """
    known = np.isfinite(made).all((1, 2)) & np.isfinite(driver).all((1, 2))
    if known.sum() < FEWEST:
        return float("nan"), float("nan")
    one, other = (values[known] - values[known].mean(0) for values in (made, driver))
    gain, correlation = compare_sums((one**2).sum(), (other**2).sum(), (one * other).sum())
    return float(gain), float(correlation)


def compare_regions(driver: np.ndarray, asked: np.ndarray, rendered: np.ndarray) -> list[Scores]:
    """Compare landmarks (N, 68, 2), asked with the driver's and rendered with those asked.

    Returns gain and correlation of every region, one value each; NaN where the driver does not use it.
    """
    used = used_regions(driver)
    scores = []
    for way, made, other in ((ASKED, asked, driver), (RENDERED, rendered, asked)):
        for region, points in REGIONS.items():
            mine = list(points)
            values = follow_region(made[:, mine], other[:, mine]) if used[region] else (float("nan"),) * 2
            metrics = gain_metric(region, way), correlation_metric(region, way)
            scores += [Scores(m, FACE_MESH, np.array([v])) for m, v in zip(metrics, values, strict=True)]
    return scores
