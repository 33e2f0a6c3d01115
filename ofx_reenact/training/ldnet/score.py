"""Point errors of LD-Net on swaps whose truth is known.

An error is the mean distance of the 68 points from the true ones, divided by half the longer side of the true points'
bounding box.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.training.ldnet.data.head_model import HeadModel
from ofx_reenact.training.ldnet.data.swaps import Swaps, SwapSettings, draw_swaps

# A seed that no training is likely to have.
SEED = 20_000_003


def guesses(network: LDNet, swaps: Swaps) -> dict[str, Tensor]:
    """Return guesses of the swapped landmarks, (B, 68, 2) each, by name.

    ``copied``: the driver's landmarks, unchanged. ``random``: the target plus the driver's change from another frame.
    ``oracle``: the target's true neutral face plus the driver's change from the driver's neutral one. ``direct``:
    ``G(E_P(l_S), E_I(l_T))``. ``anchored``: ``direct`` minus the network's error on the unmoved target.
    """
    identity = network.encode_identity(swaps.target)
    direct, same = network(swaps.driver, identity), network(swaps.target, identity)
    of_driver, of_target = swaps.neutral
    return {
        "copied": swaps.driver,
        "random": swaps.target + swaps.driver - swaps.rest,
        "oracle": of_target + swaps.driver - of_driver,
        "direct": direct,
        "anchored": swaps.target + (direct - same),
    }


def point_error(guess: Tensor, truth: Tensor) -> Tensor:
    """Return each point's distance from the truth over half the longer side of the truth's box, (B, 68)."""
    half = (truth.amax(-2) - truth.amin(-2)).amax(-1, keepdim=True) / 2
    return (guess - truth).norm(dim=-1) / half


def relative_motion(network: LDNet, swaps: Swaps) -> tuple[Tensor, Tensor]:
    """Return the network's relative motion and the true one, (n, 68, 2) each, of the n swaps with ``same_rest``."""
    chosen = swaps.where(swaps.same_rest.flatten())
    identity = network.encode_identity(chosen.target)
    return network(chosen.driver, identity) - network(chosen.rest, identity), chosen.truth - chosen.target


@torch.no_grad()
def score(
    network: LDNet, models: Mapping[str, HeadModel], swap_settings: SwapSettings, count: int = 1024, seed: int = SEED
) -> dict[str, float]:
    """Measure a network on unseen people of each head model.

    Returns:
        By head model NAME: ``NAME direct``, ``NAME anchored`` and ``NAME copied``, errors without bends and noise;
        ``NAME relative``, the error of relative motion, and ``NAME gain``, how much of the true motion it has. These
        two are measured with bends and noise, on heads that face the camera, as in frontalised tracks.
    """
    device = next(network.parameters()).device
    network.cpu()
    scores: dict[str, float] = {}
    for name, model in models.items():
        generator = torch.Generator().manual_seed(seed)
        plain = replace(swap_settings, facing=0.0, same_rest=0.0, plain=1.0)
        swaps = draw_swaps(model, plain, count, generator)
        made = guesses(network, swaps)
        for guess in ("copied", "direct", "anchored"):
            scores[f"{name} {guess}"] = point_error(made[guess], swaps.truth).mean().item()
        swaps = draw_swaps(model, replace(swap_settings, facing=1.0, same_rest=1.0, plain=0.0), count, generator)
        moved, true = relative_motion(network, swaps)
        scores[f"{name} relative"] = point_error(moved + swaps.target, true + swaps.target).mean().item()
        scores[f"{name} gain"] = ((moved * true).sum() / (true * true).sum()).item()
    network.to(device)
    return scores


Score = Callable[[LDNet], Mapping[str, float]]
