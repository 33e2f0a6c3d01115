"""Train LD-Net with supervised swaps on synthetic heads (the ``plate`` recipe).

The printed losses only say that a swap must look like the target and move like the driver. On synthetic heads
the true swap is known, so it is asked for directly, together with the anchored results that are rendered in
the end; both codes are asked to stay the same over what they must not see.

Reads top to bottom: settings, batch, loss, loop. A checkpoint holds everything; a run that is started again on
its folder goes on where it stopped.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import written_whole
from ofx_reenact.ldnet.freeform import bends
from ofx_reenact.ldnet.heads import Heads, Poses
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.normalise import Norm, normalise
from ofx_reenact.weights import load_ldnet, save_ldnet


@dataclass(frozen=True)
class TrainSettings:
    """What a run is made of; kept in its checkpoints and in the weights' metadata."""

    data: str
    out: str
    steps: int = 16000
    batch: int = 256
    learning_rate: float = 1.5e-3
    norm: Norm = "rigid"
    facing: float = 0.5  # share of batches' rows in which all heads face the camera, as frontalised tracks do
    noise: float = 0.004  # of a tracker, in normalised units (half the landmark box = 1)
    offset: float = 0.4  # how far people differ from the head model's, as a share of its free bends
    start: str = ""  # weights to start from instead of chance
    ema: float = 0.999
    seed: int = 1
    threads: int = 1
    save_every: int = 500


@dataclass(frozen=True)
class Batch:
    """Normalised landmarks (B, 68, 2).

    Attributes:
        driver: performing.
        rest: the same driver in another frame, which means "as in the target" where ``like`` holds.
        target: as in its picture.
        truth: the target doing what ``driver`` does.
        like: (B, 1, 1) bool; whether the target's picture shows the expression and rotation of ``rest``.
    """

    driver: Tensor
    rest: Tensor
    target: Tensor
    truth: Tensor
    like: Tensor


def draw_batch(heads: Heads, settings: TrainSettings, generator: torch.Generator, clean: bool = False) -> Batch:
    """Draw drivers, targets and true swaps.

    Args:
        heads: where people and poses come from.
        settings: batch size, normalisation and noise.
        generator: source of chance.
        clean: leave out noise, bends and offsets, and have every target in a pose of its own, for measuring.
    """
    count, template = settings.batch, heads.template()
    drivers, targets = heads.people(2 * count, generator).chunk(2)
    near, far = heads.distances(2 * count, generator).chunk(2)
    facing = torch.rand(count, 1, generator=generator) < settings.facing
    act, rest, own = (heads.poses(count, generator, facing) for _ in range(3))
    like = torch.rand(count, 1, generator=generator) < (0.0 if clean else 0.6)
    own = Poses(*(torch.where(like, r, o) for r, o in ((rest.expression, own.expression), (rest.angles, own.angles))))
    faces = [
        normalise(heads.landmarks(who, pose, distance), settings.norm, template)[0]
        for who, pose, distance in (
            (drivers, act, near), (drivers, rest, near), (targets, own, far), (targets, act, far)
        )
    ]  # fmt: skip
    if not clean:
        acted, rested, owned = (bends(template, count, generator) for _ in range(3))
        owned = torch.where(like[..., None], rested, owned)
        identities = bends(template, 2 * count, generator) * settings.offset
        identities += torch.randn(2 * count, len(template), 2, generator=generator) * settings.offset * 0.04
        of_driver, of_target = identities.chunk(2)
        added = (acted + of_driver, rested + of_driver, owned + of_target, acted + of_target)
        faces = [face + more for face, more in zip(faces, added, strict=True)]
        noise = [torch.randn(faces[0].shape, generator=generator) * settings.noise for _ in range(3)]
        faces[:3] = [face + more for face, more in zip(faces[:3], noise, strict=True)]
    driver, performed, target, truth = faces
    return Batch(driver, performed, target, truth, like[..., None])


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Per-point squared Euclidean distance, mean over points and batch (paper eq. 2 and 6)."""
    return ((a - b) ** 2).sum(-1).mean()


def agreement(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared difference of codes (B, n) in units of their variance, so that shrinking them wins nothing."""
    return ((a - b) ** 2).mean() / a.detach().var(0).mean().clamp(min=1e-6)


def loss_of(network: LDNet, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Swap, reconstruction, both anchored swaps, and agreement of both codes.

    From one frame nobody can tell a wide mouth from a smile, so the swap alone teaches to do half of either. What is
    rendered is the difference of two frames, where who it is cancels: the relative swap weighs most.
    """
    faces = torch.cat([batch.driver, batch.rest, batch.target, batch.truth])
    act, rest, own, done = network.encode_pose(faces).chunk(4)
    identity, identity_done = network.encode_identity(torch.cat([batch.target, batch.truth])).chunk(2)
    made = network.generate(torch.cat([act, rest, own]), identity.repeat(3, 1)).float()
    swap, rested, same = made.chunk(3)
    absolute, relative = batch.target + swap - same, batch.target + swap - rested
    terms = {
        "swap": 300 * squared_error(swap, batch.truth),
        "same": 200 * squared_error(same, batch.target),
        "absolute": 200 * squared_error(absolute, batch.truth),
        "relative": 3000 * squared_error(torch.where(batch.like, relative, batch.truth), batch.truth),
        "pose": 0.1 * agreement(act.float(), done.float()),
        "identity": 0.1 * agreement(identity.float(), identity_done.float()),
    }
    return torch.stack(list(terms.values())).sum(), {k: v.item() for k, v in terms.items()}


@torch.no_grad()
def measure(network: LDNet, heads: Heads, settings: TrainSettings, batches: int = 8) -> dict[str, float]:
    """Point errors on unseen people, mean distance over half the truth's landmark box.

    Returns:
        On the head model alone, heads turned: ``copied`` (the driver's landmarks as they are), ``swap`` and
        ``anchored``. With bends and noise, heads facing the camera: ``relative`` (what relative motion renders) and
        ``gain``, the share of the true motion that is in it.
    """
    generator = torch.Generator().manual_seed(20_000_003)
    turned, facing = replace(settings, facing=0.0), replace(settings, facing=1.0)
    sums: dict[str, float] = {}
    for _ in range(batches):
        batch = draw_batch(heads, turned, generator, clean=True)
        identity = network.encode_identity(batch.target)
        swap, same = network(batch.driver, identity), network(batch.target, identity)
        half = (batch.truth.amax(-2) - batch.truth.amin(-2)).amax(-1) / 2
        guesses = {"copied": batch.driver, "swap": swap, "anchored": batch.target + swap - same}
        errors = {name: ((guess - batch.truth).norm(dim=-1).mean(-1) / half).mean() for name, guess in guesses.items()}
        for name, value in (errors | measure_relative(network, draw_batch(heads, facing, generator))).items():
            sums[name] = sums.get(name, 0.0) + value.item() / batches
    return sums


def measure_relative(network: LDNet, batch: Batch) -> dict[str, Tensor]:
    """Point error and gain of relative motion, where the target's picture shows the driver's reference."""
    chosen = batch.like.flatten()
    driver, rest, target, truth = (x[chosen] for x in (batch.driver, batch.rest, batch.target, batch.truth))
    identity = network.encode_identity(target)
    moved, true = network(driver, identity) - network(rest, identity), truth - target
    half = (truth.amax(-2) - truth.amin(-2)).amax(-1) / 2
    return {
        "relative": ((moved - true).norm(dim=-1).mean(-1) / half).mean(),
        "gain": (moved * true).sum() / (true * true).sum(),
    }


def train(settings: TrainSettings) -> Path:
    """Run or resume a training; returns the weights file.

    Raises:
        SettingsError: the folder holds a run with other settings.
    """
    torch.set_num_threads(settings.threads)
    out = Path(settings.out)
    out.mkdir(parents=True, exist_ok=True)
    heads = Heads(settings.data)
    torch.manual_seed(settings.seed)
    network = load_ldnet(settings.start).network.requires_grad_(True) if settings.start else LDNet()
    average = copy.deepcopy(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, eps=1e-6)
    generator = torch.Generator().manual_seed(settings.seed)
    step, checkpoint = 0, out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if state["settings"] != asdict(settings):
            raise SettingsError(f"{checkpoint} was trained with other settings; choose another --out")
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        step = state["step"]

    start = time.monotonic()
    while step < settings.steps:
        rate = min(1.0, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * step / settings.steps))
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * max(rate, 0.005)
        batch = draw_batch(heads, settings, generator)
        with torch.autocast("cpu", torch.bfloat16):
            loss, terms = loss_of(network, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        step += 1
        decay = min(settings.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
        if step % settings.save_every == 0 or step == settings.steps:
            errors = measure(average, heads, settings)
            line = {"step": step, "seconds": round(time.monotonic() - start), **errors}
            line |= {f"loss_{name}": value for name, value in terms.items()}
            print(json.dumps({k: round(v, 5) for k, v in line.items()}), flush=True)
            state = {
                "settings": asdict(settings), "step": step, "network": network.state_dict(),
                "average": average.state_dict(), "optimiser": optimiser.state_dict(),
                "generator": generator.get_state(),
            }  # fmt: skip
            with written_whole(checkpoint) as partial:
                torch.save(state, partial)
    errors = measure(average, heads, settings)
    weights = out / "ldnet.safetensors"
    note = {
        "recipe": f"supervised swaps, {settings.steps} steps of {settings.batch}",
        "data": "synthetic heads from ICT-FaceKit (MIT, USC ICT), 68-point model",
        "errors": json.dumps({k: round(v, 5) for k, v in errors.items()}),
    }
    save_ldnet(weights, average, heads.template(), settings.norm, note)
    return weights


def main() -> None:
    """``python -m ofx_reenact.ldnet.train --data HEADS.npz --out RUN``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    for name in ("steps", "batch", "seed", "threads", "save_every"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(TrainSettings, name))
    parser.add_argument("--start", default=TrainSettings.start, help="weights to start from")
    parser.add_argument("--learning-rate", type=float, default=TrainSettings.learning_rate)
    print(train(TrainSettings(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
