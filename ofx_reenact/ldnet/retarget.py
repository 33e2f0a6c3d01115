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
    weights: LDNetWeights, code: np.ndarray, target: np.ndarray, driver: np.ndarray, rest: np.ndarray | None
) -> np.ndarray:
    """Return how far each landmark of the target moves by LD-Net alone, in the target's units: (T, 68, 2) float64.

    ``G(E_P(l_S), z_T) − G(E_P(l_rest), z_T)``: what LD-Net gets wrong about this face in both terms cancels, so
    no motion of the driver moves nothing. It says too little of a performance, as a network does that was trained by
    squared error; :func:`transfer_between` does not.

    The target has an identity code (128,) and landmarks (68, 2), the driver landmarks (T, 68, 2) in any unit, and at
    rest, of all frames (1, 68, 2) or of each; None: the target's own landmarks are the rest (absolute motion).
    """
    own, placement = normalise(_tensor(target, weights)[None], weights.norm, weights.template)
    calm = own if rest is None else normalise(_tensor(rest, weights), weights.norm, weights.template)[0]
    performed, _ = normalise(_tensor(driver, weights), weights.norm, weights.template)
    return placement.vectors(_made(weights, code, performed, calm)).double().cpu().numpy()


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

    The target has an identity code (128,) and landmarks at rest (68, 2), the driver a code, landmarks (T, 68, 2) and
    landmarks at rest, of all frames (1, 68, 2) or of each, all frontal, in canonical units. What is returned is read
    only: it is remembered, since a change of what a shot asks of its regions asks nothing else of LD-Net.
    """
    asked = (code, target, driver_code, driver, rest)
    return weights.remembered(asked, lambda: _between(weights, *asked))


def _between(
    weights: LDNetWeights,
    code: np.ndarray,
    target: np.ndarray,
    driver_code: np.ndarray,
    driver: np.ndarray,
    rest: np.ndarray,
) -> np.ndarray:
    _, placement = normalise(_tensor(target, weights)[None], weights.norm, weights.template)
    performed, _ = normalise(_tensor(driver, weights), weights.norm, weights.template)
    calm, _ = normalise(_tensor(rest, weights), weights.norm, weights.template)
    apart = _made(weights, code, performed, calm) - _made(weights, driver_code, performed, calm)
    return driver - rest + placement.vectors(apart).double().cpu().numpy()


def _made(weights: LDNetWeights, code: np.ndarray, performed: torch.Tensor, calm: torch.Tensor) -> torch.Tensor:
    """Return ``G(E_P(l), z) − G(E_P(l_0), z)`` of normalised landmarks (T, 68, 2), and those at rest (T or 1, 68, 2).

    The whole performance goes through in one batch, whatever frames are rendered, since matrix products may round
    differently in batches of another size.
    """
    poses = weights.network.encode_pose(torch.cat([performed, calm]))
    landmarks = weights.network.generate(poses, _tensor(code, weights).expand(len(poses), -1))
    return landmarks[: len(performed)] - landmarks[len(performed) :]


@torch.inference_mode()
def calm_of(weights: LDNetWeights, code: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return a face's landmarks (68, 2) at ease, of landmarks (68, 2) that may smile or shout, in their units.

    ``l − [G(E_P(l), z) − G(E_P(l_0), z)]``: the expression that LD-Net sees in them is taken out. The pose at ease is
    that of the mean face l_0, the person's code z (128,).
    """
    own, placement = normalise(_tensor(landmarks, weights)[None], weights.norm, weights.template)
    shown = _made(weights, code, own, weights.template[None])
    return np.asarray(landmarks - placement.vectors(shown)[0].double().cpu().numpy())


def _tensor(array: np.ndarray, weights: LDNetWeights) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(weights.template.device)
