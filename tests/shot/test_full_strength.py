"""The strength of the motion: full, a fraction of it, and faces that smile or shout at rest."""

import dataclasses

import numpy as np
import pytest
from conftest import make_shot

from ofx_reenact.settings import Settings
from ofx_reenact.shot.motion import Motion, move_landmarks
from ofx_reenact.tracking.landmarks import MESH68, REGIONS
from ofx_reenact.tracking.rest import measure_mouth_activity
from ofx_reenact.tracking.surface import landmark_spread

MOUTH = list(REGIONS["mouth"])


def motion(target, identity, performance, weights, **settings) -> Motion:
    return make_shot(identity, target, performance, weights, Settings(reference=20, **settings)).motion


def landmarks(identity, performance, weights, **settings) -> np.ndarray:
    mesh = performance.frontal.astype(np.float64)
    rest = mesh[20 - int(performance.frames[0])]
    return move_landmarks(identity.person, mesh, rest[None], rest, Settings(**settings), weights)


def slope(made: np.ndarray, driver: np.ndarray) -> float:
    return float((made * driver).sum() / (driver * driver).sum())


def test_calibrated_ldnet_is_as_strong_as_the_driver_and_uncalibrated_is_weaker(identity, performance, weights):
    driver = landmarks(identity, performance, weights, retarget="copy")[:, MOUTH]
    whole, alone = (
        slope(landmarks(identity, performance, weights, retarget=how)[:, MOUTH], driver)
        for how in ("ldnet", "uncalibrated")
    )
    assert whole == pytest.approx(1, abs=0.1)
    assert alone < whole - 0.1


def test_half_the_strength_moves_brows_and_jaw_half_as_far(target, identity, performance, weights):
    half, whole = (motion(target, identity, performance, weights, strength=s).expression for s in (0.5, 1.0))
    points = [MESH68[i] for region in ("jaw", "brow_right", "brow_left") for i in REGIONS[region]]
    assert np.abs(whole[:, points]).max() > 0.05
    assert np.allclose(2 * half[:, points, :2], whole[:, points, :2], atol=0.05)


def test_strength_zero_is_the_target(target, identity, performance, weights):
    settings = Settings(strength=0.0, head="plate")
    shot = make_shot(identity, target, performance, weights, settings)
    assert np.array_equal(shot.render(36).colour, target.pixels)


def with_rest(identity, mesh):
    return dataclasses.replace(identity, person=dataclasses.replace(identity.person, rest=mesh))


def test_calm_faces_have_one_rest(identity, performance, weights, monkeypatch):
    monkeypatch.setattr("ofx_reenact.shot.motion.measure_mouth_activity", lambda face: 0.19)
    frame, auto = (landmarks(identity, performance, weights, rest=rest) for rest in ("frame", "auto"))
    assert np.array_equal(frame, auto)


def test_a_target_that_shouts_is_calm_where_the_driver_is(identity, performance, weights):
    shift = np.zeros((68, 2))
    shift[[*range(55, 60), *range(65, 68), *range(4, 13)], 1] = 1.5
    rest = identity.person.rest.copy()
    rest[:468, :2] += landmark_spread() @ shift
    assert measure_mouth_activity(rest) > 0.5
    frame, auto = (landmarks(with_rest(identity, rest), performance, weights, rest=how) for how in ("frame", "auto"))
    row = 20 - int(performance.frames[0])
    assert np.abs(frame[row]).max() < 1e-6
    # The mouth shuts: the middle of the lower inner lip rises towards that of the upper.
    assert auto[row, 62, 1] - auto[row, 66, 1] > 0.3 * 1.5


def test_absolute_is_as_strong_as_relative(identity, performance, weights):
    relative, absolute = (landmarks(identity, performance, weights, motion=how) for how in ("relative", "absolute"))
    # They differ by the two faces' expressions at rest, which is the same in all frames.
    assert np.abs(absolute - relative - (absolute - relative)[0]).max() < 1e-9
