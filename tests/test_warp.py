"""Warp and compose: the sheet, the STMap's convention, openings, sampling."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.compose.picture import compose
from ofx_reenact.compose.sample import sample
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, FACE_OVAL, LIPS_INNER, MESH68
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import FACE_POINTS
from ofx_reenact.warp import densify, openings
from ofx_reenact.warp.lens import Lens
from ofx_reenact.warp.raster import rasterise
from ofx_reenact.warp.sheet import RINGS, sheet
from ofx_reenact.warp.shut import OVERLAP, shut
from ofx_reenact.warp.stmap import STMap, TargetSheet, to_nuke


@pytest.fixture(scope="module")
def laid(identity) -> TargetSheet:
    return TargetSheet(identity.frontal, identity.head, identity.size, neck=0.35)


def still(identity) -> np.ndarray:
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


def test_displacements_of_all_points_alike_displace_all_alike():
    shape = sheet()
    mesh = np.ones((FACE_POINTS, 2)) * [3.0, -2.0]
    rings = np.ones((len(shape.spline.prescribed) - FACE_POINTS, 2)) * [3.0, -2.0]
    assert np.allclose(shape.displace(mesh, rings), [3.0, -2.0])
    assert not shape.displace(mesh * 0, rings * 0).any()


def test_nothing_moves_nothing(laid, identity):
    assert laid.bend(still(identity), identity.head) is None


def test_every_control_point_is_met(laid, identity, performance):
    moved = np.random.default_rng(0).normal(size=(FACE_POINTS, 3))
    stmap = laid.bend(moved, identity.head)
    # The map says where a pixel comes from; at the place a point moved to, that is where it was.
    # (Seen from the front: on the far side of a turned face a nearer cheek hides the points.)
    seen = list(MESH68[5:12] + MESH68[17:31] + MESH68[48:60:2])
    outer = identity.mesh[seen, :2]
    places = outer + moved[seen, :2]
    x, y = places.T - np.array([[stmap.left], [stmap.top]])
    offset = sample(stmap.offset, x[None], y[None])[0]
    assert np.linalg.norm(places + offset - outer, axis=1).max() < 0.7


def test_motion_ends_before_the_border_and_the_map_covers_the_face(laid, identity):
    head = Similarity(identity.head.rotation, identity.head.scale, identity.head.translation + np.array([15, 10, 0]))
    moved = head.apply(identity.frontal[:FACE_POINTS]) - identity.head.apply(identity.frontal[:FACE_POINTS])
    stmap = laid.bend(moved, head)
    whole = np.zeros((identity.size[1], identity.size[0], 2))
    whole[stmap.slices] = stmap.offset
    border = np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]])
    assert np.abs(border[len(whole[0]) :]).max() < 3.0, "of 18 pixels; the chin is close to the lower edge"
    assert (whole[0, :, 1] >= 0).all(), "nothing comes in from above the upper edge"
    nose = identity.mesh[4, :2] + [15, 10]
    assert np.allclose(whole[round(nose[1]), round(nose[0])], [-15, -10], atol=0.5)


def dome(identity, air: float) -> tuple[np.ndarray, Similarity, np.ndarray]:
    """A round white head before a background that fades upwards, ``air`` face heights below the edge or cut off by it.

    Returns:
        The picture (H, W, 3), the head's pose in it, and the headroom (W,).
    """
    width, height = identity.size
    oval = identity.mesh[list(FACE_OVAL), :2]
    tall = np.ptp(oval[:, 1])
    middle, brow = oval.mean(0)[0], oval[:, 1].min()
    up = brow - 0.28 * tall - air * tall
    head = Similarity(identity.head.rotation, identity.head.scale, identity.head.translation - [0, up, 0])
    y, x = np.mgrid[:height, :width].astype(float)
    centre = (air + 0.28 + 0.5) * tall
    inside = ((x - middle) / (0.45 * tall)) ** 2 + ((y - centre) / (0.78 * tall)) ** 2 < 1
    inside |= (np.abs(x - middle) < 0.45 * tall) & (y > centre)
    picture = np.repeat(np.where(inside, 9.0, 0.001 * y)[..., None], 3, axis=2).astype(np.float32)
    above = np.where(inside.any(0), inside.argmax(0), height).astype(np.float32)
    return picture, head, above


def sunk(sheet, head: Similarity, frontal: np.ndarray, way: np.ndarray) -> STMap:
    """The map of a head that moves by so many pixels as it is."""
    moved = Similarity(head.rotation, head.scale, head.translation + way)
    return sheet.bend(moved.apply(frontal[:FACE_POINTS]) - head.apply(frontal[:FACE_POINTS]), moved)


@pytest.mark.parametrize("air", [0.02, 0.03, 0.1])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_crown_near_the_upper_edge_keeps_its_shape(identity, air, share):
    picture, head, above = dome(identity, air)
    laid = TargetSheet(identity.frontal, head, identity.size, 0.35, above)
    down = share * laid.face_height
    stmap = sunk(laid, head, identity.frontal, np.array([0, down, 0]))
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
        assert behind.max() < 0.001 * above[crown].max() + 1e-3, "above it is what was there, and nothing of the head"
        assert (np.diff(behind) >= -1e-5).all(), "in its order"


def test_the_upper_edge_stays_and_says_where_it_is_drawn_out(identity):
    _, head, above = dome(identity, 0.06)
    for known in (above, None):
        laid = TargetSheet(identity.frontal, head, identity.size, 0.35, known)
        stmap = sunk(laid, head, identity.frontal, np.array([4.0, 30, 0]))
        assert stmap.top == 0
        from_y = stmap.grid()[1] + stmap.offset[..., 1]
        assert np.abs(from_y[0]).max() < 1e-3 and from_y.min() >= -1e-3, "an STMap's values lie in the picture"
        middle = int(head.apply(identity.frontal)[:, 0].mean()) - stmap.left
        assert stmap.stretch[3, middle] > 1.1 and stmap.stretch[-20, middle] < 1.2
        rising = sunk(laid, head, identity.frontal, np.array([0.0, -30, 0]))
        assert rising.offset[0, middle, 1] > 15, "a head that rises leaves the picture"
        assert laid.bend(still(identity), head) is None


def test_hair_goes_with_the_head_as_far_as_the_picture_shows_it(identity):
    _, head, _ = dome(identity, 0.2)
    width, height = identity.size
    tall = TargetSheet(identity.frontal, head, identity.size, 0.35, np.zeros(width, np.float32))
    bald = TargetSheet(identity.frontal, head, identity.size, 0.35, np.full(width, height, np.float32))
    assert (tall.share >= bald.share).all() and (tall.share > bald.share + 0.1).any()
    assert np.allclose(bald.share, TargetSheet(identity.frontal, head, identity.size, 0.35).share)


def test_a_head_whose_hair_is_cut_off_sinks_little(identity):
    _, head, above = dome(identity, -0.1)
    laid = TargetSheet(identity.frontal, head, identity.size, 0.35, above)
    assert len(laid.cut) and np.allclose(head.apply(laid.cut)[:, 1], 0, atol=1e-6)
    slack = 0.07 * laid.face_height
    ways = np.array([0, 1.0, 40, 400, -40])
    heads = densify.Heads(
        np.tile(head.rotation, (5, 1, 1)), np.full(5, head.scale), head.translation + ways[:, None] * [0, 1, 0]
    )
    kept = densify.kept_cut(heads, laid.cut, slack)
    down = kept.translation[:, 1] - head.translation[1]
    assert down[0] == 0 and down[1] == pytest.approx(1, abs=0.01) and down[4] == pytest.approx(-40)
    assert 0.8 * slack < down[2] < down[3] <= slack + 1e-9
    assert np.array_equal(kept.translation[:, [0, 2]], heads.translation[:, [0, 2]])
    arm = np.full(identity.size[0], 50, np.float32)
    arm[:15] = 0
    free = TargetSheet(identity.frontal, head, identity.size, 0.35, arm)
    assert densify.kept_cut(heads, free.cut, slack) is heads


def test_no_tearing_in_a_turn(laid, identity):
    turn = Rotation.from_euler("y", 15, degrees=True).as_matrix()
    head = Similarity(turn @ identity.head.rotation, identity.head.scale, identity.head.translation)
    moved = head.apply(identity.frontal[:FACE_POINTS]) - identity.head.apply(identity.frontal[:FACE_POINTS])
    stmap = laid.bend(moved, head)
    inside = stmap.reach > 0
    assert (stmap.stretch[inside] > 0.2).mean() > 0.995
    jump = np.abs(np.diff(stmap.offset, axis=1)).max(-1)
    assert np.quantile(jump[inside[:, 1:]], 0.995) < 2.0


def test_nearest_triangle_wins():
    square = np.array([[0, 0], [9, 0], [0, 9], [9, 9.0]])
    positions = np.concatenate([square, square])
    depth = np.array([5.0] * 4 + [1.0] * 4)
    triangles = np.array([[0, 1, 2], [1, 2, 3], [4, 5, 6], [5, 6, 7]])
    for order in (triangles, triangles[::-1].copy()):
        out, nearest = np.zeros((10, 10, 1), np.float32), np.full((10, 10), np.inf, np.float32)
        rasterise(positions, depth, order, depth[:, None].copy(), out, nearest)
        assert (out == 1).all()


def test_raster_leaves_no_seams():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(0, 33, 4.0), np.arange(0, 33, 4.0)), -1)
    inner = rng.normal(scale=0.8, size=grid.shape)
    inner[[0, -1]] = inner[:, [0, -1]] = 0
    points = (grid + inner).reshape(-1, 2)
    a = np.arange(81).reshape(9, 9)
    quads = [a[:-1, :-1], a[:-1, 1:], a[1:, :-1], a[1:, 1:]]
    p, q, r, s = (quad.ravel() for quad in quads)
    triangles = np.concatenate([np.stack([p, q, r], 1), np.stack([q, r, s], 1)])
    out, nearest = np.zeros((33, 33, 2), np.float32), np.full((33, 33), np.inf, np.float32)
    rasterise(points, np.zeros(81), triangles, points, out, nearest)
    assert np.isfinite(nearest).all()
    y, x = np.mgrid[:33, :33]
    assert np.allclose(out[..., 0], x, atol=1e-4) and np.allclose(out[..., 1], y, atol=1e-4)


def test_stmap_convention():
    width, height = 8, 4
    y, x = np.mgrid[:height, :width].astype(float)
    u, v = to_nuke(x, y, width, height)
    # An STMap that changes nothing: (i + 0.5) / size, v upwards.
    assert u[0, 0] == 0.5 / width and u[0, -1] == 1 - 0.5 / width
    assert v[0, 0] == 1 - 0.5 / height and v[-1, 0] == 0.5 / height
    assert to_nuke(np.array(105.0), np.array(52.0), 10, 4, left=100, top=50) == (0.55, 1 - 2.5 / 4)


def test_sampling_on_pixels_is_exact_and_outside_is_the_edge():
    picture = np.random.default_rng(0).normal(scale=100, size=(20, 30, 4)).astype(np.float32)
    y, x = np.mgrid[:20, :30].astype(float)
    assert np.array_equal(sample(picture, x, y), picture)
    assert np.array_equal(sample(picture, x - 50, y * 0)[:, 0], np.repeat(picture[:1, 0], 20, axis=0))


def test_sampling_follows_smooth_pictures():
    y, x = np.mgrid[:40, :40].astype(float)
    picture = np.stack([x * 0.3 - y, np.sin(x / 5) * 50, x * 0], -1).astype(np.float32)
    sampled = sample(picture, x[5:-5, 5:-5] + 0.37, y[5:-5, 5:-5] - 0.21)
    at = x[5:-5, 5:-5] + 0.37
    assert np.allclose(sampled[..., 0], at * 0.3 - (y[5:-5, 5:-5] - 0.21), atol=1e-4)
    assert np.allclose(sampled[..., 1], np.sin(at / 5) * 50, atol=0.3)


def test_highlights_do_not_ring_and_keep_their_range():
    picture = np.full((12, 12, 3), 0.01, np.float32)
    picture[6, 6] = 5000
    picture[2, 2] = -3
    y, x = np.mgrid[:12, :12].astype(float)
    for shift in (0.2, 0.5, 0.9):
        sampled = sample(picture, x + shift, y)
        assert sampled[5:8].min() >= np.float32(0.01) and sampled.min() >= -3
        assert 2500 <= sampled.max() <= 5000


def test_sampling_does_not_depend_on_threads(monkeypatch):
    import ofx_reenact.compose.sample as module

    picture = np.random.default_rng(0).normal(size=(200, 100, 3)).astype(np.float32)
    y, x = np.mgrid[:200, :100] + 0.3
    results = []
    for workers in (1, 2, 7):
        monkeypatch.setattr(module, "_workers", lambda workers=workers: workers)
        results.append(sample(picture, x, y))
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def lens(gap: float, width: float = 40.0, centre=(50.0, 50.0)) -> Lens:
    u = np.linspace(-1, 1, 9)
    arc = (1 - u**2) * gap * width / 2
    x = centre[0] + u * width / 2
    return Lens.fit(np.stack([x, centre[1] - arc], 1), np.stack([x, centre[1] + arc], 1))


def test_lens_measures_its_gap_and_covers_its_inside():
    opened = lens(0.4)
    assert opened.gap == pytest.approx(0.4, rel=0.02)
    y, x = np.mgrid[:100, :100].astype(float)
    coverage = opened.coverage(x, y, 1.5)
    assert coverage[50, 50] == 1 and coverage[50, 20] == 0 and coverage[30, 50] == 0
    assert coverage.sum() == pytest.approx(0.4 * 40 * 40 * 2 / 3, rel=0.1)
    assert lens(0.0).coverage(x, y, 1.5).max() == 0


def test_lens_turns_with_the_face():
    u = np.linspace(-1, 1, 9)
    points = np.stack([u * 20, -(1 - u**2) * 8], 1)
    turn = Rotation.from_euler("z", 30, degrees=True).as_matrix()[:2, :2]
    flipped = points * [1, -1]
    turned = Lens.fit(points @ turn.T, flipped @ turn.T)
    x, y = turned.pixels(np.array(0.3), np.array(4.0))
    assert np.allclose(turned.coordinates(x, y), (0.3, 4.0))
    assert turned.gap == pytest.approx(16 / 40, rel=0.02)


def test_lens_survives_a_corner_seen_from_the_side():
    upper = np.array([[0, 0], [-1, -2], [-1, -3], [5, -4], [9, 0.0]])
    assert np.isfinite(Lens.fit(upper, upper * [1, -1]).gap)


def test_closing_lid_covers_the_iris_without_squashing_it():
    target, half = lens(0.4), lens(0.2)
    opening = openings.eye(target, half, np.zeros(2), 1.0, (100, 100))
    inside = opening.coverage == 1
    assert np.abs(opening.views[0].offset[inside]).max() < 0.01, "what is still seen of the eye stays where it is"


def test_gaze_moves_the_iris_and_not_the_corners():
    opening = openings.eye(lens(0.4), lens(0.4), np.array([0.1, 0.0]), 1.0, (100, 100))
    offset = opening.views[0].offset[..., 0]
    middle, corner = offset[50 - opening.top, 50 - opening.left], offset[50 - opening.top, 31 - opening.left]
    assert middle == pytest.approx(-4, abs=0.1)
    assert abs(corner) < 1.2


def test_shut_eye_of_the_target_is_left_to_the_skin():
    assert openings.eye(lens(0.05), lens(0.4), np.zeros(2), 1.0, (100, 100)) is None


STAY = np.array([[1.0, 0, 0], [0, 1, 0]])


def test_teeth_stay_with_the_skull_when_the_jaw_drops():
    down = np.array([[1.0, 0, 0], [0, 1, -10]])
    opening = openings.mouth(lens(0.15), lens(0.5, centre=(50.0, 53.0)), STAY, down, 1.0, (100, 100))
    jaw, skull = opening.views
    seen = skull.seen > 0.99
    assert seen.any() and np.abs(skull.offset[seen]).max() == 0
    assert jaw.seen.max() < 0.5, "a narrow smile shows upper teeth only"
    bottom = opening.coverage[58 - opening.top, 50 - opening.left]
    assert bottom == 1 and skull.seen[58 - opening.top, 50 - opening.left] == 0, "below them it is dark"


def test_shut_mouth_opens_dark_and_gradually():
    shares = [openings.mouth(lens(0.01), lens(gap), STAY, STAY, 1.0, (100, 100)) for gap in (0.012, 0.03, 0.3)]
    depth = [opening.coverage.max() for opening in shares]
    assert depth[0] < 0.05 < depth[1] < depth[2] == 1
    assert all(not opening.views for opening in shares)


def blink(face: np.ndarray) -> np.ndarray:
    """Frontal displacements (3, 468, 3) of an eye open, shut, and half shut."""
    driver = np.repeat(face[None], 3, axis=0).copy()
    for contour in (EYE_RIGHT, EYE_LEFT):
        upper, lower = list(contour[0][1:-1]), list(contour[1][1:-1])
        driver[1, upper, 1] = driver[1, lower, 1]
        driver[2, upper, 1] = (driver[2, upper, 1] + driver[2, lower, 1]) / 2
    moved = np.zeros((3, FACE_POINTS, 3))
    weights = dict.fromkeys(("jaw", "mouth", "eye_right", "eye_left", "brow_right", "brow_left", "nose"), 1.0)
    return shut(face, moved, driver, 0, weights)


def test_shut_carries_openness_over(identity):
    """A driver's blink shuts a narrow eye and a wide one; a shut upper lid lies on the lower one's rim."""
    face = identity.frontal
    result = face[:FACE_POINTS] + blink(face)
    for contour in (EYE_RIGHT, EYE_LEFT):
        gap = result[:, contour[1][1:-1], 1] - result[:, contour[0][1:-1], 1]
        assert np.allclose(result[0], face[:FACE_POINTS])
        width = np.linalg.norm(face[contour[0][-1], :2] - face[contour[0][0], :2])
        assert np.isclose(gap[1].min(), -OVERLAP * width) and gap[1].max() <= 0
        assert (result[1, list(contour[0][1:-1]), 2] < face[list(contour[0][1:-1]), 2]).all()
        assert (0.2 * gap[0] < gap[2]).all() and (gap[2] < 0.8 * gap[0]).all()


def test_shut_lids_meet_without_steps(laid, identity):
    """Along the line where the lids meet, pixels mix both sides instead of taking one."""
    frontal = identity.frontal[:FACE_POINTS]
    moved = identity.head.apply(frontal + blink(identity.frontal)[1]) - identity.head.apply(frontal)
    stmap = laid.bend(moved, identity.head)
    height, width = identity.size[1], identity.size[0]
    picture = np.repeat(np.arange(height, dtype=np.float32)[:, None, None], width, axis=1).repeat(3, axis=2)
    lids = [seam for seam in stmap.seams if len(seam.x) > 20]
    assert len(lids) == 2
    colour = compose(picture, stmap, [], np.zeros(3, np.float32)).colour[..., 0]
    y = stmap.grid()[1]
    for seam in lids:
        rows, columns = seam.y - stmap.top, seam.x - stmap.left
        one_sided = (y + stmap.offset[..., 1])[rows, columns]
        assert (np.abs(colour[rows, columns] - one_sided) > 0.2).mean() > 0.3
    assert not laid.bend(moved * 0.01, identity.head).seams, "where nothing jumps there is no seam"


def test_lips_never_cross(identity):
    moved = np.zeros((1, FACE_POINTS, 3))
    moved[0, list(LIPS_INNER[0][1:-1]), 1] = 3.0
    driver = np.repeat(identity.frontal[None], 1, axis=0)
    weights = dict.fromkeys(("jaw", "mouth", "eye_right", "eye_left", "brow_right", "brow_left", "nose"), 1.0)
    result = identity.frontal[:FACE_POINTS] + shut(identity.frontal, moved, driver, 0, weights)[0]
    gap = result[list(LIPS_INNER[1][1:-1]), 1] - result[list(LIPS_INNER[0][1:-1]), 1]
    rest = identity.frontal[list(LIPS_INNER[1][1:-1]), 1] - identity.frontal[list(LIPS_INNER[0][1:-1]), 1]
    assert (gap >= np.minimum(rest, 0) - 1e-6).all()


def test_weights_of_one_are_exactly_one():
    names = ("jaw", "mouth", "eye_right", "eye_left", "brow_right", "brow_left", "nose")
    assert (densify.spread_weights(dict.fromkeys(names, 1.0)) == 1).all()
    spread = densify.spread_weights(dict.fromkeys(names, 1.0) | {"mouth": 0.0})
    assert spread[list(MESH68[48:])].max() < 0.01
    assert spread[list(MESH68[17:27] + MESH68[36:48])].min() > 0.99
    assert spread.min() >= 0 and spread.max() <= 1


def test_expression_meets_the_landmarks(performance):
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=(len(performance.frames), 68, 2))
    moved = densify.expression(performance.frontal, 3, wanted, np.ones(FACE_POINTS))
    assert np.allclose(moved[:, list(MESH68), :2], wanted, atol=1e-5)


def heads(count=4) -> densify.Heads:
    turns = Rotation.from_euler("y", [[0], [10], [20], [-15]], degrees=True).as_matrix()
    return densify.Heads(turns, np.array([2.0, 2.1, 2.2, 1.9]), np.arange(12.0).reshape(4, 3))


def test_head_motions(identity):
    target = identity.head
    relative = densify.head_poses(target, heads(), 0, "relative", 1, 1)
    assert np.allclose(relative.rotation[0], target.rotation)
    turn = relative.rotation[2] @ target.rotation.T
    assert np.degrees(Rotation.from_matrix(turn).magnitude()) == pytest.approx(20)
    assert relative.scale[2] / relative.scale[0] == pytest.approx(1.1)
    absolute = densify.head_poses(target, heads(), 0, "absolute", 1, 1)
    assert np.allclose(absolute.rotation, heads().rotation)
    locked = densify.head_poses(target, heads(), 0, "locked", 1, 1)
    assert (locked.rotation == target.rotation).all() and (locked.translation == target.translation).all()
    half = densify.head_poses(target, heads(), 0, "relative", 0.5, 0)
    turn = half.rotation[2] @ target.rotation.T
    assert np.degrees(Rotation.from_matrix(turn).magnitude()) == pytest.approx(10)
    assert np.allclose(half.scale, target.scale) and np.allclose(half.translation, target.translation)


def test_a_walking_driver_does_not_pull_the_head_off():
    far = densify.held(np.array([[100.0, 0, 0], [0.5, 0, 0]]))
    assert np.linalg.norm(far[0]) <= densify.NECK_HOLDS
    assert far[1, 0] == pytest.approx(0.5, rel=0.01)


def test_plane_map_takes_the_result_back(identity):
    turn = Rotation.from_euler("xyz", [5, 12, -8], degrees=True).as_matrix()
    moved = Similarity(turn @ identity.head.rotation, identity.head.scale * 1.1, identity.head.translation + 9)
    points = np.array([[1.0, 4.0, -3.0], [-2.0, 3.0, -3.0]])
    affine = densify.plane_map(moved, identity.head, -3.0, np.zeros(3))
    result = np.column_stack([moved.apply(points)[:, :2], np.ones(2)])
    assert np.allclose(result @ affine.T, identity.head.apply(points)[:, :2])


def test_compose_leaves_unmoved_pixels_alone():
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(30, 40, 4)).astype(np.float32)
    picture[12, 12] = -0.0
    offset = np.zeros((20, 20, 2), np.float32)
    offset[5:10, 5:10] = 0.5
    stmap = STMap(10, 5, offset, np.ones((20, 20), np.float32), np.ones((20, 20), np.float32))
    composed = compose(picture, stmap, [], np.zeros(4, np.float32))
    kept = ~offset.any(-1)
    assert np.array_equal(composed.colour[kept].view(np.uint32), picture[5:25, 10:30][kept].view(np.uint32))
    assert (composed.colour[~kept] != picture[5:25, 10:30][~kept]).any()
