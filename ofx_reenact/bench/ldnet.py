"""Times LD-Net as a render uses it: a whole performance in one batch."""

from __future__ import annotations

import numpy as np
import torch

from ofx_reenact.bench.peak import Speed, time_work
from ofx_reenact.ldnet.network import LANDMARKS
from ofx_reenact.ldnet.retarget import identity_code, transfer_uncalibrated
from ofx_reenact.ldnet.weights import load_ldnet

# Deviation of the landmarks from the mean face, in its units. Time does not depend on it.
_MOTION = 0.02


def bench(frames: int = 1000, runs: int = 12, device: str = "cpu") -> list[Speed]:
    """Time the transfer of a performance with the shipped weights in float32, normalisation and anchor included."""
    weights = load_ldnet(device=device)
    target = weights.template.cpu().numpy()
    driver = target + _MOTION * np.random.default_rng(1).standard_normal((frames, LANDMARKS, 2)).astype(np.float32)
    code = identity_code(weights, target)
    what = f"LD-Net, {frames} frames, float32"
    work = lambda: transfer_uncalibrated(weights, code, target, driver, driver[:1])  # noqa: E731
    return [time_work(what, work, torch.float32, runs, device)]
