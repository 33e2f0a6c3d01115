"""Supervised training of LD-Net on synthetic heads; it makes the weights that renders use.

A *swap* is the target with the driver's pose and expression. The losses of the paper only demand that it looks like
the target and moves like the driver. On synthetic heads the true swap is known, so the network is trained on it
directly, and on the differences of outputs that a render uses. Each code is trained to ignore what the other one
carries.

From top to bottom: settings, network and optimiser, one step with its losses, the run. Swaps come from ``swaps.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from ofx_reenact.files import sha256_of
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.normalise import Norm, normalise
from ofx_reenact.ldnet.weights import load_ldnet
from ofx_reenact.training.distributed import refuse_several
from ofx_reenact.training.ldnet.data.head_model import HeadModel, load_heads
from ofx_reenact.training.ldnet.data.people import LandmarkSet
from ofx_reenact.training.ldnet.data.swaps import Swaps, SwapSettings, draw_swaps
from ofx_reenact.training.ldnet.recipe_base import WEIGHTS, check_data, models_by_name, save_trained, squared_error
from ofx_reenact.training.ldnet.score import Score, score
from ofx_reenact.training.loop import Run, autocast
from ofx_reenact.training.recipe import Average, Recipe, cosine_rate, descend, set_rate

STEPS = 16_000
# Steps of warm-up, the lowest learning rate as a fraction of the highest, and the norm that gradients are clipped to.
WARM_UP, LEAST_RATE, MAX_NORM = 200, 0.005, 10.0


@dataclass(frozen=True)
class SupervisedSettings:
    """Settings of the supervised recipe. The learning rate, Adam's, has a warm-up and falls as a cosine.

    Attributes:
        batch: swaps in a step.
        learning_rate: of Adam, at its highest.
        norm: normalisation of the landmarks.
        ema: decay of the exponential moving average that is saved as the weights.
        bf16: whether layers run in bfloat16, where the device has it.
        width: features of the hidden layers.
        start, tracks: SHA-256 of the weights that the run goes on from and of its tracks; empty for none.
    """

    batch: int = 256
    learning_rate: float = 1.5e-3
    norm: Norm = "rigid"
    ema: float = 0.999
    seed: int = 1
    device: str = "cpu"
    bf16: bool = True
    width: int = 512
    start: str = ""
    tracks: str = ""


class SupervisedRecipe(Recipe):
    """LD-Net on swaps whose truth is known, and on swaps of real people if there are tracks."""

    parts: ClassVar = ("network", "average", "optimiser")
    rng: torch.Generator

    def __init__(
        self,
        settings: SupervisedSettings,
        sources: Sequence[HeadModel],
        template: Tensor,
        score: Score,
        *,
        start: LDNet | None = None,
        tracks: LandmarkSet | None = None,
    ) -> None:
        """Begin from random weights, or from ``start``.

        Args:
            settings: of the recipe.
            sources: head models; each step draws swaps from the next one.
            template: mean face of the normalisation, (68, 2).
            score: measures a network on unseen people.
            start: network to go on from.
            tracks: landmarks of real people; in a swap among them the identity code has to be the target's.
        """
        torch.manual_seed(settings.seed)
        self._settings, self._sources, self._tracks, self._score = settings, sources, tracks, score
        self._swap_settings = SwapSettings(settings.norm, template)
        self.network = (start or LDNet(width=settings.width)).to(settings.device).requires_grad_(True)
        # The decay counts from 1 here, in FD-GAN's recipes from 0.
        self.average = Average(self.network, settings.ema, first=1)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate, eps=1e-6)
        self.rng = torch.Generator().manual_seed(settings.seed)

    def about(self) -> dict[str, Any]:
        """Return the settings of the run."""
        return {"recipe": "supervised", "sources": [model.source for model in self._sources], **asdict(self._settings)}

    def step(self, number: int, steps: int) -> dict[str, float]:
        """Draw swaps from the next head model, and learn from them."""
        settings = self._settings
        set_rate(self.optimiser, settings.learning_rate * max(cosine_rate(number, steps, WARM_UP), LEAST_RATE))
        model = self._sources[number % len(self._sources)]
        swaps = draw_swaps(model, self._swap_settings, settings.batch, self.rng).to(settings.device)
        real = self._draw_real()
        with autocast(settings.device, settings.bf16):
            terms = losses(self.network, swaps)
            if real is not None:
                terms["cycle"] = 0.1 * cycle_loss(self.network, *real)
            loss = torch.stack(list(terms.values())).sum()
        descend(loss, self.optimiser, MAX_NORM)
        self.average.update_parameters(self.network)
        return {name: value.item() for name, value in terms.items()}

    @torch.no_grad()
    def measure(self) -> Mapping[str, float]:
        """Return the average's point errors on unseen people."""
        return self._score(self.average.module)

    def _draw_real(self) -> tuple[Tensor, Tensor] | None:
        """Draw real drivers and targets, normalised (B, 68, 2) each."""
        if self._tracks is None:
            return None
        who = torch.randint(self._tracks.count, (2 * self._settings.batch,), generator=self.rng)
        drawn = self._tracks.draw(who, self.rng)
        normalised, _ = normalise(drawn, self._settings.norm, self._swap_settings.template)
        driver, target = normalised.to(self._settings.device).chunk(2)
        return driver, target


def losses(network: LDNet, swaps: Swaps) -> dict[str, Tensor]:
    """Return the weighted losses by name.

    ``swap``: the swap against the true one; ``same``: the target from its own codes. ``absolute``: the
    target + swap - ``same``. ``relative``: the target + swap - the swap of the driver's rest frame. ``pose`` and
    ``identity``: the true swap's codes against the driver's and the target's.

    From one frame nobody can tell a wide mouth from a smile, so the swap alone teaches a network to do half of either.
    A render uses the difference of two frames, in which the identity cancels: ``relative`` weighs most.
    """
    faces = torch.cat([swaps.driver, swaps.rest, swaps.target, swaps.truth])
    act, rest, own, done = network.encode_pose(faces).chunk(4)
    identity, identity_done = network.encode_identity(torch.cat([swaps.target, swaps.truth])).chunk(2)
    made = network.generate(torch.cat([act, rest, own]), identity.repeat(3, 1)).float()
    swap, rested, same = made.chunk(3)
    absolute, relative = swaps.target + swap - same, swaps.target + swap - rested
    return {
        "swap": 1000 * squared_error(swap, swaps.truth),
        "same": 200 * squared_error(same, swaps.target),
        "absolute": 200 * squared_error(absolute, swaps.truth),
        "relative": 4500 * squared_error(torch.where(swaps.same_rest, relative, swaps.truth), swaps.truth),
        "pose": 0.1 * code_distance(act.float(), done.float()),
        "identity": 0.1 * code_distance(identity.float(), identity_done.float()),
    }


def cycle_loss(network: LDNet, driver: Tensor, target: Tensor) -> Tensor:
    """Return how far a swap's identity code is from its target's, where the true swap is not known."""
    identity = network.encode_identity(target)
    return code_distance(network.encode_identity(network(driver, identity)).float(), identity.float())


def code_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean squared difference of codes (B, n) over the variance of ``a``: small codes do not lower it."""
    return ((a - b) ** 2).mean() / a.detach().var(0).mean().clamp(min=1e-6)


def train_supervised(
    run: Run,
    data: Sequence[str],
    settings: SupervisedSettings,
    *,
    steps: int | None = None,
    start: str = "",
    tracks: str = "",
) -> Path:
    """Train LD-Net by the supervised recipe; returns the weights file.

    Args:
        run: folder and checkpoints.
        data: heads files.
        settings: of the recipe; ``start`` and ``tracks`` in it are filled in here.
        steps: None for 16,000.
        start: weights to go on from.
        tracks: file of tracked landmarks of real people, for :func:`cycle_loss`.

    Raises:
        ReenactError: the data cannot be used.
        SettingsError: the folder holds another run.
    """
    refuse_several("train ldnet")
    check_data(data)
    models = [load_heads(path)[0] for path in data]
    origin = load_ldnet(start) if start else None
    people = LandmarkSet(tracks) if tracks else None
    used = sha256_of(Path(tracks)) if tracks else ""
    settings = replace(settings, start=origin.sha256 if origin else "", tracks=used)
    template = origin.template if origin else models[0].template()
    measure = partial(score, models=models_by_name(models), swap_settings=SwapSettings(settings.norm, template))
    network, steps = origin.network if origin else None, steps or STEPS
    recipe = SupervisedRecipe(settings, models, template, measure, start=network, tracks=people)
    run.train(recipe, steps, "supervised")
    described = f"supervised recipe, {steps} steps of {settings.batch}"
    described += f", from {origin.sha256[:12]}" if origin else ""
    weights = run.out / WEIGHTS
    save_trained(weights, recipe.average.module, template, settings.norm, described, data, models)
    return weights
