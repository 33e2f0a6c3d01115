"""Lids and lips that meet."""

import numpy as np

from ofx_reenact.compose.composite import compose
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, REGIONS
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp.match_openings import OVERLAP, match_openings
from ofx_reenact.warp.stmap import TargetSheet


def blink(face: np.ndarray) -> np.ndarray:
    """Frontal displacements (3, 468, 3) of an eye open, shut, and half shut."""
    driver = np.repeat(face[None], 3, axis=0).copy()
    for contour in (EYE_RIGHT, EYE_LEFT):
        upper, lower = list(contour[0][1:-1]), list(contour[1][1:-1])
        driver[1, upper, 1] = driver[1, lower, 1]
        driver[2, upper, 1] = (driver[2, upper, 1] + driver[2, lower, 1]) / 2
    moved = np.zeros((3, FACE_POINTS, 3))
    weights = dict.fromkeys(REGIONS, np.ones(len(driver)))
    return match_openings(face, moved, driver, 0, weights)


def test_openness_is_transferred(face):
    """A driver's blink shuts a narrow eye and a wide one; a shut upper lid lies on the lower one's rim."""
    frontal = face.frontal
    result = frontal[:FACE_POINTS] + blink(frontal)
    for contour in (EYE_RIGHT, EYE_LEFT):
        gap = result[:, contour[1][1:-1], 1] - result[:, contour[0][1:-1], 1]
        assert np.allclose(result[0], frontal[:FACE_POINTS])
        width = np.linalg.norm(frontal[contour[0][-1], :2] - frontal[contour[0][0], :2])
        assert np.isclose(gap[1].min(), -OVERLAP * width) and gap[1].max() <= 0
        assert (result[1, list(contour[0][1:-1]), 2] < frontal[list(contour[0][1:-1]), 2]).all()
        assert (0.1 * gap[0] < gap[2]).all() and (gap[2] < 0.8 * gap[0]).all()


def test_shut_lids_meet_without_steps(face):
    """Along the line where the lids meet, pixels mix both sides instead of taking one."""
    frontal = face.frontal[:FACE_POINTS]
    moved = face.head.apply(frontal + blink(face.frontal)[1]) - face.head.apply(frontal)
    laid = TargetSheet(face.frontal, face.head, face.size, neck=0.35)
    stmap = laid.bend(moved, face.head)
    height, width = face.size[1], face.size[0]
    picture = np.repeat(np.arange(height, dtype=np.float32)[:, None, None], width, axis=1).repeat(3, axis=2)
    lids = [seam for seam in stmap.seams if len(seam.x) > 20]
    assert len(lids) == 2
    colour = compose(picture, stmap, [], np.zeros(3, np.float32)).colour[..., 0]
    y = stmap.places((slice(None), slice(None)))[1]
    for seam in lids:
        rows, columns = seam.y - stmap.top, seam.x - stmap.left
        one_sided = (y + stmap.offset[..., 1])[rows, columns]
        assert (np.abs(colour[rows, columns] - one_sided) > 0.2).mean() > 0.3
    assert not laid.bend(moved * 0.01, face.head).seams, "without a jump there is no seam"


def test_lips_never_cross(face):
    moved = np.zeros((1, FACE_POINTS, 3))
    moved[0, list(LIPS_INNER[0][1:-1]), 1] = 3.0
    driver = np.repeat(face.frontal[None], 1, axis=0)
    weights = dict.fromkeys(REGIONS, np.ones(len(driver)))
    result = face.frontal[:FACE_POINTS] + match_openings(face.frontal, moved, driver, 0, weights)[0]
    gap = result[list(LIPS_INNER[1][1:-1]), 1] - result[list(LIPS_INNER[0][1:-1]), 1]
    rest = face.frontal[list(LIPS_INNER[1][1:-1]), 1] - face.frontal[list(LIPS_INNER[0][1:-1]), 1]
    assert (gap >= np.minimum(rest, 0) - 1e-6).all()
