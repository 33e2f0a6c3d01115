"""Eyes and mouth: the shape of an opening, and the maps in it."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ofx_reenact.warp import openings
from ofx_reenact.warp.lens import Lens


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


IRIS = openings.Iris(np.array([50.0, 50.0]), 6.0)


def turn(gaze, moved=None, iris=IRIS):
    return openings.map_eye(lens(0.4), iris, moved or lens(0.4), np.array(gaze), 1.0, (100, 100))


def test_closing_lid_covers_the_iris_without_squashing_it():
    eye = turn([0.0, 0.0], lens(0.2))
    inside = eye.coverage == 1
    assert np.abs(eye.map.offset[inside]).max() < 0.01, "the visible part of the eye does not move"


@pytest.mark.parametrize("gaze", [(0.1, 0.0), (-0.12, 0.0), (0.0, 0.08), (0.05, -0.05)])
def test_gaze_moves_the_iris_as_a_disc_and_not_the_white(gaze):
    eye = turn(gaze)
    iris, white = eye.disc == 1, eye.disc == 0
    assert np.allclose(eye.map.offset[iris], -40 * np.array(gaze), atol=0.05), "all of it, by the gaze"
    assert np.abs(eye.map.offset[white]).max() < 1e-6
    y, x = np.nonzero(iris)
    assert np.allclose((x.mean() + eye.left, y.mean() + eye.top), IRIS.centre + 40 * np.array(gaze), atol=0.1)


def test_an_iris_never_leaves_its_eye_and_small_shifts_are_unchanged():
    limit = openings.limit_gaze
    far = limit(lens(0.4), IRIS, np.array([2.0, -3.0]))
    assert np.allclose(far, np.array(openings.GAZE_LIMIT) * (1, -1), atol=1e-3)
    aside = openings.Iris(np.array([58.0, 50.0]), 6.0)
    assert limit(lens(0.4), aside, np.array([1.0, 0.0]))[0] == pytest.approx(openings.GAZE_LIMIT[0] - 0.2, abs=1e-3)
    assert np.array_equal(limit(lens(0.4), IRIS, np.array([0.1, -0.05])), [0.1, -0.05])


def test_shadow_moves_with_the_lid_and_reflections_stay_behind_it():
    eye = turn([0.0, 0.0], lens(0.2))
    row, column = 48 - eye.top, 50 - eye.left
    assert eye.shadow[0][row, column, 1] == pytest.approx(44, abs=0.3), "2 pixels below the lid, as in the target"
    assert eye.glint[0][row, column, 1] == pytest.approx(48, abs=0.1)


def test_a_shut_eye_of_the_target_remains_skin():
    assert openings.map_eye(lens(0.05), IRIS, lens(0.4), np.zeros(2), 1.0, (100, 100)) is None


STAY = np.array([[1.0, 0, 0], [0, 1, 0]])


def test_teeth_stay_with_the_skull_when_the_jaw_drops():
    down = np.array([[1.0, 0, 0], [0, 1, -10]])
    opening = openings.map_mouth(lens(0.15), lens(0.5, centre=(50.0, 53.0)), STAY, down, 1.0, (100, 100))
    jaw, skull = opening.maps
    seen = skull.seen > 0.99
    assert seen.any() and np.abs(skull.offset[seen]).max() == 0
    assert jaw.seen.max() < 0.5, "a narrow smile shows upper teeth only"
    bottom = opening.coverage[58 - opening.top, 50 - opening.left]
    assert bottom == 1 and skull.seen[58 - opening.top, 50 - opening.left] == 0, "below them it is dark"


def test_shut_mouth_opens_dark_and_gradually():
    mouths = [openings.map_mouth(lens(0.01), lens(gap), STAY, STAY, 1.0, (100, 100)) for gap in (0.012, 0.03, 0.3)]
    depth = [opening.coverage.max() for opening in mouths]
    assert depth[0] < 0.05 < depth[1] < depth[2] == 1
    assert all(not opening.maps for opening in mouths)


STAYS = np.array([[1.0, 0, 0], [0, 1, 0]])


def dropped(by: float) -> np.ndarray:
    """The map back to the source of a jaw that dropped by so many pixels."""
    return np.array([[1.0, 0, 0], [0, 1, -by]])


def column(opening, x: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows inside a mouth in one column of the picture: where each comes from, its visibility, and its number."""
    rows = opening.top + np.arange(len(opening.coverage))
    inside = opening.coverage[:, x - opening.left] > 0.99
    view = opening.maps[0]
    return (
        (rows + view.offset[:, x - opening.left, 1])[inside], view.seen[inside, x - opening.left], rows[inside],
    )  # fmt: skip


def test_teeth_of_another_mouth_move_with_skull_and_jaw_and_nothing_tears():
    source, moved = lens(0.3), lens(0.36, centre=(50.0, 51.2))
    shown = openings.map_part_mouth(source, moved, STAYS, dropped(2.4), 0.5, 1.0, (100, 100))
    comes_from, seen, rows = column(shown, 50)
    assert (np.diff(comes_from) >= 0).all() and (seen == 1).all()
    assert np.allclose((comes_from - rows)[1:4], 0) and np.allclose((comes_from - rows)[-4:-1], -2.4)


def test_a_mouth_that_closes_keeps_both_rows_of_teeth_in_order():
    source, moved = lens(0.4), lens(0.2, centre=(50.0, 48.0))
    shown = openings.map_part_mouth(source, moved, STAYS, dropped(-4.0), 0.5, 1.0, (100, 100))
    comes_from, seen, _ = column(shown, 50)
    assert (np.diff(comes_from) > 0).all() and (seen == 1).all()


def test_an_inside_that_a_source_does_not_show_is_unseen():
    source, moved = lens(0.1), lens(0.8)
    shown = openings.map_part_mouth(source, moved, STAYS, dropped(16.0), 0.5, 1.0, (100, 100))
    _, seen, _ = column(shown, 50)
    assert seen[len(seen) // 2] == 0 and min(seen[: len(seen) // 2].max(), seen[len(seen) // 2 :].max()) == 1
    shut = openings.map_part_mouth(lens(0.0), moved, STAYS, dropped(16.0), 0.5, 1.0, (100, 100))
    assert not shut.maps and shut.coverage.max() == 1
    assert openings.map_part_mouth(source, lens(0.0), STAYS, STAYS, 0.5, 1.0, (100, 100)) is None


def test_a_lip_that_rises_far_moves_what_is_behind_it():
    source, moved = lens(0.3), lens(0.3, centre=(50.0, 40.0))
    shown = openings.map_part_mouth(source, moved, STAYS, STAYS, 0.5, 1.0, (100, 100))
    comes_from, seen, _ = column(shown, 50)
    assert (seen > 0.9).mean() > 0.7 and comes_from.min() > 43
