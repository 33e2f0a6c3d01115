"""Curves of lips and lids on meshes with known motion: openings, blinks, jitter."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.evaluate.metrics import lips_and_lids
from ofx_reenact.tracking.canonical import canonical
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, LIPS_OUTER, MESH_POINTS

LIPS = sorted({point for contour in (LIPS_INNER, LIPS_OUTER) for half in contour for point in half})


def faces(count):
    """A face that does not move: (T, 478, 3), canonical units."""
    points = np.zeros((MESH_POINTS, 3))
    points[: len(canonical().points)] = canonical().points
    return np.repeat(points[None], count, axis=0)


def opened(contour, by):
    """A face whose lower contour, without its corners, moves down by (T,)."""
    mesh = faces(len(by))
    mesh[:, list(contour[1][1:-1]), 1] += by[:, None]
    return mesh


def wave(count=60):
    return np.sin(np.linspace(0, 7, count))


@pytest.mark.parametrize(("curve", "contour"), [
    (lips_and_lids.OPENING, LIPS_INNER), (lips_and_lids.RIGHT_LIDS, EYE_RIGHT), (lips_and_lids.LEFT_LIDS, EYE_LEFT),
])  # fmt: skip
def test_openings_are_over_the_width_of_the_face(curve, contour):
    mesh = opened(contour, wave())
    found, size = lips_and_lids.measure_curves(mesh), lips_and_lids.face_size(mesh)
    assert found[curve] - found[curve][0] == pytest.approx(wave() / size)
    others = set(lips_and_lids.CURVES) - {curve}
    assert all(np.ptp(found[other]) < 1e-9 for other in others)
    # A face of twice the size has the same numbers.
    again = lips_and_lids.measure_curves(2 * mesh)
    assert all(again[name] == pytest.approx(values) for name, values in found.items())


def test_width_is_between_the_corners():
    mesh = faces(60)
    mesh[:, 61, 0] -= wave() / 2
    mesh[:, 291, 0] += wave() / 2
    found = lips_and_lids.measure_curves(mesh)[lips_and_lids.WIDTH]
    assert found - found[0] == pytest.approx(wave() / lips_and_lids.face_size(mesh))


def test_a_blink_falls_below_half_of_the_median():
    lids = np.full(30, 0.05)
    assert not lips_and_lids.has_blink(lids)
    lids[10:12] = 0.03
    assert not lips_and_lids.has_blink(lids)
    lids[11] = 0.02
    assert lips_and_lids.has_blink(lids)
    lids[11] = np.nan
    assert not lips_and_lids.has_blink(lids)
    assert not lips_and_lids.has_blink(np.full(3, np.nan))


def shaken(by, count=40):
    """Lips that alternate up and down by so much from frame to frame."""
    mesh = faces(count)
    mesh[:, LIPS, 1] += by * (-1.0) ** np.arange(count)[:, None]
    return mesh


def test_jitter_is_the_second_difference_and_steady_motion_has_none():
    every = np.ones(40, bool)
    mesh = shaken(0.1)
    assert lips_and_lids.lip_jitter(mesh, every) == pytest.approx(0.4 / lips_and_lids.face_size(mesh))
    steady = faces(40)
    steady[:, LIPS, 1] += np.arange(40)[:, None] * 0.05
    assert lips_and_lids.lip_jitter(steady, every) == pytest.approx(0, abs=1e-9)


def test_jitter_needs_three_frames_in_a_row():
    mesh, known = faces(40), np.ones(40, bool)
    mesh[20, LIPS, 1] += 5
    known[20] = False
    assert lips_and_lids.lip_jitter(mesh, known) == pytest.approx(0, abs=1e-9)
    assert np.isnan(lips_and_lids.lip_jitter(mesh, np.arange(40) % 2 == 0))


def test_two_independent_motions_add_as_squares():
    assert lips_and_lids.jitter_ratio(5, 3, 4) == pytest.approx(1)
    assert lips_and_lids.jitter_ratio(1, 0, 4) == pytest.approx(0.25)
    assert np.isnan(lips_and_lids.jitter_ratio(1, 0, 0))


def test_a_head_that_moves_is_no_jitter():
    count = 12
    turn = Rotation.from_euler("ZXY", np.random.default_rng(1).normal(0, 4, (count, 3)), degrees=True).as_matrix()
    shift = np.random.default_rng(2).normal(0, 9, (count, 1, 3))
    moved = 20 * np.einsum("tij,tnj->tni", turn, shaken(0.1, count)) + 100 + shift
    found = lips_and_lids.frontal_unsmoothed(moved)
    every = np.ones(count, bool)
    assert lips_and_lids.lip_jitter(found, every) == pytest.approx(lips_and_lids.lip_jitter(shaken(0.1, count), every))
