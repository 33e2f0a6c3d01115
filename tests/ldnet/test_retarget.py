"""Motion transferred: what must not move does not, scale, devices."""

import numpy as np
import pytest
import torch

from ofx_reenact.ldnet.retarget import identity_code, transfer
from ofx_reenact.ldnet.weights import load_ldnet


def random_landmarks(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 68, 2)) * 20 + 100


def test_anchor_moves_nothing_for_no_motion(weights):
    target, still = random_landmarks(1)[0], random_landmarks(1, seed=1)
    driver = np.repeat(still, 5, axis=0)
    moved = transfer(weights, identity_code(weights, target), target, driver, reference=2)
    assert moved[2].any() == 0
    assert np.abs(moved).max() < 0.01, "rows of a batch round differently; far below what counts as motion"


def test_absolute_moves_nothing_when_the_driver_is_the_target(weights):
    target = random_landmarks(1)[0]
    moved = transfer(weights, identity_code(weights, target), target, target[None] * 3 + 7, reference=None)
    assert np.abs(moved).max() < 1e-3 * np.abs(target).max()


def test_transfer_scales_with_the_target(weights):
    target, driver = random_landmarks(1)[0], random_landmarks(4, seed=1)
    code = identity_code(weights, target)
    once, twice = (transfer(weights, code, target * k, driver, 0) for k in (1, 2))
    assert np.allclose(once * 2, twice, atol=1e-2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_devices_agree():
    target, driver = random_landmarks(1)[0], random_landmarks(4, seed=1)
    cpu, cuda = (
        transfer(w, identity_code(w, target), target, driver, 0) for w in (load_ldnet(), load_ldnet(None, "cuda"))
    )
    assert np.abs(cpu - cuda).max() < 0.02
