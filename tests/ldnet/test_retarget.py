"""Motion transferred: what must not move does not, scale, devices."""

import numpy as np
import pytest
import torch

from ofx_reenact.ldnet.retarget import identity_code, remove_expression, transfer_calibrated, transfer_uncalibrated
from ofx_reenact.ldnet.weights import load_ldnet


def random_landmarks(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 68, 2)) * 20 + 100


def test_anchor_moves_nothing_for_no_motion(weights):
    target, still = random_landmarks(1)[0], random_landmarks(1, seed=1)
    driver = np.repeat(still, 5, axis=0)
    moved = transfer_uncalibrated(weights, identity_code(weights, target), target, driver, driver[2:3])
    assert np.abs(moved).max() < 0.01, "rows of a batch round differently; far below what counts as motion"


def test_absolute_moves_nothing_when_the_driver_is_the_target(weights):
    target = random_landmarks(1)[0]
    moved = transfer_uncalibrated(weights, identity_code(weights, target), target, target[None] * 3 + 7, None)
    assert np.abs(moved).max() < 1e-3 * np.abs(target).max()


def test_transfer_scales_with_the_target(weights):
    target, driver = random_landmarks(1)[0], random_landmarks(4, seed=1)
    code = identity_code(weights, target)
    once, twice = (transfer_uncalibrated(weights, code, target * k, driver, driver[:1]) for k in (1, 2))
    assert np.allclose(once * 2, twice, atol=1e-2)


def test_a_driver_who_is_the_target_moves_it_exactly_as_he_moved(weights):
    driver = random_landmarks(5, seed=2)
    rest, code = driver[:1], identity_code(weights, driver[0])
    moved = transfer_calibrated(weights, code, driver[0], code, driver, rest)
    assert np.array_equal(moved, driver - rest)


def test_what_ldnet_loses_of_the_driver_reaches_another_person(weights):
    template = weights.template.cpu().numpy().astype(np.float64)
    wide, rest = template * [1.15, 1.0], template[None]
    driver = np.repeat(rest, 2, axis=0)
    driver[1, 55:60, 1] += 0.2
    driver[1, 5:12, 1] += 0.2
    codes = [identity_code(weights, face) for face in (wide, template)]
    shrunk = transfer_uncalibrated(weights, codes[0], wide, driver, rest)
    whole = transfer_calibrated(weights, codes[0], wide, codes[1], driver, rest)
    assert np.abs(whole[0]).max() < 0.01
    chin = whole[1, 8, 1]
    assert chin == pytest.approx(0.2, abs=0.08)
    assert abs(chin - 0.2) < abs(shrunk[1, 8, 1] - 0.2)


def test_a_calm_face_stays_and_an_open_mouth_closes(weights):
    template = weights.template.cpu().numpy().astype(np.float64)
    code = identity_code(weights, template)
    assert np.abs(remove_expression(weights, code, template) - template).max() < 0.02
    shouting = template.copy()
    shouting[[*range(55, 60), *range(65, 68), *range(6, 11)], 1] += 0.25
    calm = remove_expression(weights, code, shouting)
    gap = [face[66, 1] - face[62, 1] for face in (template, shouting, calm)]
    assert gap[2] - gap[0] < 0.6 * (gap[1] - gap[0])
    assert np.allclose(remove_expression(weights, code, shouting * 40 + 100), calm * 40 + 100, atol=0.1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_devices_agree():
    target, driver = random_landmarks(1)[0], random_landmarks(4, seed=1)
    cpu, cuda = (
        transfer_uncalibrated(w, identity_code(w, target), target, driver, driver[:1])
        for w in (load_ldnet(), load_ldnet(None, "cuda"))
    )
    assert np.abs(cpu - cuda).max() < 0.02
