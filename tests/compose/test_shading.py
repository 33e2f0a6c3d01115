"""Light on a face: fitted to its skin, and how an expression changes it."""

import numpy as np
import pytest

from ofx_reenact.compose.folds import nasolabial_folds
from ofx_reenact.compose.shading import (
    EVEN_LIGHT,
    MOST,
    Light,
    change_light,
    compute_harmonics,
    compute_normals,
    fit_light,
)
from ofx_reenact.ops.raster import rasterise
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.warp.sheet import sheet

UPRIGHT = np.eye(3)
ABOVE = Light(np.array([1.0, 0, -0.5, -0.3, 0, 0, 0, 0, 0]))
FROM_LEFT = Light(np.array([1.0, -0.6, 0, -0.3, 0, 0, 0, 0, 0]))


def face() -> np.ndarray:
    return canonical().points.copy()


def pictured(size: int = 300) -> np.ndarray:
    """Return the canonical face in the middle of a square picture of that size, pixels."""
    return face() * (size / 24) + [size / 2, size / 2, 0]


def lit(light: Light, skin=(0.5, 0.3, 0.2), size: int = 300) -> np.ndarray:
    """Return a picture of the canonical face under a light."""
    mesh, nowhere = pictured(size), np.zeros((len(canonical().points), 2))
    values = light.fall_on(compute_normals(mesh))[:, None]
    _, lit = rasterise(mesh[:, :2], mesh[:, 2], [canonical().triangles], nowhere, values, (size, size))
    return (lit[0, ..., None] * np.array(skin, np.float32)).astype(np.float32)


def smile() -> np.ndarray:
    """Return the canonical face with the corners of its mouth moved outwards and up."""
    points = face()
    for corner, side in ((61, -1), (291, 1)):
        near = np.exp(-((face() - face()[corner]) ** 2).sum(1) / (2 * 1.0**2))[:, None]
        points += near * [side * 1.0, -0.7, 0]
    return points


def changes(light: Light, after: np.ndarray, strength: float = 1.0) -> np.ndarray:
    return change_light(light, face(), after, UPRIGHT, strength)


@pytest.mark.parametrize("light", [ABOVE, FROM_LEFT])
def test_the_fit_finds_the_light(light):
    found = fit_light(lit(light), pictured())
    normals = compute_normals(face())
    facing = normals[:, 2] < -0.4
    wanted = light.fall_on(normals[facing])
    got = found.fall_on(normals[facing])
    off = np.abs(got / np.median(got) / (wanted / np.median(wanted)) - 1)
    # Nostrils and the corners of lids have normals that the fitted skin does not have.
    assert off.mean() < 0.04 and np.corrcoef(got, wanted)[0, 1] > 0.97


def test_the_fit_ignores_hair_and_exposure():
    plain, size = fit_light(lit(ABOVE), pictured()), 300
    hidden = lit(ABOVE)
    hidden[: size // 2, : size // 3] *= 0.02
    half = np.dstack([hidden, np.ones((size, size), np.float32)]) * 16
    half[..., 3] = 1
    half[size // 2 :, size * 2 // 3 :] = 0
    normals = compute_normals(face())
    facing = normals[:, 2] < -0.4
    assert np.abs(fit_light(half, pictured()).fall_on(normals) / plain.fall_on(normals) - 1)[facing].max() < 0.1


@pytest.mark.parametrize("picture", [np.zeros((300, 300, 3), np.float32), np.zeros((4, 4, 3), np.float32)])
def test_without_skin_the_light_is_even(picture):
    assert fit_light(picture, pictured()) is EVEN_LIGHT
    assert (changes(EVEN_LIGHT, face() * [1, 1, 2]) == 0).all()


def test_the_change_is_the_ratio_of_the_light_on_both_shapes():
    after = face()
    after[:, 2] += 0.3 * after[:, 1]
    old, new = (ABOVE.fall_on(compute_normals(mesh)) for mesh in (face(), after))
    cheek = [50, 280, 101, 330]
    made = 1 + changes(ABOVE, after)[cheek]
    wanted = (new / old)[cheek]
    most = np.log(MOST)
    assert np.allclose(made, np.exp(most * np.tanh(np.log(wanted) / most)), atol=0.05)
    assert (np.abs(made - 1) > 0.02).all()


def test_no_motion_is_no_change():
    assert (changes(ABOVE, face()) == 0).all()
    assert (changes(ABOVE, smile(), 0.0) == 0).all()


def test_changes_are_limited():
    rng = np.random.default_rng(0)
    made = 1 + changes(ABOVE, face() + rng.normal(size=(468, 3)), 2.0)
    assert made.max() <= MOST and made.min() >= 1 / MOST and np.ptp(made) > 0.3


def test_nothing_changes_beyond_the_face_nor_at_its_edge():
    made, shape = changes(FROM_LEFT, smile()), sheet()
    assert (made[shape.ring_of > 1] == 0).all()
    assert np.abs(made[shape.oval]).max() < 0.02


def test_a_smile_folds_the_skin_beside_the_mouth():
    right, left = nasolabial_folds()
    assert right.measure_depth(face(), face()) == 0
    assert right.measure_depth(face(), smile()) > 0.3
    assert right.measure_depth(face(), smile()) == pytest.approx(left.measure_depth(face(), smile()), abs=0.05)


def test_a_smile_under_light_from_above_brightens_the_cheek_and_darkens_the_fold():
    made = changes(ABOVE, smile())
    # The first 468 of the sheet's vertices are the mesh's points.
    assert made[[206, 426, 216, 436]].max() < -0.03
    assert made[[101, 330]].min() > 0.01


def test_light_from_the_side_darkens_the_fold_that_faces_away_more():
    made = changes(FROM_LEFT, smile())
    # Light comes from the picture's left: there the fold's wall, towards the nose, lies in shadow.
    assert made[[206, 216]].mean() < made[[426, 436]].mean() - 0.02


def test_harmonics_of_opposite_normals_differ_in_the_first_order_alone():
    normals = compute_normals(face())
    one, other = compute_harmonics(normals), compute_harmonics(-normals)
    assert np.allclose(one[:, [0, 4, 5, 6, 7, 8]], other[:, [0, 4, 5, 6, 7, 8]])
    assert np.allclose(one[:, 1:4], -other[:, 1:4])
