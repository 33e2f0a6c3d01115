"""The sheet and its map: what moves, what does not, the picture's upper edge, Nuke's convention."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.compose.composite import compose
from ofx_reenact.layers import to_nuke
from ofx_reenact.ops.sample import sample
from ofx_reenact.tracking.landmarks import FACE_OVAL, MESH68
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify
from ofx_reenact.warp.sheet import RINGS, sheet
from ofx_reenact.warp.stmap import STMap, TargetSheet


@pytest.fixture(scope="module")
def laid(face) -> TargetSheet:
    return TargetSheet(face.frontal, face.head, face.size, neck=0.35)


def still(face) -> np.ndarray:
    return np.zeros((FACE_POINTS, 3))


def test_sheet_is_one_surface_without_the_openings():
    shape = sheet()
    edges = np.sort(shape.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2, "no edge belongs to three triangles"
    assert set(shape.triangles.ravel()) | set(shape.behind) == set(range(shape.vertices))
    assert set(shape.behind) <= set(shape.lids.ravel())
    assert len(shape.oval) == 4 * len(FACE_OVAL)
    assert np.allclose(shape.parents.sum(1), 1)
    assert shape.vertices == shape.parents.shape[0] + len(RINGS) * len(shape.oval)


def test_a_uniform_displacement_stays_uniform():
    shape = sheet()
    mesh = np.ones((FACE_POINTS, 2)) * [3.0, -2.0]
    rings = np.ones((len(shape.spline.prescribed) - FACE_POINTS, 2)) * [3.0, -2.0]
    assert np.allclose(shape.displace(mesh, rings), [3.0, -2.0])
    assert not shape.displace(mesh * 0, rings * 0).any()


def test_no_motion_gives_no_map(laid, face):
    assert laid.bend(still(face), face.head) is None


def test_every_control_point_is_met(laid, face, performance):
    moved = np.random.default_rng(0).normal(size=(FACE_POINTS, 3))
    stmap = laid.bend(moved, face.head)
    # At the place a point moved to, the map leads back to where it was.
    # (Seen from the front: on the far side of a turned face a nearer cheek hides the points.)
    seen = list(MESH68[5:12] + MESH68[17:31] + MESH68[48:60:2])
    outer = face.mesh[seen, :2]
    places = outer + moved[seen, :2]
    x, y = places.T - np.array([[stmap.left], [stmap.top]])
    offset = sample(stmap.offset, x[None], y[None])[0]
    assert np.linalg.norm(places + offset - outer, axis=1).max() < 0.7


def test_motion_ends_before_the_border_and_the_map_covers_the_face(laid, face):
    head = Similarity(face.head.rotation, face.head.scale, face.head.translation + np.array([15, 10, 0]))
    moved = head.apply(face.frontal[:FACE_POINTS]) - face.head.apply(face.frontal[:FACE_POINTS])
    stmap = laid.bend(moved, head)
    whole = np.zeros((face.size[1], face.size[0], 2))
    whole[stmap.slices] = stmap.offset
    border = np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]])
    assert np.abs(border[len(whole[0]) :]).max() < 3.0, "of 18 pixels; the chin is close to the lower edge"
    assert (whole[0, :, 1] >= 0).all(), "nothing comes in from above the upper edge"
    nose = face.mesh[4, :2] + [15, 10]
    assert np.allclose(whole[round(nose[1]), round(nose[0])], [-15, -10], atol=0.5)


def dome(face, air: float) -> tuple[np.ndarray, Similarity, np.ndarray]:
    """A round white head on a background that fades upwards, ``air`` face heights below the edge or cut off by it.

    Returns:
        The picture (H, W, 3), the head's pose in it, and the headroom (W,).
    """
    width, height = face.size
    oval = face.mesh[list(FACE_OVAL), :2]
    tall = np.ptp(oval[:, 1])
    middle, brow = oval.mean(0)[0], oval[:, 1].min()
    up = brow - 0.28 * tall - air * tall
    head = Similarity(face.head.rotation, face.head.scale, face.head.translation - [0, up, 0])
    y, x = np.mgrid[:height, :width].astype(float)
    centre = (air + 0.28 + 0.5) * tall
    inside = ((x - middle) / (0.45 * tall)) ** 2 + ((y - centre) / (0.78 * tall)) ** 2 < 1
    inside |= (np.abs(x - middle) < 0.45 * tall) & (y > centre)
    picture = np.repeat(np.where(inside, 9.0, 0.001 * y)[..., None], 3, axis=2).astype(np.float32)
    above = np.where(inside.any(0), inside.argmax(0), height).astype(np.float32)
    return picture, head, above


def sunk(sheet, head: Similarity, frontal: np.ndarray, shift: np.ndarray) -> STMap:
    """The map of a head that moves rigidly by so many pixels."""
    moved = Similarity(head.rotation, head.scale, head.translation + shift)
    return sheet.bend(moved.apply(frontal[:FACE_POINTS]) - head.apply(frontal[:FACE_POINTS]), moved)


@pytest.mark.parametrize("air", [0.02, 0.03, 0.1])
@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_a_crown_near_the_upper_edge_keeps_its_shape(face, air, fraction):
    picture, head, above = dome(face, air)
    laid = TargetSheet(face.frontal, head, face.size, 0.35, above)
    down = fraction * laid.face_height
    stmap = sunk(laid, head, face.frontal, np.array([0, down, 0]))
    result = picture.copy()
    result[stmap.slices] = compose(picture, stmap, [], np.zeros(3, np.float32)).colour
    white = result[..., 0] > 4.5
    crown = above < (air + 0.2) * laid.face_height
    assert crown.sum() > 0.4 * laid.face_height
    outline = white.argmax(0)[crown]
    assert np.abs(outline - above[crown] - down).max() < 0.02 * laid.face_height
    assert not white[0].any()
    for column, end in zip(np.nonzero(crown)[0], outline, strict=True):
        behind = result[: end - 2, column, 0]
        assert behind.max() < 0.001 * above[crown].max() + 1e-3, "above the head is only background"
        assert (np.diff(behind) >= -1e-5).all(), "in its order"


def test_the_upper_edge_does_not_move_and_the_stretch_shows_it(face):
    _, head, above = dome(face, 0.06)
    for known in (above, None):
        laid = TargetSheet(face.frontal, head, face.size, 0.35, known)
        stmap = sunk(laid, head, face.frontal, np.array([4.0, 30, 0]))
        assert stmap.top == 0
        from_y = stmap.places((slice(None), slice(None)))[1] + stmap.offset[..., 1]
        assert np.abs(from_y[0]).max() < 1e-3 and from_y.min() >= -1e-3, "an STMap's values are inside the picture"
        middle = int(head.apply(face.frontal)[:, 0].mean()) - stmap.left
        assert stmap.stretch[3, middle] > 1.1 and stmap.stretch[-20, middle] < 1.2
        rising = sunk(laid, head, face.frontal, np.array([0.0, -30, 0]))
        assert rising.offset[0, middle, 1] > 15, "a head that rises leaves the picture"
        assert laid.bend(still(face), head) is None


def test_hair_moves_with_the_head_as_far_as_the_picture_shows_it(face):
    _, head, _ = dome(face, 0.2)
    width, height = face.size
    tall = TargetSheet(face.frontal, head, face.size, 0.35, np.zeros(width, np.float32))
    bald = TargetSheet(face.frontal, head, face.size, 0.35, np.full(width, height, np.float32))
    assert (tall.weight >= bald.weight).all() and (tall.weight > bald.weight + 0.1).any()
    assert np.allclose(bald.weight, TargetSheet(face.frontal, head, face.size, 0.35).weight)


def test_a_head_whose_hair_is_cut_off_sinks_little(face):
    _, head, above = dome(face, -0.1)
    laid = TargetSheet(face.frontal, head, face.size, 0.35, above)
    assert len(laid.cut) and np.allclose(head.apply(laid.cut)[:, 1], 0, atol=1e-6)
    slack = 0.07 * laid.face_height
    shifts = np.array([0, 1.0, 40, 400, -40])
    heads = densify.Heads(
        np.tile(head.rotation, (5, 1, 1)), np.full(5, head.scale), head.translation + shifts[:, None] * [0, 1, 0]
    )
    kept = densify.limit_sinking(heads, laid.cut, slack)
    down = kept.translation[:, 1] - head.translation[1]
    assert down[0] == 0 and down[1] == pytest.approx(1, abs=0.01) and down[4] == pytest.approx(-40)
    assert 0.8 * slack < down[2] < down[3] <= slack + 1e-9
    assert np.array_equal(kept.translation[:, [0, 2]], heads.translation[:, [0, 2]])
    arm = np.full(face.size[0], 50, np.float32)
    arm[:15] = 0
    free = TargetSheet(face.frontal, head, face.size, 0.35, arm)
    assert densify.limit_sinking(heads, free.cut, slack) is heads


def test_no_tearing_in_a_turn(laid, face):
    turn = Rotation.from_euler("y", 15, degrees=True).as_matrix()
    head = Similarity(turn @ face.head.rotation, face.head.scale, face.head.translation)
    moved = head.apply(face.frontal[:FACE_POINTS]) - face.head.apply(face.frontal[:FACE_POINTS])
    stmap = laid.bend(moved, head)
    inside = stmap.reach > 0
    assert (stmap.stretch[inside] > 0.2).mean() > 0.995
    jump = np.abs(np.diff(stmap.offset, axis=1)).max(-1)
    assert np.quantile(jump[inside[:, 1:]], 0.995) < 2.0


def test_stmap_convention():
    width, height = 8, 4
    y, x = np.mgrid[:height, :width].astype(float)
    u, v = to_nuke(x, y, width, height)
    # The identity STMap: (i + 0.5) / size, v upwards.
    assert u[0, 0] == 0.5 / width and u[0, -1] == 1 - 0.5 / width
    assert v[0, 0] == 1 - 0.5 / height and v[-1, 0] == 0.5 / height
    assert to_nuke(np.array(105.0), np.array(52.0), 10, 4, left=100, top=50) == (0.55, 1 - 2.5 / 4)
