"""FD-GAN's training as in the paper (paper section 3.2, equations 10 to 12, appendix)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan.network import channels_last
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.frames.preview import write_png
from ofx_reenact.training.distributed import ALONE, Group
from ofx_reenact.training.fdgan.critics import Classifier, Discriminator, log_likelihood
from ofx_reenact.training.fdgan.data.faces import FaceBatch, Faces
from ofx_reenact.training.fdgan.recipe import FDGANRecipe, FDGANSettings
from ofx_reenact.training.fdgan.score import psnr, sheet, strips
from ofx_reenact.training.loop import autocast
from ofx_reenact.training.recipe import descend
from ofx_reenact.training.recorded import Recorded, fused

# Pairs that ``measure`` looks at.
_SHOWN = 16
# Steps over which the learning rate rises, as in the authors' earlier code: RMSprop, which knows no sizes yet, begins
# with steps ten times as long, and would undo what a training goes on with.
_WARM_UP = 100


@dataclass(frozen=True)
class PortraitSettings(FDGANSettings):
    """The portrait recipe; defaults are the paper's. The learning rate is RMSprop's; it rises over the first 100 steps.

    Attributes:
        reconstruction, adversary, identity: weights of the three terms of equation 12.
    """

    batch: int = 4
    learning_rate: float = 2e-5
    reconstruction: float = 50.0
    adversary: float = 1.0
    identity: float = 1.0


class PortraitRecipe(FDGANRecipe[PortraitNetwork]):
    """The portrait network against a discriminator and a classifier of people."""

    parts: ClassVar = ("network", "average", "critics", "optimiser", "critic_optimiser")
    _settings: PortraitSettings

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
            ReenactError: fewer than two people to train on.
        """
        if faces.people() < 2:
            raise ReenactError(f"{faces.people()} people to train on: the classifier needs at least two")
        self._settings, self._faces = settings, faces
        super().__init__(settings, out, PortraitNetwork, start, group)
        both = {"discriminator": Discriminator(), "classifier": Classifier(faces.people())}
        self.critics = channels_last(nn.ModuleDict(both).to(settings.device))
        # Several GPUs meet in the middle of a step, which is then not recorded.
        record = torch.device(settings.device).type == "cuda" and group.size == 1
        rate = torch.tensor(settings.learning_rate, device=settings.device) if record else settings.learning_rate
        self.optimiser = torch.optim.RMSprop(self.network.parameters(), rate, capturable=record)
        self.critic_optimiser = torch.optim.RMSprop(self.critics.parameters(), rate, capturable=record)
        self._work = Recorded(self._descend, on=record)
        self.network.draw = fused(self.network.draw, on=record)
        faces.hold_on(settings.device)

    def about(self) -> dict[str, Any]:
        """Say what the run is made of."""
        about = {"recipe": "portrait", "people": self._faces.people(), "size": self._faces.size}
        return about | asdict(self._settings)

    def _rate(self, number: int, steps: int) -> float:
        return min(1.0, (number + 1) / _WARM_UP)

    def _learn(self, number: int, steps: int) -> Mapping[str, Tensor]:
        return self._work(vars(self._to_device(self._faces.draw(self._settings.batch, self.generator))))

    def _descend(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        settings, batch = self._settings, FaceBatch(**tensors)
        with autocast(settings.device, settings.bf16):
            made = read(self.network, batch)
            self.critics.requires_grad_(True)
            apart = judged(self.critics["discriminator"], self.critics["classifier"], batch, made.detach())
        descend(torch.stack(list(apart.values())).sum(), self.critic_optimiser, self._group)
        with autocast(settings.device, settings.bf16):
            self.critics.requires_grad_(False)
            terms = equation_12(settings, self.critics["discriminator"], self.critics["classifier"], batch, made)
        descend(torch.stack(list(terms.values())).sum(), self.optimiser, self._group)
        return {name: value.detach() for name, value in (apart | terms).items()}

    @torch.no_grad()
    def measure(self) -> Mapping[str, float]:
        """PSNR of the average on people kept from training; draws ``samples.png``: target, portrait, truth."""
        if not self._faces.people(validation=True):
            return {}
        batch = self._to_device(self._faces.validation(_SHOWN))
        made = read(self.average, batch)
        write_png(self._out / "samples.png", sheet(strips(batch.target, made, batch.truth)[:8]))
        whole = torch.ones_like(made[:, :1])
        return {"PSNR": psnr(made, batch.truth, whole).mean().item()}

    def _to_device(self, batch: FaceBatch) -> FaceBatch:
        return FaceBatch(**{name: value.to(self._settings.device) for name, value in vars(batch).items()})


def read(network: PortraitNetwork, batch: FaceBatch) -> Tensor:
    """``y = T(x_T, l_T, l'_T)``: (B, 3, s, s) in [-1, 1]."""
    dictionary = network.write(batch.target[:, None], batch.target_landmarks[:, None])
    return network(batch.landmarks, dictionary, batch.truth.shape[-1])


def judged(critic: nn.Module, classifier: nn.Module, batch: FaceBatch, made: Tensor) -> dict[str, Tensor]:
    """Equations 10 and 11: what D and C learn from."""
    real, fake = critic(torch.cat([batch.target, made])).float().chunk(2)
    known, taken = classifier(torch.cat([batch.target, made])).chunk(2)
    not_taken = (1 - log_likelihood(taken, batch.person).exp()).clamp(min=1e-6).log()
    return {
        "D": ((real - 1) ** 2).mean() + ((fake + 1) ** 2).mean(),
        "C": -log_likelihood(known, batch.person).mean() - not_taken.mean(),
    }


def equation_12(
    settings: PortraitSettings, critic: nn.Module, classifier: nn.Module, batch: FaceBatch, made: Tensor
) -> dict[str, Tensor]:
    """Equation 12: what extractor and translator learn from."""
    return {
        "reconstruction": settings.reconstruction * ((made - batch.truth) ** 2).mean(),
        "adversary": settings.adversary * (critic(made).float() ** 2).mean(),
        "identity": -settings.identity * log_likelihood(classifier(made), batch.person).mean(),
    }
