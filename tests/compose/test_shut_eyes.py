"""A lid that shuts: it covers the eye's pixels, and its lashes keep their shape."""

import numpy as np

from ofx_reenact.compose.carry import Carrier
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT, REGIONS
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp.match_openings import match_openings
from ofx_reenact.warp.openings import fit_lens

MARK, LASH = 10.0, 5.0


def carry_shut(face) -> tuple[np.ndarray, Carrier, np.ndarray]:
    """Shut both eyes of a face that is black except for its eyes (MARK) and a line of lashes above them (LASH)."""
    carrier = Carrier(np.zeros((face.size[1], face.size[0], 1), np.float32), face.mesh, face.frontal, face.head, 0.35)
    y, x = np.mgrid[: face.size[1], : face.size[0]].astype(np.float64)
    picture = np.zeros((*y.shape, 3), np.float32)
    for name in ("eye_right", "eye_left"):
        lens = carrier.lenses[name]
        u, v = lens.coordinates(x, y)
        above = lens.bounds(u)[0] - v
        picture[lens.coverage(x, y, 1.0) > 0] = MARK
        picture[(np.abs(u) < 0.8) & (above > 0) & (above < 0.05 * 2 * lens.half)] = LASH
    driver = np.repeat(face.frontal[None], 2, axis=0).copy()
    for contour in (EYE_RIGHT, EYE_LEFT):
        driver[1, list(contour[0][1:-1]), 1] = driver[1, list(contour[1][1:-1]), 1]
    weights = dict.fromkeys(REGIONS, np.ones(len(driver)))
    asked = match_openings(face.frontal, np.zeros((2, FACE_POINTS, 3)), driver, 0, weights)[1]
    frontal = face.frontal[:FACE_POINTS]
    moved = face.head.apply(frontal + asked) - face.head.apply(frontal)
    carrier = Carrier(picture, face.mesh, face.frontal, face.head, 0.35)
    carried = carrier.carry(moved, face.head, np.zeros((2, 2)), np.zeros(3))
    made = picture.copy()
    made[carried.composed.slices] = carried.composed.colour
    return made[..., 0], carrier, face.mesh[:FACE_POINTS] + moved


def test_a_shut_eye_is_shut_in_pixels_and_its_lashes_keep_their_height(face):
    made, carrier, mesh = carry_shut(face)
    y, x = np.mgrid[: made.shape[0], : made.shape[1]].astype(np.float64)
    for name, iris in (("eye_right", IRIS_RIGHT), ("eye_left", IRIS_LEFT)):
        was, now = carrier.lenses[name], fit_lens(name, mesh)
        open_before = was.coverage(x, y, 1.0) == 1
        assert (made[open_before] > 0.6 * MARK).mean() < 0.02, "nothing of the eye shines through"
        row, column = np.rint(face.mesh[iris[0], 1::-1]).astype(int)
        assert made[row, column] < 1, "skin lies where the iris was"
        u, v = now.coordinates(x, y)
        near = (np.abs(u) < 0.5) & (v > was.bounds(u)[0] - 0.5 * was.half) & (v < now.bounds(u)[1] + 0.3 * was.half)
        lashes = (np.clip(made, 0, LASH) * near).sum() / LASH
        assert lashes < 1.6 * 0.05 * 2 * was.half * was.half, "no more than there were"
