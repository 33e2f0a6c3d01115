"""LD-Net's training as in the paper (paper section 3.1, equations 1 to 7): two stages, each against its critics.

Stage 1 learns E_P, G and a table of identities N_I against a classifier C that looks for the driver's identity in the
swapped landmarks. Stage 2 freezes E_P, puts E_I in the table's place and trains it with G against a discriminator D and
a new C. Where the paper is silent or in doubt, :class:`AdversarialSettings` has an option.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ofx_reenact.ldnet.network import Classifier, Discriminator, LabelTable, LDNet
from ofx_reenact.ldnet.normalise import Norm, normalise
from ofx_reenact.training.ldnet.people import People
from ofx_reenact.training.ldnet.score import Score
from ofx_reenact.training.loop import autocast
from ofx_reenact.training.recipe import Recipe, descend, set_rate

Adversary = Literal["ll", "ll_clamp", "nlu"]
# Iterations and Adam's learning rate of each stage, as in the paper.
STEPS = {1: 400_000, 2: 1_000_000}
RATES = {1: 1e-4, 2: 5e-5}
# Adam's epsilon for networks and for the table, whose gradients are rare and small.
_EPS, _TABLE_EPS = 1e-4, 1e-8


@dataclass(frozen=True)
class AdversarialSettings:
    """One stage of the adversarial recipe; ``learning_rate`` 0 takes the paper's.

    ``adv`` is how equation (2) treats a classifier that is surely wrong: ``ll`` literally, without bound; ``ll_clamp``
    not below chance; ``nlu`` the balanced likelihood of "not this person". ``critics`` are steps of C and D for each of
    G; ``table_rate`` multiplies the learning rate of N_I, of which a batch touches a few rows only; ``warm_up`` are
    steps over which rates rise; ``width`` is that of the hidden layers.
    """

    stage: Literal[1, 2]
    batch: int = 32
    learning_rate: float = 0.0
    adv: Adversary = "ll_clamp"
    critics: int = 1
    table_rate: float = 100.0
    warm_up: int = 100
    norm: Norm = "bbox"
    seed: int = 1
    device: str = "cpu"
    bf16: bool = True
    width: int = 512


class AdversarialRecipe(Recipe):
    """What both stages share: networks, critics, optimisers, data and the random generator."""

    parts: ClassVar = ("modules", "optimisers")
    generator: torch.Generator

    def __init__(self, settings: AdversarialSettings, people: People, template: Tensor, network: LDNet) -> None:
        """Put networks and data on the device; ``template`` (68, 2) is the mean face of the ``rigid`` normalisation."""
        self._settings, self._people, self._template = settings, people, template
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.network = network.to(settings.device).requires_grad_(True)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self.optimisers: dict[str, torch.optim.Adam] = {}

    def about(self) -> dict[str, Any]:
        """Say what the run is made of."""
        return {"recipe": "adversarial", "people": self._people.count, **asdict(self._settings)}

    def _adam(self, *modules: nn.Module) -> torch.optim.Adam:
        parameters = [p for module in modules for p in module.parameters()]
        return torch.optim.Adam(parameters, lr=self._rate, eps=_EPS)

    @property
    def _rate(self) -> float:
        return self._settings.learning_rate or RATES[self._settings.stage]

    def _pairs(self) -> tuple[Tensor, Tensor]:
        """Draw drivers S and targets T ≠ S, (B,) each."""
        count, batch = self._people.count, self._settings.batch
        driver = torch.randint(count, (batch,), generator=self.generator)
        other = torch.randint(count - 1, (batch,), generator=self.generator)
        return driver, other + (other >= driver)

    def _landmarks(self, who: Tensor) -> Tensor:
        """Draw normalised landmarks (B, 68, 2) of people (B,)."""
        drawn = self._people.draw(who, self.generator)
        return normalise(drawn, self._settings.norm, self._template)[0].to(self._settings.device)

    def _turn(self, name: str, loss: Callable[..., Tensor], *arguments: Any) -> Tensor:
        """Let one optimiser take a step on a loss of these arguments."""
        with autocast(self._settings.device, self._settings.bf16):
            value = loss(*arguments)
        descend(value, self.optimisers[name])
        return value.detach()

    def _warm(self, number: int) -> None:
        share = min(1.0, (number + 1) / max(self._settings.warm_up, 1))
        for name, optimiser in self.optimisers.items():
            set_rate(optimiser, self._rate * (self._settings.table_rate if name == "table" else 1.0) * share)


class Stage1(AdversarialRecipe):
    """E_P, G and N_I against C: equations (1) and (2)."""

    def __init__(self, settings: AdversarialSettings, people: People, template: Tensor) -> None:
        """Begin from random weights."""
        torch.manual_seed(settings.seed)
        super().__init__(settings, people, template, LDNet(width=settings.width))
        self.table = LabelTable(people.count).to(settings.device)
        self.classifier = Classifier(people.count, width=settings.width).to(settings.device)
        self.modules |= {"table": self.table, "classifier": self.classifier}
        table = torch.optim.Adam(self.table.parameters(), lr=self._rate, eps=_TABLE_EPS)
        networks = self._adam(self.network.pose_encoder, self.network.generator)
        self.optimisers = {"networks": networks, "table": table, "classifier": self._adam(self.classifier)}

    def step(self, number: int, steps: int) -> dict[str, float]:
        """Let C, then the generator take a turn."""
        self._warm(number)
        for _ in range(self._settings.critics):
            driver, target = self._pairs()
            landmarks = self._landmarks(driver)
            found = self._turn("classifier", self._find, landmarks, driver, target)
        terms: dict[str, Tensor] = {}
        self.optimisers["table"].zero_grad(set_to_none=True)
        self._turn("networks", self._deceive, landmarks, driver, target, terms)
        self.optimisers["table"].step()
        return {"C": found.item(), **{name: value.item() for name, value in terms.items()}}

    def _find(self, landmarks: Tensor, driver: Tensor, target: Tensor) -> Tensor:
        """Equation (1): C tries to find the driver's identity in the swapped landmarks."""
        with torch.no_grad():
            identity = self.table(target.to(landmarks.device))
            swapped = self.network.generate(self.network.encode_pose(landmarks), identity)
        return -picked(self.classifier(swapped), driver).mean()

    def _deceive(self, landmarks: Tensor, driver: Tensor, target: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Equation (2): the driver's own landmarks come back, the swapped ones do not give him away."""
        pose = self.network.encode_pose(landmarks)
        who = torch.cat([driver, target]).to(landmarks.device)
        own, swapped = self.network.generate(pose.repeat(2, 1), self.table(who)).chunk(2)
        rest = squared_error(own, landmarks)
        given_away = adversary(picked(self.classifier(swapped), driver), self._people.count, self._settings.adv).mean()
        terms |= {"rec": rest.detach(), "adv": given_away.detach()}
        return 1000 * rest + 0.1 * given_away

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Stage 1 knows only its own people: nothing to measure on others."""
        return {}


class Stage2(AdversarialRecipe):
    """E_I and G against D and a new C, E_P frozen: equations (3) to (7)."""

    def __init__(
        self,
        settings: AdversarialSettings,
        people: People,
        template: Tensor,
        network: LDNet,
        score: Score,
    ) -> None:
        """Begin from stage 1's network; ``score`` measures it on unseen people."""
        torch.manual_seed(settings.seed + 1)
        super().__init__(settings, people, template, network)
        self.network.pose_encoder.requires_grad_(False)
        self.discriminator = Discriminator(width=settings.width).to(settings.device)
        self.classifier = Classifier(people.count, width=settings.width).to(settings.device)
        self.modules |= {"discriminator": self.discriminator, "classifier": self.classifier}
        networks = self._adam(self.network.identity_encoder, self.network.generator)
        critics = self._adam(self.discriminator, self.classifier)
        self.optimisers = {"networks": networks, "critics": critics}
        self._score = score

    def step(self, number: int, steps: int) -> dict[str, float]:
        """Let D and C, then the generator take a turn."""
        self._warm(number)
        terms: dict[str, Tensor] = {}
        for _ in range(self._settings.critics):
            driver, target = self._pairs()
            first, second, other = (self._landmarks(who) for who in (driver, driver, target))
            self._turn("critics", self._judge, second, other, target, terms)
        self._turn("networks", self._swap, first, second, other, target, terms)
        return {name: value.item() for name, value in terms.items()}

    def _judge(self, second: Tensor, other: Tensor, target: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Equations (3) and (4): D tells swapped from real, C finds the target's identity in real ones only."""
        with torch.no_grad():
            swapped = self.network(second, self.network.encode_identity(other))
        real, fake = self.discriminator(second), self.discriminator(swapped)
        d = ((real - 1) ** 2).mean() + ((fake + 1) ** 2).mean()
        c = -(picked(self.classifier(other), target) + not_picked(self.classifier(swapped), target)).mean()
        terms |= {"D": d.detach(), "C": c.detach()}
        return d + c

    def _swap(self, first: Tensor, second: Tensor, other: Tensor, target: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Equations (5) to (7): content kept, the driver rebuilt from his other frame, both critics deceived."""
        pose = self.network.encode_pose(second)
        identity = self.network.encode_identity(torch.cat([first, other]))
        own, swapped = self.network.generate(pose.repeat(2, 1), identity).chunk(2)
        content = ((pose - self.network.encode_pose(swapped)) ** 2).sum(-1).mean()
        rest = squared_error(own, second)
        deceived = (self.discriminator(swapped) ** 2).mean()
        recognised = -picked(self.classifier(swapped), target).mean()
        found = {"cont": content, "rec": rest, "adv_D": deceived, "adv_C": recognised}
        terms |= {name: value.detach() for name, value in found.items()}
        return 1000 * rest + 0.01 * content + 0.1 * deceived + 0.1 * recognised

    @torch.no_grad()
    def measure(self) -> Mapping[str, float]:
        """Point errors on unseen people."""
        return self._score(self.network)


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Per-point squared Euclidean distance, mean over points and batch (equations 2 and 6)."""
    return ((a - b) ** 2).sum(-1).mean()


def picked(log_probabilities: Tensor, who: Tensor) -> Tensor:
    """Log-probability (B,) of the named people (B,) out of (B, K)."""
    return log_probabilities.gather(1, who.to(log_probabilities.device)[:, None])[:, 0]


def not_picked(log_probabilities: Tensor, who: Tensor) -> Tensor:
    """Logarithm (B,) of one less the probability of the named people."""
    return (1 - picked(log_probabilities, who).exp()).clamp(min=1e-6).log()


def adversary(log_probability: Tensor, count: int, kind: Adversary) -> Tensor:
    """What equation (2) has the generator make small, (B,), given log P of the driver among ``count`` people."""
    if kind == "ll":
        return log_probability
    if kind == "ll_clamp":
        return log_probability.clamp(min=-math.log(count))
    unlikely = (1 - log_probability.exp()).clamp(min=1e-6).log()
    return -unlikely * (count - 1)
