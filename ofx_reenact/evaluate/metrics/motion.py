"""Whether the motion is the driver's: head rotation, expression, and what should not move."""

from __future__ import annotations

import numpy as np

from ofx_reenact.evaluate.metrics.scores import Metric, Scores
from ofx_reenact.tracking.blendshapes import BLENDSHAPES
from ofx_reenact.tracking.rigid import euler_degrees

FACE_MESH = "Face Mesh"
BLENDSHAPE_BACKEND = "Face Mesh blendshapes"

PSIM = Metric("PSIM", "cosine", "high", "head rotation beside the driver's: cosine of the three angles as a vector")
ROTATION = Metric("rotation error", "degrees", "low", "mean difference of the head's three angles from the driver's")
CHANGE = Metric(
    "rotation change error", "degrees", "low",
    "the same, of the rotation since the target and the driver's reference: what relative motion is asked for",
)  # fmt: skip
ED = Metric("ED", "L2", "low", "expression beside the driver's: distance of expression coefficients")
JITTER = Metric(
    "jitter", "mm", "0", "mean second difference of the 68 landmarks over three frames, less the driver's own"
)
PUMPING = Metric("scale pumping", "%", "low", "swing of the head's size against the driver's, one deviation")

# Blendshapes by what their names begin with.
REGIONS = {"brows": ("brow",), "eyes": ("eye",), "jaw": ("jaw",), "mouth": ("mouth",), "cheeks": ("cheek", "nose")}


def region_metric(region: str) -> Metric:
    """Name the expression distance of one region."""
    return Metric(f"ED {region}", "L2", "low", f"expression distance of the {region} alone")


def psim(backend: str, made: np.ndarray, driver: np.ndarray) -> Scores:
    """PSIM of Euler angles (N, 3) in any one unit; NaN where a head is not turned at all, which has no direction."""
    length = np.linalg.norm(made, axis=1) * np.linalg.norm(driver, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Scores(PSIM, backend, np.where(length > 1e-9, (made * driver).sum(1) / length, np.nan))


def rotation_error(backend: str, made: np.ndarray, driver: np.ndarray) -> Scores:
    """Mean absolute difference of Euler angles (N, 3), degrees."""
    return Scores(ROTATION, backend, np.abs(_turn(made - driver)).mean(1))


def change_error(made: np.ndarray, target: np.ndarray, driver: np.ndarray, reference: np.ndarray) -> Scores:
    """Mean absolute difference, degrees, of what two heads (N, 3, 3), NaN without a face, turned from (3, 3) each."""
    values = np.full(len(made), np.nan)
    known = np.isfinite(made).all((1, 2)) & np.isfinite(driver).all((1, 2))
    if known.any():
        one, other = euler_degrees(made[known] @ target.T), euler_degrees(driver[known] @ reference.T)
        values[known] = np.abs(_turn(one - other)).mean(1)
    return Scores(CHANGE, FACE_MESH, values)


def blendshape_distances(made: np.ndarray, driver: np.ndarray) -> list[Scores]:
    """ED of all 51 blendshapes (N, 52 with the neutral one) and of each region."""
    apart = made - driver
    named = np.array(BLENDSHAPES)
    moving = named != "_neutral"
    scores = [Scores(ED, BLENDSHAPE_BACKEND, np.linalg.norm(apart[:, moving], axis=1))]
    for region, starts in REGIONS.items():
        mine = np.array([name.startswith(starts) for name in named])
        scores.append(Scores(region_metric(region), BLENDSHAPE_BACKEND, np.linalg.norm(apart[:, mine], axis=1)))
    return scores


def second_difference(landmarks: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Mean second difference of landmarks (N, 3, L, 2) over three frames in a row, (N,) mm of the canonical head.

    ``scale`` (N,) are pixels a canonical centimetre.
    """
    bend = landmarks[:, 0] - 2 * landmarks[:, 1] + landmarks[:, 2]
    return 10 * np.linalg.norm(bend, axis=-1).mean(-1) / scale


def jitter(made: np.ndarray, driver: np.ndarray) -> Scores:
    """Second differences (N,) of what was made, less the driver's: above 0 it is shakier, below it moves less."""
    return Scores(JITTER, FACE_MESH, made - driver)


def scale_pumping(made: np.ndarray, driver: np.ndarray) -> Scores:
    """How much a head's size (N,) swings against the driver's in a clip: deviation of their ratio, percent, one value.

    NaN where there is no face; fewer than two give NaN.
    """
    ratio = np.log(made / driver)
    known = ratio[np.isfinite(ratio)]
    return Scores(PUMPING, FACE_MESH, np.array([100 * known.std() if len(known) > 1 else np.nan]))


def _turn(degrees: np.ndarray) -> np.ndarray:
    """Bring differences of angles to (-180, 180]."""
    return (degrees + 180) % 360 - 180
