"""A built upper lid: smooth skin down to one dark line, nothing of it where the lid hardly moves."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ofx_reenact.compose.carry import Carrier
from ofx_reenact.compose.lid import measure_shut
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp.openings import fit_lens

SKIN, WHITE, LASH, GLEAM = 0.4, 0.9, 0.03, 1.2
EYES = {"eye_right": EYE_RIGHT, "eye_left": EYE_LEFT}


def paint(face) -> np.ndarray:
    """Paint skin with two eyes: white, a dark line of lashes above each, and above that a narrow bright strip."""
    y, x = np.mgrid[: face.size[1], : face.size[0]].astype(np.float64)
    picture = np.full((*y.shape, 3), SKIN, np.float32)
    for name in EYES:
        lens = fit_lens(name, face.mesh)
        u, v = lens.coordinates(x, y)
        above, width = lens.bounds(u)[0] - v, 2 * lens.half
        picture[(np.abs(u) < 0.9) & (above > 0.04 * width) & (above < 0.08 * width)] = GLEAM
        picture[lens.coverage(x, y, 1.0) > 0.5] = WHITE
        picture[(np.abs(u) < 0.9) & (above > 0) & (above < 0.04 * width)] = LASH
    return picture


def lower_lids(face, share: float) -> np.ndarray:
    """Return displacements (468, 3) that lower both upper lids by a fraction of their way."""
    moved = np.zeros((FACE_POINTS, 3))
    for upper, lower in EYES.values():
        moved[list(upper[1:-1])] = share * (face.mesh[list(lower[1:-1])] - face.mesh[list(upper[1:-1])])
    return moved


def carrier_of(face) -> Carrier:
    return Carrier(paint(face), face.mesh, face.frontal, face.head, 0.35)


def carry(carrier: Carrier, face, share: float) -> np.ndarray:
    """Return the whole picture (H, W, 3) with both lids lowered."""
    made = carrier.picture.copy()
    carried = carrier.carry(lower_lids(face, share), face.head, np.zeros((2, 2)), np.zeros(3))
    if carried is not None:
        made[carried.composed.slices] = carried.composed.colour
    return made


def shut_lenses(face):
    mesh = face.mesh[:FACE_POINTS] + lower_lids(face, 1.0)
    return [(fit_lens(name, face.mesh), fit_lens(name, mesh)) for name in EYES]


def test_a_face_at_rest_is_the_picture(face):
    carrier = carrier_of(face)
    assert np.array_equal(carry(carrier, face, 0.0), carrier.picture)


def test_a_shut_eye_has_one_dark_line_without_gaps(face):
    made = carry(carrier_of(face), face, 1.0)[..., 0]
    y, x = np.mgrid[: made.shape[0], : made.shape[1]].astype(np.float64)
    for _, lens in shut_lenses(face):
        u, v = lens.coordinates(x, y)
        below = v - lens.bounds(u)[0]
        for at in np.linspace(-0.7, 0.7, 15):
            column = (np.abs(u - at) < 0.5 / lens.half) & (np.abs(below) < 0.15 * 2 * lens.half)
            dark = below[column & (made < 0.6 * SKIN)]
            assert len(dark), f"the line is broken at {at:.1f} of half the eye"
            assert np.abs(dark).min() < 2, "it lies where the lids meet"
        middle = (np.abs(u) < 0.6) & (below < -0.1 * 2 * lens.half) & (below > -0.6 * 2 * lens.half)
        assert made[middle].min() > 0.6 * SKIN, "there is no second line, and no lashes that point up"


def test_a_bright_strip_leaves_no_bright_streak(face):
    made = carry(carrier_of(face), face, 1.0)[..., 0]
    y, x = np.mgrid[: made.shape[0], : made.shape[1]].astype(np.float64)
    for was, lens in shut_lenses(face):
        u, v = lens.coordinates(x, y)
        lid = (np.abs(u) < 0.8) & (v < lens.bounds(u)[0]) & (v > was.bounds(u)[0])
        assert made[lid].max() < 1.15 * SKIN


def test_a_lid_in_a_shaded_eye_socket_is_dark(face):
    """Dark skin above the crease, under a high brow, is not hair, and is not replaced by skin from below the eye."""
    picture = paint(face)
    y, x = np.mgrid[: face.size[1], : face.size[0]].astype(np.float64)
    for was, _ in shut_lenses(face):
        u, v = was.coordinates(x, y)
        above = (np.abs(u) < 2) & (v < was.bounds(u)[0]) & (picture.max(-1) < 1) & (picture.min(-1) > 0.1)
        picture[above] = 0.3 * SKIN
    made = carry(Carrier(picture, face.mesh, face.frontal, face.head, 0.35), face, 1.0)[..., 0]
    for was, lens in shut_lenses(face):
        u, v = lens.coordinates(x, y)
        top = was.bounds(u)[0]
        lid = (np.abs(u) < 0.5) & (v > top) & (v < (top + lens.bounds(u)[0]) / 2)
        assert np.median(made[lid]) < 0.6 * SKIN


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_no_lid_is_built_where_it_moves_little(face, share):
    mesh = face.mesh[:FACE_POINTS] + lower_lids(face, share)
    for name in EYES:
        assert measure_shut(fit_lens(name, face.mesh), fit_lens(name, mesh)) == (0, 0)
    carried = carrier_of(face).carry(lower_lids(face, share), face.head, np.zeros((2, 2)), np.zeros(3))
    assert not carried.composed.invented.any()


def test_a_lid_comes_down_without_a_jump(face):
    carrier = carrier_of(face)
    steps = [carry(carrier, face, share) for share in np.linspace(0.3, 0.9, 61)]
    changes = [np.abs(b - a).mean() for a, b in pairwise(steps)]
    assert max(changes) < 5 * np.median(changes)


def test_a_frame_does_not_depend_on_those_before(face):
    used = carrier_of(face)
    for share in (1.0, 0.4, 0.8):
        carry(used, face, share)
    assert np.array_equal(carry(used, face, 0.6), carry(carrier_of(face), face, 0.6))


def test_alpha_is_carried(face):
    picture = np.concatenate([paint(face), np.ones((face.size[1], face.size[0], 1), np.float32)], -1)
    carrier = Carrier(picture, face.mesh, face.frontal, face.head, 0.35)
    carried = carrier.carry(lower_lids(face, 1.0), face.head, np.zeros((2, 2)), np.zeros(3))
    assert np.allclose(carried.composed.colour[..., 3], 1, atol=1e-5)


def test_an_eye_outside_the_picture_is_left_out(face):
    column = int(face.mesh[6, 0])
    picture = np.ascontiguousarray(paint(face)[:, column:])
    mesh = face.mesh - np.array([column, 0, 0])
    beside = replace(face.head, translation=face.head.translation - np.array([column, 0, 0]))
    carried = Carrier(picture, mesh, face.frontal, beside, 0.35).carry(
        lower_lids(face, 1.0), beside, np.zeros((2, 2)), np.zeros(3)
    )
    assert np.isfinite(carried.composed.colour).all()
