"""Shading in frames: where it changes light, in which channels, and its layer."""

import dataclasses

import numpy as np
import pytest

from ofx_reenact.compose.shading import MOST
from ofx_reenact.settings import Settings
from ofx_reenact.shot.make_frame import make_frame
from ofx_reenact.shot.motion import fit_motion

MOUTH_OPEN = 36


@pytest.fixture(scope="module")
def view(target, identity, colour):
    from ofx_reenact.engine.make_identity import view_of

    return view_of(identity.face, target, colour)


@pytest.fixture(scope="module")
def pose(view, identity, performance, weights):
    motion = fit_motion(identity.person, view, performance, Settings(strength=1.5), weights)
    return motion.pose(MOUTH_OPEN, view)


@pytest.fixture(scope="module")
def frames(view, pose):
    return make_frame(view, pose), make_frame(view, dataclasses.replace(pose, shading=0.0))


def test_only_skin_that_moves_is_shaded(frames):
    shaded, plain = frames
    height, width = shaded.shape
    y, x = np.mgrid[:height, :width]
    still = (shaded.stmap == np.stack([x, y], -1)).all(-1)
    assert (shaded.shading[still] == 1).all() and np.array_equal(shaded.colour[still], plain.colour[still])
    assert np.array_equal(shaded.stmap, plain.stmap) and (plain.shading == 1).all()
    assert shaded.shading.max() <= MOST and shaded.shading.min() >= 1 / MOST
    assert 0.02 < (np.abs(shaded.shading - 1) > 0.01).mean() < 0.5


def test_the_layer_is_the_factor_on_the_picture(frames):
    shaded, plain = frames
    whole = slice(0, shaded.shape[0]), slice(0, shaded.shape[1])
    opened = shaded.carried.opening(whole)
    made = plain.colour[..., :3] * shaded.shading[..., None]
    skin = opened == 0
    assert np.quantile(np.abs(made - shaded.colour[..., :3])[skin].max(-1), 0.995) < 1e-6
    assert (opened == 1).any() and (shaded.shading[opened == 1] == 1).all()


def test_channels_change_alike_and_alpha_stays(view, pose):
    alpha = np.full((*view.pixels.shape[:2], 1), 0.5, np.float32)
    seen = dataclasses.replace(view, pixels=np.concatenate([view.pixels[..., :3], alpha], -1))
    made = make_frame(seen, pose)
    plain = make_frame(seen, dataclasses.replace(pose, shading=0.0))
    assert np.array_equal(made.colour[..., 3], plain.colour[..., 3])
    lit = (plain.colour[..., :3].min(-1) > 0.02) & (made.shading != 1)
    ratio = made.colour[..., :3][lit] / plain.colour[..., :3][lit]
    assert np.quantile(np.ptp(ratio, axis=-1), 0.99) < 1e-3


def test_a_turned_head_keeps_its_light(view, identity, performance, weights):
    names = [f.name for f in dataclasses.fields(Settings) if f.name.startswith("weight_")]
    settings = Settings(**(dict.fromkeys(names, 0.0) | {"weight_pose": 1.0}))
    motion = fit_motion(identity.person, view, performance, settings, weights)
    made = make_frame(view, motion.pose(MOUTH_OPEN, view))
    assert made.carried is not None and (made.shading == 1).all()


def test_a_holdout_keeps_the_light(frames, view):
    held = np.zeros(frames[0].shape, np.float32)
    held[: held.shape[0] // 2] = 1
    shading = frames[0].keep_plate(view.pixels, held).shading
    assert (shading[held == 1] == 1).all() and np.array_equal(shading[held == 0], frames[0].shading[held == 0])
