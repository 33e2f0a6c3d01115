"""Drawn teeth: two rows of single teeth behind the lips of a still that shows none, fixed to skull and jaw."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from conftest import TARGET, make_shot
from scipy.signal import find_peaks
from scipy.spatial.transform import Rotation

from ofx_reenact.compose.drawn_teeth import draw_teeth, measure_mouth
from ofx_reenact.engine.make_identity import identify
from ofx_reenact.settings import Settings
from ofx_reenact.shot.mouth_painter import MouthPainter
from ofx_reenact.shot.shot import Shot
from ofx_reenact.tracking.landmarks import LIPS_INNER
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.tracking.surface import measure_gap
from ofx_reenact.warp import openings

# Pixels per canonical unit: a face is about 17 units, so here 1,000 pixels, high.
SCALE = 58.0
SIDE = 1200


@pytest.fixture(scope="module")
def mouth(target, identity):
    return measure_mouth(target.pixels, identity.face.mesh, identity.face.frontal)


def place(yaw=0.0, pitch=0.0, moved=(0.0, 0.0)) -> Similarity:
    rotation = Rotation.from_euler("YX", [yaw, pitch], degrees=True).as_matrix()
    return Similarity(rotation, SCALE, np.array([SIDE / 2 + moved[0], SIDE / 2 - 4 * SCALE + moved[1], 0.0]))


def draw(mouth, identity, head, drop=1.2, raised=0.5, jaw=0.3) -> tuple[np.ndarray, openings.Lens]:
    """Draw teeth into a grey picture behind open lips; return (SIDE, SIDE, 3) and the mouth's opening."""
    frontal = identity.face.frontal[:468].copy()
    frontal[list(LIPS_INNER[0][1:-1]), 1] -= raised
    frontal[list(LIPS_INNER[1][1:-1]), 1] += drop
    lens = openings.fit_lens("mouth", head.apply(frontal))
    painted = np.full((SIDE, SIDE, 3), 0.05, np.float32)
    return draw_teeth(painted, 0, 0, mouth, lens, head, np.array([0, jaw, 0]), 0.8), lens


def upper_row(picture, mouth, head) -> np.ndarray:
    """Return a picture of the upper front teeth that moves with the skull, so that a fixed row stays the same."""
    x, y = np.meshgrid(np.linspace(-1.2, 1.2, 140), np.linspace(-0.1, 0.6, 42))
    on_skull = mouth.middle + np.stack([x, y, 0.4 + 0.25 * x**2], -1)
    at = head.apply(on_skull).astype(np.float32)
    return cv2.remap(picture.mean(-1), at[..., 0], at[..., 1], cv2.INTER_CUBIC)


def test_teeth_are_single(mouth, identity):
    head = place()
    seen = upper_row(draw(mouth, identity, head)[0], mouth, head)
    # Along the tips, bright enamel and dark gaps alternate.
    tips = [line > (line.max() + line.min()) / 2 for line in seen[32:40]]
    runs = max(int((np.diff(line.astype(int)) == 1).sum() + line[0]) for line in tips)
    assert runs >= 4
    # Above the tips, too, it is darker between two teeth than on them.
    across = seen[14:24].mean(0)
    dips, _ = find_peaks(-across, prominence=0.12 * across.max())
    assert len(dips) >= 3


def test_the_upper_row_moves_with_the_skull_and_not_with_the_lips(mouth, identity):
    start = place()
    first = upper_row(draw(mouth, identity, start)[0], mouth, start)
    pixel = 2.4 / 139 * SCALE
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    for head, lips in (
        (place(moved=(0.3, 0.7)), {}),
        (place(yaw=1, pitch=-0.5, moved=(2.4, 1.1)), {"drop": 0.9}),
        (place(yaw=-6, pitch=4), {"drop": 1.6, "raised": 0.6}),
    ):
        seen = upper_row(draw(mouth, identity, head, **lips)[0], mouth, head)
        shift, _ = cv2.phaseCorrelate(first, seen, window)
        assert np.abs(shift).max() * pixel < 0.5, (head, shift)


def test_the_lower_row_moves_with_the_jaw_and_not_with_the_lip(mouth, identity):
    def edge(drop, jaw) -> int:
        """Return the image row where enamel begins above the lower lip, in the middle of the mouth."""
        picture, lens = draw(mouth, identity, place(), drop, jaw=jaw)
        x, lip = (round(float(at)) for at in lens.pixels(0.0, lens.bounds(0.0)[1]))
        top = round(float(lens.pixels(0.0, lens.bounds(0.0)[0])[1]))
        dark = top + int(np.argmin(picture[top:lip, x].mean(-1)))
        column = picture[dark:lip, x].mean(-1)
        return dark + int(np.argmax(column > (column.min() + column.max()) / 2))

    here = edge(2.0, 0.8)
    assert abs(edge(2.0, 1.1) - here - 0.3 * SCALE) < 2
    assert abs(edge(1.8, 0.8) - here) < 2


def test_the_tongue_moves_with_the_jaw(mouth, identity):
    shown = replace(mouth, shows_teeth=True)
    for jaw in (1.2, 1.6):
        made, lens = draw(shown, identity, place(), drop=2.2, jaw=jaw)
        x, lip = (round(float(at)) for at in lens.pixels(0.0, lens.bounds(0.0)[1]))
        column = made[:lip, x - 30 : x - 10].mean((1, 2))
        tip, dark = column[lip - 12], column[lip - round((2.4 - jaw + 0.6) * SCALE)]
        assert tip > 1.3 * dark and tip < 0.5 * mouth.white.mean()


def test_the_light_on_the_teeth_is_that_on_the_eyes(target, identity, mouth):
    assert mouth is not None and 0.05 < mouth.white.mean() < 2
    pixels = target.pixels * np.float32(4)
    brighter = measure_mouth(pixels, identity.face.mesh, identity.face.frontal)
    np.testing.assert_allclose(brighter.white, 4 * mouth.white, rtol=1e-4)
    shut = identity.face.mesh.copy()
    for upper, lower in (openings.EYE_RIGHT, openings.EYE_LEFT):
        shut[list(lower[1:-1]), :2] = shut[list(upper[1:-1]), :2]
    assert measure_mouth(target.pixels, shut, identity.face.frontal) is None, "shut eyes show no white"


def test_the_light_is_exact_for_skin_of_any_colour(mouth):
    """Even for colours outside the scene-linear gamut, which have negative channels."""
    for skin in ([0.3, 0.2, 0.15], [-0.01, 0.2, 0.4], [0.0, 0.0, 0.0]):
        seen = replace(mouth, skin=np.array(skin))
        np.testing.assert_array_equal(seen.in_light(seen.skin).white, mouth.white)


def test_flesh_is_as_saturated_as_the_pictures_skin(mouth):
    flesh = np.array([0.4, 0.2, 0.2])
    np.testing.assert_allclose(mouth.redden(flesh), flesh)
    blue = replace(mouth, skin=np.array([0.1, 0.15, 0.2])).redden(flesh)
    np.testing.assert_allclose(blue, flesh.mean())
    faded = replace(mouth, skin=np.array([0.4, 0.36, 0.31])).redden(flesh)
    assert 0.02 < np.ptp(faded) < 0.15


def test_a_mouth_that_shows_its_own_teeth_gets_no_others(target, identity, mouth):
    """Outside them it is dark, with gum where the upper lip is higher than at rest."""
    mesh = identity.face.mesh.copy()
    mesh[list(LIPS_INNER[1][1:-1]), 1] += 0.15 * np.linalg.norm(mesh[78, :2] - mesh[308, :2])
    seen, head = measure_mouth(target.pixels, mesh, identity.face.frontal), place()
    assert seen is not None and seen.shows_teeth and not mouth.shows_teeth
    made, lens = draw(seen, identity, head)
    x, top = (round(float(at)) for at in lens.pixels(0.0, lens.bounds(0.0)[0]))
    lip = round(float(head.apply(seen.lip)[4, 1]))
    below, above = made[lip + 10 : lip + 20, x - 20 : x + 20], made[top + 12 : lip - 8, x - 20 : x + 20]
    assert above.shape[0] > 5 and below.mean() < 0.3 * seen.white.mean()
    assert (above[..., 0] > 1.3 * above[..., 1]).all() and above.mean() > 2 * below.mean(), "red, and lighter"
    rows, _ = draw(mouth, identity, head)
    assert made[lip : lip + 60, x - 100 : x + 100].max() < 0.5 * rows[lip : lip + 60, x - 100 : x + 100].max()


@pytest.fixture(scope="module")
def drawn(target, colour, weights, performance, painting) -> Shot:
    identity = identify(Settings(target=str(TARGET)), target, colour, weights, painting)
    return make_shot(identity, target, performance, weights, painter=MouthPainter(painting.network))


def widest(shot) -> int:
    gaps = measure_gap(shot.target.picture.frontal[:468] + shot.motion.expression, LIPS_INNER)
    return {row: frame for frame, row in shot.motion.rows.items()}[int(np.argmax(gaps))]


def test_a_shot_draws_teeth_where_it_painted_and_nowhere_else(drawn):
    frame = widest(drawn)
    one, other = drawn.render(frame), replace(drawn, teeth=None).render(frame)
    mouth = one.carried.mouth
    box = tuple(slice(at, at + n) for at, n in zip((mouth.top, mouth.left), mouth.coverage.shape, strict=True))
    apart = np.abs(one.colour - other.colour).max(-1)
    assert (apart[box] > 1e-3).sum() > 50
    apart[box][one.carried.invented(box) > 0] = 0
    assert not apart.any()


def test_painted_teeth_are_an_option_and_the_default_of_a_trained_identity(drawn, weights, performance):
    painter, person, view = drawn.painter, drawn.person, drawn.target.picture
    taught = replace(person, adapters={"of": np.zeros(1)})

    def has_teeth(who, teeth) -> bool:
        return Shot.of_still(who, view, performance, Settings(teeth=teeth), weights, painter).teeth is not None

    assert [has_teeth(person, teeth) for teeth in ("auto", "drawn", "painted")] == [True, True, False]
    assert [has_teeth(taught, teeth) for teeth in ("auto", "drawn", "painted")] == [False, True, False]
    assert Shot.of_still(person, view, performance, Settings(), weights).teeth is None


def test_a_grey_picture_stays_grey(drawn, performance, weights):
    view = drawn.target.picture
    grey = replace(view, pixels=np.repeat(view.pixels[..., 1:2], 3, -1))
    shot = Shot.of_still(drawn.person, grey, performance, Settings(), weights, drawn.painter)
    colour = shot.render(widest(shot)).colour
    assert shot.teeth is not None and np.ptp(colour, axis=-1).max() < 2e-3
