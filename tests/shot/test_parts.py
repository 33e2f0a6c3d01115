"""Parts: mouth and eyes of other views, laid into a frame."""

import dataclasses

import cv2
import numpy as np
import pytest

from ofx_reenact.compose.part import find_split, match_grain, match_light, measure_agreement, measure_blur, soften
from ofx_reenact.shot.lay_parts import lay_parts
from ofx_reenact.shot.make_frame import make_frame
from ofx_reenact.shot.motion import pose_of_mesh
from ofx_reenact.shot.person import Face
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import EYE_RIGHT, LIPS_INNER
from ofx_reenact.warp.part_sheet import bend_part

RIGHT, HALF = np.array([1.0, 0, 0]), np.array([0.5, 0.5, 0])
# Frames before parts are laid in, by the ids of view and pose (kept here as well, so that ids stay unique).
MADE: dict = {}


@pytest.fixture(scope="module")
def shown(smiling, identity) -> View:
    """The demo target with a nearly shut mouth, scene-linear."""
    return View(np.ascontiguousarray(smiling**2.2), identity.face)


@pytest.fixture(scope="module")
def source(opened, identity) -> View:
    """The same person with an open mouth that is green inside."""
    picture, mesh = opened
    return View(np.ascontiguousarray(picture**2.2), dataclasses.replace(identity.face, mesh=mesh))


@pytest.fixture(scope="module")
def pose(shown, source):
    """The target's face with the source's open mouth, 3 pixels to the right."""
    moved = source.mesh[:468] + 3 * RIGHT
    head = dataclasses.replace(shown.head, translation=shown.head.translation + 3 * RIGHT)
    return pose_of_mesh(shown, moved, head)


def resized(view: View, factor: float) -> View:
    """Return the same view in a picture of another size."""
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    pixels = cv2.resize(view.pixels, None, fx=factor, fy=factor, interpolation=how)
    mesh = (view.mesh + HALF) * factor - HALF
    return View(np.maximum(pixels, 0), Face(mesh, (pixels.shape[1], pixels.shape[0]), view.face.tracker))


def lay(shown, pose, *sources, parts=("mouth",), number=0):
    """Lay parts of views, with weights, into the target's own frame; return the frame before and after."""
    key = id(shown), id(pose)
    if key not in MADE:
        MADE[key] = make_frame(shown, pose), shown, pose
    before = MADE[key][0]
    after = dataclasses.replace(before, colour=before.colour.copy())
    return before, lay_parts(after, shown, pose, dict.fromkeys(parts, sources), number)


def inside(shown, pose, by=3) -> np.ndarray:
    """Return the mask of the mouth's inside in a pose, eroded by ``by`` pixels."""
    mesh = pose.mesh(shown)
    contour = np.concatenate([mesh[list(LIPS_INNER[0]), :2], mesh[list(LIPS_INNER[1][-2:0:-1]), :2]])
    drawn = np.zeros(shown.pixels.shape[:2], np.uint8)
    cv2.fillPoly(drawn, [np.round(contour).astype(np.int32)], 1)
    return cv2.erode(drawn, np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0


def test_the_inside_of_a_mouth_comes_from_a_view_that_shows_it(shown, source, pose):
    before, after = lay(shown, pose, (source, 1.0))
    mouth = inside(shown, pose)
    red, green, blue = after.colour[mouth].mean(0)
    assert green > 0.4 and green > 5 * max(red, blue)
    assert before.colour[mouth].mean(0).argmax() != 1
    # FD-GAN has less to paint.
    box = before.carried.composed.slices
    assert after.carried.composed.invented.sum() < 0.2 * before.carried.composed.invented.sum()
    assert after.carried.composed.invented.shape == (box[0].stop - box[0].start, box[1].stop - box[1].start)


def test_pixels_outside_the_matte_keep_every_bit(shown, source, pose):
    before, after = lay(shown, pose, (source, 1.0))
    assert after.parts_matte.shape == shown.pixels.shape[:2] and after.parts_matte.max() == 1
    outside = after.parts_matte == 0
    assert np.array_equal(before.colour[outside], after.colour[outside]) and 0.02 < (~outside).mean() < 0.3
    assert np.array_equal(before.stmap, after.stmap)


def test_parts_are_repeatable_and_mix_with_the_frame_by_weight(shown, source, pose):
    before, after = lay(shown, pose, (source, 1.0))
    assert np.array_equal(after.colour, lay(shown, pose, (source, 1.0))[1].colour)
    _, half = lay(shown, pose, (source, 0.5))
    assert np.allclose(half.colour, (before.colour + after.colour) / 2, atol=1e-5)
    assert np.allclose(half.parts_matte, after.parts_matte / 2)
    _, twice = lay(shown, pose, (source, 0.5), (source, 0.5))
    assert np.allclose(twice.colour, after.colour, atol=1e-5)
    assert np.allclose(twice.parts_matte, after.parts_matte, atol=1e-6)
    assert np.allclose(twice.carried.composed.invented, after.carried.composed.invented, atol=1e-5)


def test_nothing_is_laid_in_without_sources(shown, pose):
    before, after = lay(shown, pose)
    assert np.array_equal(before.colour, after.colour) and after.parts_matte is None


@pytest.mark.parametrize("light", [(0.3, 0.3, 0.3), (4.0, 3.0, 2.5)])
def test_a_source_in_other_light_is_matched_to_the_frame(shown, source, pose, light):
    lit = dataclasses.replace(source, pixels=source.pixels * np.float32(light))
    plain, matched = (lay(shown, pose, (view, 1.0))[1].colour for view in (source, lit))
    skin = (lay(shown, pose, (source, 1.0))[1].parts_matte > 0.5) & ~inside(shown, pose, by=0)
    assert np.abs(matched[skin] - plain[skin]).mean() < 0.02 * plain[skin].mean()


@pytest.mark.parametrize("factor", [0.5, 1.7, 3.0])
def test_a_source_of_another_size_gives_the_same_part(shown, source, pose, factor):
    plain, other = (lay(shown, pose, (view, 1.0))[1] for view in (source, resized(source, factor)))
    assert np.abs(plain.parts_matte - other.parts_matte).max() < 0.02
    changed = plain.parts_matte > 0.5
    assert np.abs(other.colour[changed] - plain.colour[changed]).mean() < 0.06 * plain.colour[changed].mean()


def test_a_part_of_the_frames_own_view_changes_nothing(shown):
    """A part that is warped from the picture itself, without motion, is the picture."""
    still = pose_of_mesh(shown, shown.mesh[:468] + 0.6 * RIGHT, shown.head)
    before, after = lay(shown, still, (shown, 1.0), parts=("mouth", "eye_right", "eye_left"))
    assert np.abs(before.colour - after.colour).max() < 0.05 and np.abs(before.colour - after.colour).mean() < 1e-3


def test_an_open_eye_replaces_a_shut_one(shown):
    lids = shown.mesh.copy()
    lids[list(EYE_RIGHT[0][1:-1])] = lids[list(EYE_RIGHT[1][1:-1])]
    shut = make_frame(shown, pose_of_mesh(shown, lids, shown.head)).colour
    closed = View(shut, dataclasses.replace(shown.face, mesh=lids))
    pose = pose_of_mesh(closed, shown.mesh[:468] + 0.3 * RIGHT, shown.head)
    before, after = lay(closed, pose, (shown, 1.0), parts=("eye_right",))
    eye = after.parts_matte > 0.9
    wrong, right = (np.abs(frame.colour[eye] - shown.pixels[eye]).mean() for frame in (before, after))
    assert right < 0.4 * wrong


def test_alpha_stays(shown, source, pose):
    alpha = np.ones((*shown.pixels.shape[:2], 1), np.float32)
    with_alpha = dataclasses.replace(shown, pixels=np.concatenate([shown.pixels, alpha], -1))
    plain, four = (lay(view, pose, (source, 1.0))[1].colour for view in (shown, with_alpha))
    assert (four[..., 3] == 1).all() and np.allclose(four[..., :3], plain, atol=1e-5)
    from_alpha = dataclasses.replace(source, pixels=np.concatenate([source.pixels, alpha], -1))
    assert np.allclose(lay(shown, pose, (from_alpha, 1.0))[1].colour, plain, atol=1e-5)


def test_a_hand_in_front_of_the_source_is_not_laid_in(shown, source, pose):
    pixels = source.pixels.copy()
    x, y = source.mesh[61, :2].astype(int)
    pixels[y - 40 : y + 60, x - 40 : x + 30] = (0.02, 0.02, 0.05)
    _, after = lay(shown, pose, (dataclasses.replace(source, pixels=pixels), 1.0))
    assert after.parts_matte is None or after.parts_matte.max() < 0.1


def test_a_part_outside_the_picture_is_left_out(shown, source):
    away = pose_of_mesh(shown, shown.mesh[:468] + 5000 * RIGHT, shown.head)
    _, after = lay(shown, away, (source, 1.0))
    assert after.parts_matte is None
    assert bend_part("mouth", source.mesh[:468], source.mesh[:468], shown.mesh[:468] + 5000 * RIGHT, shown.size) is None


def test_light_is_matched_by_a_smooth_field():
    y, x = np.mgrid[:60, :80].astype(np.float32)
    mask = np.clip(1.2 - np.hypot((x - 40) / 34, (y - 30) / 24), 0, 1)
    around = np.repeat(0.2 + x[..., None] / 400, 3, -1)
    matched = match_light(np.full((60, 80, 3), 0.5, np.float32), around, mask)
    rim = (mask > 0.2) & (mask < 0.8)
    assert np.abs(matched[rim] / around[rim] - 1).mean() < 0.04
    assert measure_agreement(matched, around, mask) == 1


def test_missing_grain_is_added_and_differs_from_frame_to_frame():
    rng = np.random.default_rng(0)
    smooth = np.full((80, 80, 3), 0.25, np.float32)
    noisy = smooth * (1 + 0.1 * rng.standard_normal((80, 80, 1)).astype(np.float32))
    box = (slice(10, 90), slice(20, 100))
    first, again, second = (match_grain(smooth, noisy, box, number) for number in (7, 7, 8))
    assert np.array_equal(first, again) and np.abs(first - second).mean() > 0.01
    assert first.std() == pytest.approx(noisy.std(), rel=0.2) and first.mean() == pytest.approx(0.25, rel=0.02)
    assert match_grain(noisy, smooth, box, 7) is noisy


def test_edges_sharper_than_the_frames_are_softened():
    step = np.zeros((60, 60, 3), np.float32)
    step[:, 30:] = 0.8
    soft = cv2.GaussianBlur(step, (0, 0), 2.5)
    assert measure_blur(soft) > measure_blur(cv2.GaussianBlur(step, (0, 0), 1.0)) + 0.5
    blurred = soften(cv2.GaussianBlur(step, (0, 0), 1.0), 1.0, 2.5)
    assert np.abs(blurred - soft).max() < 0.06
    assert soften(step, 2.5, 1.0) is step


def test_upper_teeth_end_at_the_darkest_line(source):
    from ofx_reenact.warp.openings import fit_lens

    lens = fit_lens("mouth", source.mesh)
    u, down = np.meshgrid(np.linspace(-0.7, 0.7, 200), np.linspace(0, 1, 100))
    upper, lower = lens.bounds(u)
    x, y = (np.rint(v).astype(int) for v in lens.pixels(u, upper + (lower - upper) * down))
    teeth = source.pixels.copy()
    teeth[y, x] = np.where(np.abs(down - 0.4) < 0.1, 0.02, 0.6)[..., None]
    assert find_split(teeth, lens) == pytest.approx(0.4, abs=0.1)
