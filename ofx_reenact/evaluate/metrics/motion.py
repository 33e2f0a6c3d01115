"""How near head rotation and expression are to the driver's, and how steady they are."""

from __future__ import annotations

import numpy as np

from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.rigid import euler_degrees

FACE_MESH = "Face Mesh"
BLENDSHAPE_BACKEND = "Face Mesh blendshapes"

PSIM = Metric("PSIM", "cosine", "high", "head rotation against the driver's: cosine of the three angles as a vector")
ROTATION = Metric("rotation error", "degrees", "low", "mean difference of the head's three angles from the driver's")
CHANGE = Metric(
    "rotation change error", "degrees", "low",
    "the same of the rotation relative to the target and to the driver's reference frame, as relative motion wants it",
)  # fmt: skip
ED = Metric("ED", "L2", "low", "expression against the driver's: distance of expression coefficients")
JITTER = Metric(
    "jitter", "mm", "0", "mean second difference of the 68 landmarks over three frames, minus the driver's"
)
PUMPING = Metric("scale pumping", "%", "low", "variation of the head's size against the driver's: standard deviation")

# Blendshapes of regions, by the beginnings of their names.
REGIONS = {"brows": ("brow",), "eyes": ("eye",), "jaw": ("jaw",), "mouth": ("mouth",), "cheeks": ("cheek", "nose")}


def region_metric(region: str) -> Metric:
    """Return the metric for the expression distance of one region."""
    return Metric(f"ED {region}", "L2", "low", f"expression distance of the {region} alone")


def psim(backend: str, made: np.ndarray, driver: np.ndarray) -> Scores:
    """Compute PSIM of Euler angles (N, 3); NaN where a head is not turned: a rotation by 0 has no direction."""
    length = np.linalg.norm(made, axis=1) * np.linalg.norm(driver, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Scores(PSIM, backend, np.where(length > 1e-9, (made * driver).sum(1) / length, np.nan))


def rotation_error(backend: str, made: np.ndarray, driver: np.ndarray) -> Scores:
    """Compute the mean absolute difference of Euler angles (N, 3), degrees."""
    return Scores(ROTATION, backend, np.abs(_wrap(made - driver)).mean(1))


def change_error(made: np.ndarray, target: np.ndarray, driver: np.ndarray, reference: np.ndarray) -> Scores:
    """Compute the mean absolute difference, degrees, of how far two heads have turned.

    Args:
        made: rotations (N, 3, 3) of the rendered heads, NaN without a face.
        target: rotation (3, 3) of the target's head.
        driver: rotations (N, 3, 3) of the driver's head.
        reference: rotation (3, 3) of the driver's head in the reference frame.
    """
    values = np.full(len(made), np.nan)
    known = np.isfinite(made).all((1, 2)) & np.isfinite(driver).all((1, 2))
    if known.any():
        one, other = euler_degrees(made[known] @ target.T), euler_degrees(driver[known] @ reference.T)
        values[known] = np.abs(_wrap(one - other)).mean(1)
    return Scores(CHANGE, FACE_MESH, values)


def blendshape_distances(made: np.ndarray, driver: np.ndarray) -> list[Scores]:
    """Compute ED of blendshapes (N, 52), without the one called neutral, and of each region."""
    difference = made - driver
    named = np.array(BLENDSHAPES)
    moving = named != "_neutral"
    scores = [Scores(ED, BLENDSHAPE_BACKEND, np.linalg.norm(difference[:, moving], axis=1))]
    for region, starts in REGIONS.items():
        chosen = np.array([name.startswith(starts) for name in named])
        scores.append(Scores(region_metric(region), BLENDSHAPE_BACKEND, np.linalg.norm(difference[:, chosen], axis=1)))
    return scores


def second_difference(landmarks: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Compute the mean second difference of landmarks (N, 3, L, 2), pixels, over three consecutive frames.

    ``scale`` (N,) is in pixels per centimetre of the canonical head. Returns (N,) mm of the canonical head.
    """
    bend = landmarks[:, 0] - 2 * landmarks[:, 1] + landmarks[:, 2]
    return 10 * np.linalg.norm(bend, axis=-1).mean(-1) / scale


def jitter(made: np.ndarray, driver: np.ndarray) -> Scores:
    """Subtract the driver's second differences (N,) from the result's: above 0 it shakes more, below 0 less."""
    return Scores(JITTER, FACE_MESH, made - driver)


def scale_pumping(made: np.ndarray, driver: np.ndarray) -> Scores:
    """Compute how much the ratio of a head's size (N,) to the driver's varies in a clip: standard deviation, percent.

    Sizes are NaN where there is no face; the value is NaN of fewer than two frames.
    """
    ratio = np.log(made / driver)
    known = ratio[np.isfinite(ratio)]
    return Scores(PUMPING, FACE_MESH, np.array([100 * known.std() if len(known) > 1 else np.nan]))


def _wrap(degrees: np.ndarray) -> np.ndarray:
    """Wrap differences of angles to [-180, 180)."""
    return (degrees + 180) % 360 - 180
