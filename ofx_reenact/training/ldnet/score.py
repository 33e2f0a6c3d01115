"""Point errors of LD-Net on swaps whose truth is known.

An error is the mean distance of the 68 points to the truth's, 1 being half the truth's landmark box.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.training.ldnet.heads import HeadModel
from ofx_reenact.training.ldnet.swaps import Drawing, Swaps, draw_swaps

# Far from any seed that a training is given.
SEED = 20_000_003


def guesses(network: LDNet, swaps: Swaps) -> dict[str, Tensor]:
    """What the target's landmarks could be taken for, (B, 68, 2) each.

    Returns:
        ``copied``: the driver's landmarks as they are. ``random``: the driver's change from a random frame.
        ``oracle``: his change from his true neutral face on the target's true neutral face. ``direct``:
        ``G(E_P(l_S), E_I(l_T))``. ``anchored``: the same less what it gets wrong about the unmoved target.
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
    """Distance of each point over half the landmark box of the truth, (B, 68)."""
    half = (truth.amax(-2) - truth.amin(-2)).amax(-1, keepdim=True) / 2
    return (guess - truth).norm(dim=-1) / half


def relative_motion(network: LDNet, swaps: Swaps) -> tuple[Tensor, Tensor]:
    """What relative motion renders and what it should, (B, 68, 2) each, of swaps that are ``like``."""
    chosen = swaps.where(swaps.like.flatten())
    identity = network.encode_identity(chosen.target)
    return network(chosen.driver, identity) - network(chosen.rest, identity), chosen.truth - chosen.target


@torch.no_grad()
def score(
    network: LDNet, models: Mapping[str, HeadModel], drawing: Drawing, count: int = 1024, seed: int = SEED
) -> dict[str, float]:
    """Measure a network on people whom no training saw, for each head model by name.

    Returns:
        ``NAME direct``, ``anchored``, ``copied`` on the head model alone; ``NAME relative`` and ``gain`` (the share of
        the true motion that arrives) with bends and noise and heads facing the camera, as frontalised tracks are.
    """
    device = next(network.parameters()).device
    network.cpu()
    scores: dict[str, float] = {}
    for name, model in models.items():
        generator = torch.Generator().manual_seed(seed)
        plain = replace(drawing, facing=0.0, like=0.0, plain=1.0)
        swaps = draw_swaps(model, plain, count, generator)
        made = guesses(network, swaps)
        for guess in ("copied", "direct", "anchored"):
            scores[f"{name} {guess}"] = point_error(made[guess], swaps.truth).mean().item()
        swaps = draw_swaps(model, replace(drawing, facing=1.0, like=1.0, plain=0.0), count, generator)
        moved, true = relative_motion(network, swaps)
        scores[f"{name} relative"] = point_error(moved + swaps.target, true + swaps.target).mean().item()
        scores[f"{name} gain"] = ((moved * true).sum() / (true * true).sum()).item()
    network.to(device)
    return scores


Score = Callable[[LDNet], Mapping[str, float]]
