"""Give the driver's motion to the target's landmarks by LD-Net.

Notation: l landmarks, z identity codes; S the driver, T the target. In shapes, T is the number of frames.
"""

from __future__ import annotations

import numpy as np
import torch

from ofx_reenact.ldnet.normalise import normalise
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.stages import stage


@torch.inference_mode()
def identity_code(weights: LDNetWeights, target: np.ndarray) -> np.ndarray:
    """Return the identity code z_T = E_I(l_T), (128,) float32, of landmarks (68, 2) in any unit."""
    normalised, _ = normalise(_tensor(target, weights)[None], weights.norm, weights.template)
    return weights.network.encode_identity(normalised)[0].cpu().numpy()


@stage("LD-Net")
@torch.inference_mode()
def transfer_uncalibrated(
    weights: LDNetWeights, code: np.ndarray, target: np.ndarray, driver: np.ndarray, rest: np.ndarray | None
) -> np.ndarray:
    """Return the motion of the target's landmarks by LD-Net alone, in the target's units: (T, 68, 2) float64.

    ``G(E_P(l_S), z_T) − G(E_P(l_rest), z_T)``: LD-Net's error on this face is in both terms and cancels, so a driver at
    rest moves nothing. Like every network that is trained by squared error, LD-Net weakens a performance;
    :func:`transfer_calibrated` does not.

    Args:
        weights: LD-Net.
        code: the target's identity code, (128,).
        target: its landmarks, (68, 2).
        driver: the driver's landmarks in T frames, (T, 68, 2), in any unit.
        rest: the driver at rest, (1, 68, 2) for all frames or (T, 68, 2); None: the target's own landmarks are the rest
            (absolute motion).
    """
    own, placement = normalise(_tensor(target, weights)[None], weights.norm, weights.template)
    at_rest = own if rest is None else normalise(_tensor(rest, weights), weights.norm, weights.template)[0]
    performed, _ = normalise(_tensor(driver, weights), weights.norm, weights.template)
    return placement.place_displacements(_motion(weights, code, performed, at_rest)).double().cpu().numpy()


@stage("LD-Net")
@torch.inference_mode()
def transfer_calibrated(
    weights: LDNetWeights,
    code: np.ndarray,
    target: np.ndarray,
    driver_code: np.ndarray,
    driver: np.ndarray,
    rest: np.ndarray,
) -> np.ndarray:
    """Return the motion of the target's landmarks from rest, at the driver's full strength: (T, 68, 2) float64.

    ``(l_S − l_rest) + [G(E_P(l_S), z_T) − G(E_P(l_rest), z_T)] − [G(E_P(l_S), z_S) − G(E_P(l_rest), z_S)]``: the
    driver's own motion, plus the difference between the two people by LD-Net. What LD-Net loses of a performance is in
    both brackets and cancels; if driver and target are one person, the target moves exactly as the driver did.

    All landmarks are frontal, in canonical units. The result is cached, so that changing a region's weight does not run
    LD-Net again; it is read-only.

    Args:
        weights: LD-Net.
        code: the target's identity code, (128,).
        target: its landmarks at rest, (68, 2).
        driver_code: the driver's identity code, (128,).
        driver: the driver's landmarks in T frames, (T, 68, 2).
        rest: the driver's landmarks at rest, (1, 68, 2) for all frames or (T, 68, 2).
    """
    inputs = (code, target, driver_code, driver, rest)
    return weights.cached_result(inputs, lambda: _between(weights, *inputs))


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
    at_rest, _ = normalise(_tensor(rest, weights), weights.norm, weights.template)
    difference = _motion(weights, code, performed, at_rest) - _motion(weights, driver_code, performed, at_rest)
    return driver - rest + placement.place_displacements(difference).double().cpu().numpy()


def _motion(weights: LDNetWeights, code: np.ndarray, performed: torch.Tensor, at_rest: torch.Tensor) -> torch.Tensor:
    """Return ``G(E_P(l), z) − G(E_P(l_0), z)`` of normalised landmarks l (T, 68, 2) and l_0 (T or 1, 68, 2).

    The whole performance is one batch, whichever frames are rendered: matrix products may round differently in batches
    of another size.
    """
    poses = weights.network.encode_pose(torch.cat([performed, at_rest]))
    landmarks = weights.network.generate(poses, _tensor(code, weights).expand(len(poses), -1))
    return landmarks[: len(performed)] - landmarks[len(performed) :]


@torch.inference_mode()
def remove_expression(weights: LDNetWeights, code: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Remove the expression from a face's landmarks (68, 2), which may smile or shout.

    ``l − [G(E_P(l), z) − G(E_P(l_0), z)]``: the expression that LD-Net sees is subtracted. l_0 is the mean face, z the
    person's identity code (128,). The result (68, 2) has the unit of the landmarks.
    """
    own, placement = normalise(_tensor(landmarks, weights)[None], weights.norm, weights.template)
    shown = _motion(weights, code, own, weights.template[None])
    return np.asarray(landmarks - placement.place_displacements(shown)[0].double().cpu().numpy())


def _tensor(array: np.ndarray, weights: LDNetWeights) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(weights.template.device)
