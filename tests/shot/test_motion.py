"""A performance fitted to a still: reference frames, weights, lids, mouths, hair cut off by the picture."""

import dataclasses

import numpy as np
import pytest
from conftest import make_shot
from jobs import standing_still

from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.settings import Settings
from ofx_reenact.shot.person import Face
from ofx_reenact.shot.shot import Shot
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import MESH68


@pytest.fixture(scope="module")
def shot(target, identity, performance, weights) -> Shot:
    return make_shot(identity, target, performance, weights)


@pytest.mark.parametrize("motion", ["relative", "locked"])
def test_reference_frame_is_the_target(target, identity, performance, weights, motion):
    made = make_shot(identity, target, performance, weights, Settings(reference=20, motion=motion))
    assert np.array_equal(made.render(20).colour, target.pixels)
    assert not np.array_equal(made.render(36).colour, target.pixels)


def test_weights_of_zero_give_the_target(target, identity, performance, weights):
    names = [f.name for f in dataclasses.fields(Settings) if f.name.startswith("weight_")]
    made = make_shot(identity, target, performance, weights, Settings(**dict.fromkeys(names, 0.0)))
    assert np.array_equal(made.render(36).colour, target.pixels)


def test_a_regions_weight_moves_that_region_alone(target, identity, performance, weights):
    names = [f.name for f in dataclasses.fields(Settings) if f.name.startswith("weight_")]
    settings = Settings(**(dict.fromkeys(names, 0.0) | {"weight_mouth": 1.0}))
    made = make_shot(identity, target, performance, weights, settings)
    changed = np.abs(made.render(36).colour - target.pixels).max(-1) > 0.02
    rows = np.nonzero(changed)[0]
    brows = identity.face.mesh[[105, 334], 1].max()  # the nose, which has the mouth's weight, begins below them
    assert changed.any() and rows.min() > brows


def test_order_of_rendering_does_not_matter(shot):
    forward = [shot.render(frame).colour for frame in (10, 36, 50)]
    backward = [shot.render(frame).colour for frame in (50, 36, 10)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forward, backward, strict=True))


def test_maps_have_their_ranges(shot, target):
    frame = shot.render(36)
    assert frame.matte.min() == 0 and frame.matte.max() == 1
    assert 0 <= frame.confidence.min() < 0.2, "the inside of the mouth was invented"
    assert frame.confidence.max() == 1
    y, x = np.mgrid[: frame.matte.shape[0], : frame.matte.shape[1]]
    outside = frame.matte == 0
    assert (frame.stmap[..., 0][outside] == x[outside]).all() and (frame.stmap[..., 1][outside] == y[outside]).all()


def mouth_box(identity) -> list[int]:
    from ofx_reenact.warp.openings import lenses

    return [int(v) for v in lenses(identity.face.mesh)["mouth"].box(0)]


def test_opened_mouth_is_clean(shot, target, identity):
    """Between lips that open over unseen teeth it is dark, without streaks; only the rim may be brighter."""
    frame = shot.render(36)
    left, top, right, bottom = mouth_box(identity)
    invented = np.zeros(frame.matte.shape, bool)
    invented[top : bottom + 40, left:right] = (frame.confidence < 0.05)[top : bottom + 40, left:right]
    assert invented.sum() > 100
    inside = frame.colour[invented].mean(-1)
    lips = target.pixels[identity.face.mesh[17, 1].astype(int), identity.face.mesh[17, 0].astype(int)].mean()
    assert np.quantile(inside, 0.98) < 0.4 * lips
    assert inside.max() < lips


def test_eyes_shut_by_their_lids(shot, target, identity):
    """In a blink nothing as dark as the pupil and nothing as white as the eye remains between the lids."""
    from ofx_reenact.warp.openings import lenses

    shut = shot.render(44)
    left, top, right, bottom = (int(v) for v in lenses(identity.face.mesh)["eye_right"].box(0))
    eye = (slice(top - 5, bottom + 12), slice(left + 8, right - 4))
    before, after = target.pixels[eye].mean(-1), shut.colour[eye].mean(-1)
    assert (after < 0.03).mean() < 0.4 * (before < 0.03).mean(), "no iris is left"


def test_a_target_whose_hair_is_cut_off_keeps_it_at_the_edge(target, identity, performance, weights):
    """Cut the demo's hair off, with highlights and alpha at the edge, and let its head sink by a third of its face."""
    face = np.ptp(identity.face.mesh[:468, 1])
    cut = int(identity.face.headroom.min() + 0.1 * face)
    picture = np.dstack([target.pixels, np.full(target.pixels.shape[:2], 0.5, np.float32)])[cut:]
    picture[:2, ::7, 0] = 50
    sinking = standing_still(performance)
    sinking.translation[7, 1] += 0.3 * np.ptp(performance.mesh[5, :468, 1])
    nose, sunk, frames = identity.face.mesh[4, :2].astype(int) - [0, cut], {}, {}
    for name, above in (("known", np.maximum(identity.face.headroom - cut, 0)), ("unknown", None)):
        mesh = identity.face.mesh - [0, cut, 0]
        size = (picture.shape[1], picture.shape[0])
        view = View(picture, Face(mesh, size, "mesh", headroom=above))
        person = dataclasses.replace(identity.person, rest=view.frontal)
        made = Shot.of_still(person, view, sinking, Settings(reference=1), weights)
        frames[name] = made.render(8)
        sunk[name] = -(frames[name].stmap[nose[1] + 5, nose[0], 1] - nose[1] - 5) / face
        assert np.array_equal(made.render(7).colour, picture)
    assert sunk["unknown"] > 0.2 and 0.04 < sunk["known"] < 0.075
    for frame in frames.values():
        assert np.abs(frame.colour[..., 3] - 0.5).max() < 1e-6
        assert frame.colour[..., :3].max() <= 50 and frame.colour[0, :, 0].max() > 20
        assert frame.stmap.min() >= 0 and (frame.stmap.max((0, 1)) <= np.array(size) - 1).all()
    low = {name: frame.confidence[5].min() for name, frame in frames.items()}
    assert low["unknown"] < 0.7 < 0.8 < low["known"], "hair that is drawn out far is not to be trusted"


def test_different_trackers_are_refused(identity, performance, weights, target):
    other = dataclasses.replace(identity, person=dataclasses.replace(identity.person, tracker="dlib"))
    with pytest.raises(TrackingError, match="one --tracker"):
        make_shot(other, target, performance, weights)


def test_a_missing_frame_is_named(shot):
    with pytest.raises(SettingsError, match="frame 99: the performance has frames 1-"):
        shot.render(99)


def test_memory_does_not_grow_with_the_number_of_frames(shot):
    import tracemalloc

    shot.render(36)
    tracemalloc.start()
    for frame in (36, 37):
        shot.render(frame)
    few = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    for frame in range(20, 50):
        shot.render(frame)
    many = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert many < 1.3 * few


def test_copied_landmarks_have_the_drivers_proportions(target, identity, performance, weights):
    """In absolute motion, copied landmarks have the driver's proportions; LD-Net keeps the target's."""
    apart = {}
    for retarget in ("ldnet", "copy"):
        made = make_shot(identity, target, performance, weights, Settings(motion="absolute", retarget=retarget))
        moved = made.motion.expression[:, list(MESH68), :2]
        driver = performance.frontal[:, list(MESH68), :2]
        apart[retarget] = np.abs(identity.person.landmarks + moved - driver)[:, :17].mean()
    assert apart["copy"] < 0.3 * apart["ldnet"]
