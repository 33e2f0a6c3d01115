"""Give the target's landmarks the driver's motion: LD-Net and the anchor."""

from __future__ import annotations

import numpy as np
import torch

from ofx_reenact.ldnet.normalise import normalise
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.stages import stage


@torch.inference_mode()
def identity_code(weights: LDNetWeights, target: np.ndarray) -> np.ndarray:
    """Return z_T = E_I(l_T): (128,) float32 from landmarks (68, 2)."""
    normalised, _ = normalise(_tensor(target, weights)[None], weights.norm, weights.template)
    return weights.network.encode_identity(normalised)[0].cpu().numpy()


@stage("LD-Net")
@torch.inference_mode()
def transfer(
    weights: LDNetWeights, code: np.ndarray, target: np.ndarray, driver: np.ndarray, reference: int | None
) -> np.ndarray:
    """Return how far each landmark of the target moves, in the target's units: (T, 68, 2) float64.

    ``G(E_P(l_S), z_T) − G(E_P(l_ref), z_T)``: what LD-Net gets wrong about this face in both terms cancels, so
    no motion of the driver moves nothing. The whole performance goes through in one batch, whatever frames are
    rendered, since matrix products may round differently in batches of another size.

    The target has an identity code (128,) and landmarks (68, 2), the driver landmarks (T, 68, 2) in any unit, of which
    row ``reference`` means "as in the target" (relative motion); None: the target's own landmarks are the reference
    (absolute motion).
    """
    own, placement = normalise(_tensor(target, weights)[None], weights.norm, weights.template)
    performed, _ = normalise(_tensor(driver, weights), weights.norm, weights.template)
    poses = weights.network.encode_pose(torch.cat([performed, own]))
    identity = _tensor(code, weights).expand(len(poses), -1)
    landmarks = weights.network.generate(poses, identity)
    base = landmarks[-1 if reference is None else reference]
    return placement.vectors(landmarks[:-1] - base).double().cpu().numpy()


@stage("LD-Net")
@torch.inference_mode()
def transfer_between(
    weights: LDNetWeights,
    code: np.ndarray,
    target: np.ndarray,
    driver_code: np.ndarray,
    driver: np.ndarray,
    rest: np.ndarray,
) -> np.ndarray:
    """Return how far each landmark of the target moves from rest, at the driver's full strength: (T, 68, 2) float64.

    ``(l_S − l_rest) + [G(E_P(l_S), z_T) − G(E_P(l_rest), z_T)] − [G(E_P(l_S), z_S) − G(E_P(l_rest), z_S)]``: the
    driver's own motion, and what LD-Net says that the two people do otherwise. What it loses of a performance is in
    both brackets and cancels; a driver who is the target moves it exactly as he moved.

    The target has an identity code (128,) and landmarks at rest (68, 2), the driver a code, landmarks (T, 68, 2) and,
    for each frame, landmarks at rest (T, 68, 2), all frontal, in canonical units.
    """
    _, placement = normalise(_tensor(target, weights)[None], weights.norm, weights.template)
    performed, _ = normalise(_tensor(np.concatenate([driver, rest]), weights), weights.norm, weights.template)
    poses = weights.network.encode_pose(performed)
    moved = []
    for who in (code, driver_code):
        landmarks = weights.network.generate(poses, _tensor(who, weights).expand(len(poses), -1))
        moved.append(landmarks[: len(driver)] - landmarks[len(driver) :])
    return driver - rest + placement.vectors(moved[0] - moved[1]).double().cpu().numpy()


def _tensor(array: np.ndarray, weights: LDNetWeights) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(weights.template.device)
