"""Training of the portrait network, as in the paper (section 3.2, equations 10 to 12, appendix).

From top to bottom: settings, networks and optimisers, one step with its losses, the run. Batches come from
``data/face_set.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan.network import channels_last
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.weights import load_portrait, save_portrait
from ofx_reenact.frames.preview import write_png
from ofx_reenact.training.cuda_graph import GraphedStep, fuse
from ofx_reenact.training.distributed import ALONE, Group
from ofx_reenact.training.fdgan.critics import Classifier, Discriminator, load_critics, log_likelihood, save_critics
from ofx_reenact.training.fdgan.data.face_set import FaceBatch, Faces
from ofx_reenact.training.fdgan.recipe_base import CRITICS, FDGANSettings, describe_run, digest_of
from ofx_reenact.training.fdgan.score import psnr, stack_rows, strips
from ofx_reenact.training.loop import Run, advise_smaller_batch, autocast
from ofx_reenact.training.recipe import Average, Recipe, descend, set_rate

WEIGHTS, STEPS = "fdgan_portrait.safetensors", 1_000_000
# Steps of the learning rate's warm-up, as in the authors' earlier code. RMSprop's average of squared gradients begins
# at 0: without a warm-up the first steps would be ten times as long and spoil the weights that a run goes on from.
WARM_UP = 100
# Validation pairs that are measured, and those of them that are shown.
_MEASURED, _SHOWN = 16, 8


@dataclass(frozen=True)
class PortraitSettings(FDGANSettings):
    """Settings of the portrait recipe; the defaults are the paper's. The learning rate, RMSprop's, has a warm-up.

    Attributes:
        reconstruction, adversary, identity: weights of the three terms of equation 12.
    """

    batch: int = 4
    learning_rate: float = 2e-5
    reconstruction: float = 50.0
    adversary: float = 1.0
    identity: float = 1.0


class DrawPortraits(nn.Module):
    """The portrait network on a batch, as one module for DistributedDataParallel."""

    def __init__(self, network: PortraitNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: FaceBatch) -> Tensor:
        """Return ``y = T(x_T, l_T, l'_T)``: portraits (B, 3, s, s) in [-1, 1]."""
        dictionary = self.network.write(batch.target[:, None], batch.target_landmarks[:, None])
        return self.network(batch.landmarks, dictionary, batch.truth.shape[-1])


class PortraitCritics(nn.Module):
    """The critics: a discriminator D, and a classifier C of the people."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.discriminator, self.classifier = Discriminator(), Classifier(people)

    def forward(self, batch: FaceBatch, made: Tensor) -> dict[str, Tensor]:
        """Return their losses; ``made`` are the network's portraits, without gradients."""
        return critics_losses(self.discriminator, self.classifier, batch, made)


class PortraitRecipe(Recipe):
    """The portrait network against its critics, on pairs of pictures of one person."""

    parts: ClassVar = ("network", "average", "critics", "optimiser", "critic_optimiser")
    rng: np.random.Generator

    def __init__(
        self,
        settings: PortraitSettings,
        faces: Faces,
        out: Path,
        start: PortraitNetwork | None = None,
        group: Group = ALONE,
    ) -> None:
        """Begin from random weights, or from a trained network; it may have been trained on faces of another size.

        Raises:
            ReenactError: fewer than two people to train on, or another process of the group has ended.
        """
        if faces.people() < 2:
            raise ReenactError(f"{faces.people()} people to train on, two or more are needed: give a set of more")
        self._settings, self._faces, self._out = settings, faces, out
        self.rng = group.rng(settings.seed)

        torch.manual_seed(settings.seed)
        network = start or PortraitNetwork.ablation(settings.variant)
        self.network = channels_last(network.to(settings.device)).requires_grad_(True)
        self.critics = channels_last(PortraitCritics(faces.people()).to(settings.device))
        # Called in place of the networks: with several processes, backward averages the gradients.
        self._portraits = group.average_gradients(DrawPortraits(self.network))
        self._judge = group.average_gradients(self.critics)
        self.average = Average(self.network, settings.ema)

        # Several processes exchange gradients within a step; such a step cannot be recorded as a CUDA graph.
        record = torch.device(settings.device).type == "cuda" and group.size == 1
        rate = torch.tensor(settings.learning_rate, device=settings.device) if record else settings.learning_rate
        self.optimiser = torch.optim.RMSprop(self.network.parameters(), rate, capturable=record)
        self.critic_optimiser = torch.optim.RMSprop(self.critics.parameters(), rate, capturable=record)
        self._turns = GraphedStep(self._take_turns, on=record)
        self.network.draw = fuse(self.network.draw, on=record)
        faces.decode_onto(settings.device)

    def about(self) -> dict[str, Any]:
        """Return the settings of the run."""
        about = {"recipe": "portrait", "people": self._faces.people(), "size": self._faces.size}
        return about | asdict(self._settings)

    def step(self, number: int, steps: int) -> Mapping[str, Tensor]:
        """Draw a batch; let critics, then network learn from it."""
        for optimiser in (self.optimiser, self.critic_optimiser):
            set_rate(optimiser, self._settings.learning_rate * min(1.0, (number + 1) / WARM_UP))
        losses = self._turns(vars(self._to_device(self._faces.draw(self._settings.batch, self.rng))))
        self.average.update_parameters(self.network)
        return losses

    def _take_turns(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        settings, batch, critics = self._settings, FaceBatch(**tensors), self.critics
        with autocast(settings.device, settings.bf16):
            made = self._portraits(batch)
            critics.requires_grad_(True)
            critic_terms = self._judge(batch, made.detach())
        descend(torch.stack(list(critic_terms.values())).sum(), self.critic_optimiser)
        with autocast(settings.device, settings.bf16):
            # In the network's turn the critics get no gradients.
            critics.requires_grad_(False)
            terms = network_losses(settings, critics.discriminator, critics.classifier, batch, made)
        descend(torch.stack(list(terms.values())).sum(), self.optimiser)
        return {name: value.detach() for name, value in (critic_terms | terms).items()}

    @torch.no_grad()
    def measure(self) -> Mapping[str, float]:
        """Return the average's PSNR on validation people in dB; writes ``samples.png``: target, portrait, truth."""
        if not self._faces.people(validation=True):
            return {}
        batch = self._to_device(self._faces.validation(_MEASURED))
        made = DrawPortraits(self.average.module)(batch)
        write_png(self._out / "samples.png", stack_rows(strips(batch.target, made, batch.truth)[:_SHOWN]))
        whole = torch.ones_like(made[:, :1])
        return {"PSNR": psnr(made, batch.truth, whole).mean().item()}

    def _to_device(self, batch: FaceBatch) -> FaceBatch:
        return FaceBatch(**{name: value.to(self._settings.device) for name, value in vars(batch).items()})


def critics_losses(
    discriminator: nn.Module, classifier: nn.Module, batch: FaceBatch, made: Tensor
) -> dict[str, Tensor]:
    """Return the losses of D and C, equations 10 and 11."""
    real, fake = discriminator(torch.cat([batch.target, made])).float().chunk(2)
    of_real, of_fake = classifier(torch.cat([batch.target, made])).chunk(2)
    not_person = (1 - log_likelihood(of_fake, batch.person).exp()).clamp(min=1e-6).log()
    return {
        "D": ((real - 1) ** 2).mean() + ((fake + 1) ** 2).mean(),
        "C": -log_likelihood(of_real, batch.person).mean() - not_person.mean(),
    }


def network_losses(
    settings: PortraitSettings, discriminator: nn.Module, classifier: nn.Module, batch: FaceBatch, made: Tensor
) -> dict[str, Tensor]:
    """Return the weighted losses of extractor and translator, equation 12."""
    return {
        "reconstruction": settings.reconstruction * ((made - batch.truth) ** 2).mean(),
        "adversary": settings.adversary * (discriminator(made).float() ** 2).mean(),
        "identity": -settings.identity * log_likelihood(classifier(made), batch.person).mean(),
    }


def train_portrait(
    run: Run,
    data: str,
    settings: PortraitSettings,
    *,
    size: int = 0,
    steps: int | None = None,
    start: str = "",
    critics: str = "",
) -> Path:
    """Train the portrait network; returns the weights file, which the first process writes.

    Args:
        run: folder, checkpoints, processes.
        data: set of faces.
        settings: of the recipe; ``start`` and ``critics`` in it are filled in here.
        size: side of the pictures in pixels, a divisor of the set's; 0 for the set's own.
        steps: None for the paper's million.
        start, critics: weights and critics of an earlier training to go on from.

    Raises:
        ReenactError: the data cannot be used, or another process of the group has ended.
        SettingsError: the folder holds another run, or memory ran out.
    """
    weights, steps = run.out / WEIGHTS, steps or STEPS
    with advise_smaller_batch(settings.batch):
        faces = Faces(data, size)
        origin = load_portrait(start) if start else None
        settings = replace(settings, start=digest_of(start), critics=digest_of(critics))
        recipe = PortraitRecipe(settings, faces, run.out, origin.network if origin else None, run.group)
        if critics:
            load_critics(Path(critics), recipe.critics)
        run.train(recipe, steps, "fdgan")
        if run.group.first:
            described = f"portrait recipe ({settings.variant}), {steps} steps of {settings.batch * run.group.size}"
            described += f" at {faces.size}², learning rate {settings.learning_rate:g}"
            pictures, scores = f"faces of {faces.size} pixels", recipe.measure()
            note = describe_run(described, origin, pictures, faces.names(), faces.terms_of_use, scores)
            save_portrait(weights, recipe.average.module.cpu(), faces.size, note)
            save_critics(run.out / CRITICS, recipe.critics.cpu())
    return weights
